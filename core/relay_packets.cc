#include <algorithm>
#include <utility>

#include "core/inbound.h"
#include "core/outbound.h"
#include "core/packet_fan.h"
#include "core/packets.h"
#include "core/session.h"
#include "io/both.h"

namespace ferry::core {
namespace {

// One direction of an association.
struct Course {
    Session& session;
    PacketEnd& from;
    PacketEnd& to;
    Way way;
};

void count_passed(Session& session, Way way, std::span<const Packet> all) {
    std::uint64_t bytes = 0;
    for (const Packet& packet : all) {
        bytes += packet.bytes.size();
    }
    StatsShard& stats = session.core.stats;
    if (way == Way::up) {
        stats.uplink_datagrams.add(all.size());
        stats.uplink_bytes.add(bytes);
        session.up_bytes += bytes;
        session.meter.add_up(bytes);
    } else {
        stats.downlink_datagrams.add(all.size());
        stats.downlink_bytes.add(bytes);
        session.down_bytes += bytes;
        session.meter.add_down(bytes);
    }
}

// Is this to or from somebody else than the one target? Of a target with a name, only the far end
// knows who that is.
bool is_strange(const Course& course, const Packet& packet) {
    const proto::Address& target = course.session.address;
    return packet.peer.kind != proto::Address::Kind::none && packet.peer != target &&
           (course.way == Way::up || target.kind != proto::Address::Kind::name);
}

// An end that cannot say whom a datagram is with must not be given those of others.
void drop_strange(const Course& course, Packets& packets) {
    if (!course.to.addressed()) {
        const std::size_t dropped = std::erase_if(
            packets, [&](const Packet& packet) { return is_strange(course, packet); });
        StatsShard& stats = course.session.core.stats;
        (course.way == Way::up ? stats.datagrams_unsent : stats.datagrams_strange).add(dropped);
    }
}

// Sends what has been received. Whoever is slow to take it is not quiet: while a send is in flight,
// the longer time holds.
io::Task<Step<void>> pass(const Course& course, Packets& packets) {
    Session& session = course.session;
    session.scope.touch();
    drop_strange(course, packets);
    ++session.sends;
    if (session.quiet > io::Duration::zero()) {
        session.scope.idle_after(session.idle());
    }
    auto sent = co_await course.to.send(packets);
    --session.sends;
    if (session.quiet > io::Duration::zero() && session.sends == 0) {
        session.scope.idle_after(session.quiet);
    }
    if (sent) {
        count_passed(session, course.way, packets);
        session.scope.touch();
    }
    co_return sent;
}

// Moves datagrams in one direction, beginning with those that are there, until it ends.
io::Task<Step<void>> move_packets(const Course& course, Packets& packets) {
    for (;;) {
        if (!packets.empty()) {
            auto passed = co_await pass(course, packets);
            if (!passed) {
                co_return passed;
            }
        }
        auto received = co_await course.from.receive(packets);
        if (!received || packets.empty()) {
            co_return received;
        }
    }
}

io::Task<Outcome> pump_packets(const Course& course, Packets& packets) {
    Session& session = course.session;
    auto moved = co_await move_packets(course, packets);
    course.from.rest();
    if (!moved) {
        session.scope.stop(io::Stop::peer);  // and so the other direction
        co_return moved.error();
    }
    session.quiet = session.quiet_after(course.way);
    if (session.sends == 0) {
        session.scope.idle_after(session.quiet);
    }
    co_await course.to.end();
    (course.way == Way::up ? session.up_ended : session.down_ended) = true;
    co_return Outcome::finished;
}

// Tells the client how it went; a session inside another one has nobody to tell.
io::Task<Step<void>> tell_client(Session& session, Outcome dialed) {
    if (session.is_inner) {
        co_return {};
    }
    auto told = co_await session.inbound.answer(session, dialed);
    co_return told;
}

// Runs an association that has one far end.
io::Task<Outcome> run_one(Session& session, Packets& first) {
    const Outbound& outbound = route(session);
    auto dialed = co_await outbound.dial_packets(session);
    if (!dialed) {
        log_failure(session, "proxyman/outbound", dialed.error());
        auto told = co_await tell_client(session, dialed.error());
        (void)told;  // the session ends either way
        co_return dialed.error();
    }
    auto told = co_await tell_client(session, Outcome::finished);
    if (!told) {
        co_return told.error();
    }
    session.core.stats.associations.add();
    session.scope.idle_after(session.idle());
    PacketEnd& near = *session.packets;
    PacketEnd& far = **dialed;
    const Course up{session, near, far, Way::up};
    const Course down{session, far, near, Way::down};
    Packets answers;
    auto ends = co_await io::both(pump_packets(up, first), pump_packets(down, answers));
    co_await far.settle();
    const Outcome outcome = worse_of(ends.first, ends.second);
    // Datagrams have no other end than silence, once one side has said that it is done.
    const bool is_over = outcome == Outcome::idle && (session.up_ended || session.down_ended);
    co_return is_over ? Outcome::finished : outcome;
}

io::Task<Outcome> carry(Session& session) {
    session.scope.idle_after(session.idle());
    Packets first;
    if (!session.packets->addressed()) {
        auto outcome = co_await run_one(session, first);
        co_return outcome;
    }
    if (!way_out(session).addresses_packets()) {
        PacketFan fan(session);
        auto outcome = co_await fan.run();
        co_return outcome;
    }
    // Where it goes, for the log, is where the first one goes.
    auto received = co_await session.packets->receive(first);
    if (!received || first.empty()) {
        co_return received ? Outcome::finished : received.error();
    }
    session.address = first.front().peer;
    auto outcome = co_await run_one(session, first);
    co_return outcome;
}

io::Task<Outcome> carry_to_end(Session& session) {
    auto outcome = co_await carry(session);
    session.scope.stop(io::Stop::peer);  // whoever attends to it is free
    co_return outcome;
}

io::Task<Outcome> attend(Session& session) {
    co_await session.inbound.attend(session);
    co_return Outcome::finished;
}

}  // namespace

io::Task<Outcome> relay_packets(Session& session) {
    if (session.is_inner) {
        auto outcome = co_await carry(session);
        co_return outcome;
    }
    auto ends = co_await io::both(attend(session), carry_to_end(session));
    co_return ends.second;
}

}  // namespace ferry::core
