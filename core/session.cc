#include "core/session.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/drain.h"
#include "core/inbound.h"
#include "core/mux_server.h"
#include "core/outbound.h"
#include "core/pump.h"
#include "core/snapshot.h"
#include "io/both.h"
#include "proto/text.h"

namespace ferry::core {
namespace {

void log_accepted(Session& session, const Outbound& outbound) {
    if (!session.core.log.wants_access()) {
        return;
    }
    const std::string target = session.inbound.access_target(session);
    session.core.log.access({.from = session.source,
                             .status = AccessLine::Status::accepted,
                             .target = target,
                             .inbound_tag = session.inbound.tag,
                             .outbound_tag = outbound.tag,
                             .email = session.email,
                             .reason = {}});
}

void log_rejected(Session& session, Outcome outcome) {
    if (!session.core.log.wants_access()) {
        return;
    }
    const std::string_view reason =
        session.reason.empty() ? words_of(outcome) : std::string_view(session.reason);
    session.core.log.access({.from = session.source,
                             .status = AccessLine::Status::rejected,
                             .target = {},
                             .inbound_tag = session.inbound.tag,
                             .outbound_tag = {},
                             .email = session.email,
                             .reason = reason});
}

// An exchange has ended. A kept connection that closes between two of them has none to tell of.
void log_ended(Session& session, Outcome outcome) {
    const bool nothing = session.outbound == nullptr && outcome == Outcome::finished;
    if (!session.core.log.wants_sessions() || nothing) {
        return;
    }
    const io::Duration lasted = session.core.loop.now() - session.began;
    const std::string target =
        session.outbound == nullptr ? std::string() : session.inbound.access_target(session);
    session.core.log.session(
        {.id = session.id,
         .from = session.source,
         .outcome = name_of(outcome),
         .target = target,
         .inbound_tag = session.inbound.tag,
         .outbound_tag = session.outbound == nullptr ? std::string_view() : session.outbound->tag,
         .email = session.email,
         .reason = session.reason,
         .lasted = std::chrono::duration_cast<std::chrono::milliseconds>(lasted),
         .up_bytes = session.up_bytes,
         .down_bytes = session.down_bytes});
}

// The request is understood, or never will be: the listener may take another one.
void end_handshake(Session& session) {
    if (std::exchange(session.in_handshake, false)) {
        session.core.stats.handshakes.sub();
        session.core.room_for_sessions.notify_one();
    }
}

io::Task<Outcome> give_up(Session& session, Outcome outcome) {
    if (outcome != Outcome::client_lost && outcome != Outcome::finished) {
        log_rejected(session, outcome);  // who has gone has asked for nothing that could be refused
    }
    if (outcome != Outcome::finished) {
        log_failure(session, session.inbound.name(), outcome);
    }
    // A peer that has gone, or used up its time, has nothing to learn.
    if (session.inbound.drains() && outcome == Outcome::bad_request) {
        co_await drain(session);
    }
    end_handshake(session);
    co_return outcome;
}

// Sends what an outbound has to say in place of a target.
io::Task<void> speak_last(Session& session) {
    if (session.client.link) {
        const iovec all = {session.epilogue.data(), session.epilogue.size()};
        auto said = co_await session.client.link->send(session.scope, std::span(&all, 1));
        (void)said;  // the session ends either way
        co_return;
    }
    if (!session.client.sealer) {
        auto sent = co_await session.client.socket.send(proto::bytes_of(session.epilogue));
        if (sent) {
            session.client.count_sent(session.epilogue.size());
        }
        co_return;
    }
    auto out = co_await session.core.pools.out.take(session.scope);
    if (!out) {
        co_return;
    }
    proto::Sealer& sealer = *session.client.sealer;
    out->commit(sealer.seal(proto::bytes_of(session.epilogue), out->room()));
    out->commit(sealer.end(out->room()));
    auto sent = co_await session.client.socket.send(out->data());
    if (sent) {
        session.client.count_sent(out->data().size());
    }
}

// Tells the client how dialling went; a session inside another one has nobody to tell.
io::Task<Step<void>> answer(Session& session, Outcome dialed) {
    if (session.is_inner) {
        co_return {};
    }
    auto told = co_await session.inbound.answer(session, dialed);
    co_return told;
}

// Opens the way to a target, and moves bytes until both directions have ended.
io::Task<Outcome> relay(Session& session) {
    const Outbound& outbound = route(session);
    auto dialed = co_await outbound.dial(session);
    if (!dialed) {
        log_failure(session, "proxyman/outbound", dialed.error());
        if (!session.epilogue.empty()) {
            co_await speak_last(session);
        } else {
            auto told = co_await answer(session, dialed.error());
            (void)told;  // the session ends either way
        }
        co_return dialed.error();
    }
    session.target.emplace(std::move(*dialed));
    if (!session.target->link) {  // the bytes of a link are counted on the connection around it
        const Meter wire = wire_of(session);
        session.target->sent = wire.up;
        session.target->received = wire.down;
    }
    auto told = co_await answer(session, Outcome::finished);
    if (!told) {
        co_return told.error();
    }

    session.scope.idle_after(session.idle());
    auto ends = co_await io::both(pump(session, Way::up), pump(session, Way::down));
    const Outcome outcome = worse_of(ends.first, ends.second);
    if (is_cut(outcome)) {
        log_failure(session, session.inbound.name(), outcome);
    }
    co_return outcome;
}

io::Task<Outcome> run_once(Session& session) {
    auto greeted = co_await session.inbound.greet(session);
    if (!greeted) {
        auto ended = co_await give_up(session, greeted.error());
        co_return ended;
    }
    end_handshake(session);
    session.scope.clear_deadline();
    Outcome outcome = Outcome::finished;
    switch (session.network) {
        case Network::tcp:
            outcome = co_await relay(session);
            break;
        case Network::udp:
            outcome = co_await relay_packets(session);
            break;
        case Network::mux:
            outcome = co_await serve_mux(session);
            break;
    }
    co_return outcome;
}

// Whoever has not been told of an end is told of a cut: the two must not look alike.
void part(Session& session, Outcome outcome) {
    const bool relayed = session.target.has_value();
    const bool cut = is_cut(outcome);
    if (cut || (relayed && !session.down_ended && outcome != Outcome::finished)) {
        session.client.close(io::Farewell::reset);
    }
    if (relayed && !session.up_ended) {
        session.target->close(io::Farewell::reset);
    }
}

}  // namespace

Session::Session(Core& its_core, io::Scope& parent, const Inbound& its_inbound,
                 io::Accepted accepted)
    : core(its_core),
      scope(its_core.loop, &parent),
      snapshot(its_core.snapshot),
      inbound(its_inbound),
      policy(&its_core.snapshot->policy_of(0)),
      id(static_cast<std::uint32_t>(its_core.random.next())),
      peer(accepted.peer.unmapped()),
      client(io::Socket(scope, std::move(accepted.descriptor))),
      source(peer.text()) {
    count_wire();
    core.stats.accepted.add();
    core.stats.open_sessions.add();
    core.stats.handshakes.add();
}

Session::Session(Core& its_core, io::Scope& parent, const Inbound& its_inbound,
                 const io::Endpoint& from)
    : core(its_core),
      scope(its_core.loop, &parent),
      snapshot(its_core.snapshot),
      inbound(its_inbound),
      policy(&its_core.snapshot->policy_of(its_inbound.level)),
      id(static_cast<std::uint32_t>(its_core.random.next())),
      peer(from.unmapped()),
      client(scope, nullptr),
      network(Network::udp),
      source(peer.text()),
      began(its_core.loop.now()),
      in_handshake(false) {
    count_wire();
    core.stats.open_sessions.add();
}

Session::Session(const Session& outer, io::Scope& parent, std::unique_ptr<Link> link)
    : core(outer.core),
      scope(outer.core.loop, &parent),
      snapshot(outer.snapshot),
      inbound(outer.inbound),
      policy(outer.policy),
      id(static_cast<std::uint32_t>(outer.core.random.next())),
      peer(outer.peer),
      client(scope, std::move(link)),
      source(outer.source),
      user(outer.user),
      made_users(outer.made_users),
      email(outer.email),
      meter(outer.meter),
      began(outer.core.loop.now()),
      is_inner(true),
      in_handshake(false) {
    core.stats.open_sessions.add();
}

void Session::count_wire() {
    const Meter wire =
        core.meters.of(Meters::Kind::inbound, inbound.tag, snapshot->counted.inbounds);
    client.received = wire.up;
    client.sent = wire.down;
}

io::Duration Session::idle() const noexcept {
    const io::Duration near =
        inbound.idle_override > io::Duration::zero() ? inbound.idle_override : policy->idle;
    return far_policy == nullptr ? near : std::min(near, far_policy->idle);
}

io::Duration Session::quiet_after(Way ended) const noexcept {
    const auto of = [ended](const Policy& its) {
        return ended == Way::up ? its.downlink_only : its.uplink_only;
    };
    return far_policy == nullptr ? of(*policy) : std::min(of(*policy), of(*far_policy));
}

std::uint64_t Session::buffer_bytes() const noexcept {
    const std::uint64_t near = policy->buffer_bytes;
    return far_policy == nullptr ? near : std::min(near, far_policy->buffer_bytes);
}

Session::~Session() {
    unlink();
    core.stats.open_sessions.sub();
}

io::Task<Outcome> run(Session& session) {
    session.scope.expire_at(session.core.loop.now() + session.policy->handshake);
    Outcome outcome = Outcome::finished;
    for (;;) {
        session.began = session.core.loop.now();
        session.up_bytes = 0;
        session.down_bytes = 0;
        session.outbound = nullptr;
        outcome = co_await run_once(session);
        log_ended(session, outcome);
        if (outcome != Outcome::finished || session.over || !session.inbound.again(session)) {
            break;
        }
    }
    part(session, outcome);
    co_return outcome;
}

io::Task<void> run_inner(Session& session) {
    Outcome outcome = Outcome::finished;
    if (session.network == Network::udp) {
        outcome = co_await relay_packets(session);
    } else {
        outcome = co_await relay(session);
    }
    log_ended(session, outcome);
    part(session, outcome);
    session.core.stats.count(outcome);
}

const Outbound& way_out(const Session& session) {
    const Snapshot& snapshot = *session.snapshot;
    return *snapshot.outbounds[snapshot.router.pick(session.inbound.tag)];
}

const Outbound& route(Session& session) {
    const Outbound& outbound = way_out(session);
    session.outbound = &outbound;
    log_accepted(session, outbound);
    return outbound;
}

void log_failure(Session& session, std::string_view component, Outcome outcome) {
    if (!session.core.log.wants(LogLevel::info)) {
        return;
    }
    std::string message(words_of(outcome));
    if (!session.reason.empty()) {
        message += " > " + session.reason;
    }
    session.core.log.error(LogLevel::info, session.id, component, message);
}

bool is_removed(const Session& session) {
    if (!session.user || session.snapshot == session.core.snapshot) {
        return false;
    }
    const Inbound* inbound = session.core.snapshot->counterpart(session.inbound);
    return inbound == nullptr || !inbound->holds(session.user);
}

std::unexpected<Outcome> faulted(Session& session, proto::Fault fault, Outcome outcome) {
    session.core.stats.count(fault);
    session.reason = proto::name_of(fault);
    return std::unexpected(outcome);
}

Meter wire_of(const Session& session) {
    return session.core.meters.of(Meters::Kind::outbound, session.outbound->tag,
                                  session.snapshot->counted.outbounds);
}

Outcome ended_by(const Session& session, std::errc error, Outcome lost) {
    if (error == std::errc::operation_canceled && session.scope.stopping()) {
        return outcome_of(session.scope.why(), Outcome::idle, Outcome::finished);
    }
    return lost;
}

Outcome failure(const Session& session, std::errc error, Outcome deadline, Outcome otherwise) {
    if (error != std::errc::operation_canceled) {
        return otherwise;
    }
    return outcome_of(session.scope.why(), deadline, otherwise);
}

}  // namespace ferry::core
