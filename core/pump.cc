#include "core/pump.h"

#include <cassert>

#include "core/flow.h"

namespace ferry::core {
namespace {

// A run buffer that waits longer than this for its bytes goes back to its pool.
constexpr io::Duration kRunPatience = std::chrono::milliseconds(500);

// An early end mark that nothing has followed for so long was meant (vmess.md 18).
constexpr io::Duration kEndPatience = std::chrono::seconds(10);

using Got = io::Result<std::size_t>;

Outcome lost(const Flow& flow, const End& end) {
    return &end == &flow.session.client ? Outcome::client_lost : Outcome::target_lost;
}

// A failed operation on `end`. Stops the session, so that the other direction ends too.
Outcome failed(Flow& flow, const End& end, std::errc error) {
    io::Scope& scope = flow.session.scope;
    if (error == std::errc::operation_canceled && scope.stopping()) {
        // Stopped by the other direction: it has the reason.
        return outcome_of(scope.why(), Outcome::idle, Outcome::finished);
    }
    scope.stop(io::Stop::peer);
    return lost(flow, end);
}

// Makes sure that a direction that seals has a buffer to seal into, large if there is much to seal.
io::Task<io::Result<void>> provide_out(Flow& flow) {
    Pools& pools = flow.session.core.pools;
    const std::size_t waiting = flow.pending.size() + flow.in.data().size();
    if (waiting > kInSlotBytes) {
        flow.out = pools.out_run.try_take();
    }
    if (!flow.out) {
        auto taken = co_await pools.out.take(flow.session.scope);
        if (!taken) {
            co_return std::unexpected(taken.error());
        }
        flow.out = std::move(*taken);
    }
    co_return {};
}

// For a chunk that no slot can hold, while no run buffer was free: this one waits for it.
io::Task<io::Result<void>> enlarge(Flow& flow) {
    auto taken = co_await flow.session.core.pools.run.take(flow.session.scope);
    if (!taken) {
        co_return std::unexpected(taken.error());
    }
    flow.move_to(std::move(*taken));
    co_return {};
}

// Receives into a run buffer; gives it back if it stays empty for too long, and goes on without.
io::Task<Got> receive_with_patience(Flow& flow) {
    {
        io::Scope brief(flow.session.core.loop, &flow.session.scope);
        brief.expire_at(flow.session.core.loop.now() + kRunPatience);
        auto got = co_await flow.from.socket.recv(brief, flow.in);
        if (got || flow.session.scope.stopping() || brief.why() != io::Stop::deadline) {
            co_return got;
        }
    }
    flow.busy = false;
    flow.rest();
    auto got = co_await flow.from.socket.recv(flow.in);
    co_return got;
}

// A receive into what is there, with a scope of its own.
io::Task<Got> receive_in(Flow& flow, io::Scope& scope) {
    if (flow.from.link) {
        auto got = co_await flow.from.link->recv(scope, flow.in);
        co_return got;
    }
    auto got = co_await flow.from.socket.recv(scope, flow.in);
    co_return got;
}

// The first bytes for a far end whose header would like company: after a while it goes alone.
io::Task<Got> receive_first(Flow& flow) {
    {
        io::Scope brief(flow.session.core.loop, &flow.session.scope);
        brief.expire_at(flow.session.core.loop.now() + flow.to.header_wait);
        auto got = co_await receive_in(flow, brief);
        if (got || flow.session.scope.stopping() || brief.why() != io::Stop::deadline) {
            co_return got;
        }
    }
    auto provided = co_await provide_out(flow);
    if (!provided) {
        co_return std::unexpected(provided.error());
    }
    flow.out.commit(flow.to.sealer->header(flow.out.room()));
    auto sent = co_await flow.to.socket.send(flow.out.data());
    flow.to.count_sent(flow.out.data().size());
    flow.sent();
    flow.rest();
    if (!sent) {
        co_return std::unexpected(sent.error());
    }
    auto got = co_await receive_in(flow, flow.session.scope);
    co_return got;
}

// Waits behind an end mark that may be taken back.
//
//   gives  0 if it stands: the peer has closed, or neither side has sent anything for a while
io::Task<Got> receive_second_thoughts(Flow& flow) {
    io::Scope& scope = flow.session.scope;
    for (;;) {
        io::Scope brief(flow.session.core.loop, &scope);
        brief.expire_at(scope.touched() + kEndPatience);
        auto got = co_await flow.from.socket.recv(brief, flow.in);
        if (got || scope.stopping() || brief.why() != io::Stop::deadline) {
            co_return got;
        }
        if (flow.session.core.loop.now() >= scope.touched() + kEndPatience) {
            co_return std::size_t{0};
        }
    }
}

io::Task<Got> receive(Flow& flow, Then then, bool first) {
    if (then == Then::hold) {
        auto got = co_await receive_second_thoughts(flow);
        co_return got;
    }
    if (first && flow.seals() && flow.to.header_wait > io::Duration::zero()) {
        auto got = co_await receive_first(flow);
        co_return got;
    }
    if (flow.from.link) {
        auto got = co_await flow.from.link->recv(flow.session.scope, flow.in);
        co_return got;
    }
    if (flow.in && flow.in.data().empty()) {
        auto got = co_await receive_with_patience(flow);
        co_return got;
    }
    auto got = co_await flow.from.socket.recv(flow.in);
    co_return got;
}

// Sends everything that is ready.
io::Task<io::Result<void>> send_ready(Flow& flow) {
    io::Result<void> done;
    if (flow.to.link) {
        done = co_await flow.to.link->send(flow.session.scope, flow.pieces);
    } else if (flow.seals()) {
        done = co_await flow.to.socket.send(flow.out.data());
    } else if (flow.pieces.size() == 1) {
        const iovec& piece = flow.pieces.front();
        done = co_await flow.to.socket.send(
            ByteView(static_cast<const std::uint8_t*>(piece.iov_base), piece.iov_len));
    } else {
        done = co_await flow.to.socket.send(std::span<const iovec>(flow.pieces));
    }
    co_return done;
}

// A server that ends its answer before it has begun may have another idea of the options: sing-box
// does so on `none` with chunks (vmess.md 18). It may also be an empty answer: this is for the log
// only.
void note_empty_answer(const Flow& flow) {
    CoreLog& log = flow.session.core.log;
    if (flow.way == Way::down && flow.silent && flow.from.opener && log.wants(LogLevel::info)) {
        log.error(LogLevel::info, flow.session.id, "proxy/vmess/outbound",
                  "the server has ended the stream before any data");
    }
}

// Is the end of the bytes an end of the stream? Not in the middle of a unit; and not if the peer
// has reset the connection and the other direction was told so instead of this one.
bool is_end(const Flow& flow, Then then) {
    const Session& session = flow.session;
    if (then != Then::hold && flow.from.opener && !flow.from.opener->may_end()) {
        return false;
    }
    const bool other_is_open = flow.way == Way::up ? !session.down_ended : !session.up_ended;
    return !other_is_open || !flow.from.was_reset();
}

// Tells the far end that this direction is over.
io::Task<Outcome> pass_on_end(Flow& flow) {
    Session& session = flow.session;
    if (flow.way == Way::up && flow.from.at_end == AtEnd::keep) {
        session.early = std::move(flow.in);  // the beginning of the next request
        session.request_done = true;
        co_return Outcome::finished;
    }
    if (flow.way == Way::down && flow.to.at_end == AtEnd::keep && !session.request_done) {
        session.scope.stop(io::Stop::peer);  // answered before it was asked: nobody wants the rest
    }
    if (flow.seals()) {
        if (!flow.out) {
            auto provided = co_await provide_out(flow);
            if (!provided) {
                co_return failed(flow, flow.to, provided.error());
            }
        }
        flow.out.commit(flow.to.mark_end ? flow.to.sealer->end(flow.out.room())
                                         : flow.to.sealer->header(flow.out.room()));
        const bool marked = flow.to.mark_end && !flow.out.data().empty();
        if (!flow.out.data().empty()) {
            auto sent = co_await flow.to.socket.send(flow.out.data());
            if (!sent) {
                co_return failed(flow, flow.to, sent.error());
            }
            flow.to.count_sent(flow.out.data().size());
        }
        flow.sent();
        // A marked end needs no other; some middle boxes take a half-closed connection for a dead
        // one.
        if (flow.to.at_end == AtEnd::keep || (marked && flow.way == Way::up)) {
            flow.rest();
            co_return Outcome::finished;
        }
    }
    flow.rest();
    (flow.way == Way::up ? session.up_ended : session.down_ended) = true;
    io::Result<void> done;
    if (flow.to.link) {
        done = co_await flow.to.link->shutdown_write(session.scope);
    } else {
        done = co_await flow.to.socket.shutdown_write();
    }
    if (!done && done.error() == std::errc::operation_canceled) {
        co_return failed(flow, flow.to, done.error());
    }
    co_return Outcome::finished;  // a peer that has gone altogether has ended, too
}

// After one direction has ended, the other one may be quiet for a shorter time only. A peer that is
// slow to take what it was sent is not quiet: while a send is in flight, the longer time holds.
void count_ended(Session& session, Way way) {
    session.quiet = session.quiet_after(way);
    if (session.sends == 0) {
        session.scope.idle_after(session.quiet);
    }
}

io::Task<io::Result<void>> send_patiently(Flow& flow) {
    Session& session = flow.session;
    ++session.sends;
    if (session.quiet > io::Duration::zero()) {
        session.scope.idle_after(session.idle());
    }
    auto sent = co_await send_ready(flow);
    --session.sends;
    if (session.quiet > io::Duration::zero() && session.sends == 0) {
        session.scope.idle_after(session.quiet);
    }
    co_return sent;
}

io::Task<Outcome> finish(Flow& flow) {
    Session& session = flow.session;
    if (flow.from.at_end == AtEnd::pass_on) {
        count_ended(session, flow.way);
    }
    auto outcome = co_await pass_on_end(flow);
    if (outcome == Outcome::finished) {
        (flow.way == Way::up ? session.up_ended : session.down_ended) = true;
    }
    co_return outcome;
}

}  // namespace

io::Task<Outcome> pump(Session& session, Way way) {
    Flow flow(session, way);
    bool first = flow.in.data().empty() && flow.pending.empty();
    for (;;) {
        if (flow.seals() && !flow.out && (!flow.pending.empty() || !flow.in.data().empty())) {
            auto provided = co_await provide_out(flow);
            if (!provided) {
                co_return failed(flow, flow.to, provided.error());
            }
        }
        const auto then = flow.transform();
        if (!then) {
            session.scope.stop(io::Stop::peer);
            co_return faulted(session, then.error(), Outcome::wire_fault).error();
        }
        if (flow.ready_bytes() > 0) {
            first = false;
            auto sent = co_await send_patiently(flow);
            if (!sent) {
                co_return failed(flow, flow.to, sent.error());
            }
            session.scope.touch();
            flow.to.count_sent(flow.ready_bytes());
        }
        flow.sent();
        if (*then == Then::again) {
            continue;
        }
        if (*then == Then::end) {
            note_empty_answer(flow);
            break;
        }
        flow.prepare_receive();
        if (flow.in && flow.in.room().empty()) {
            auto enlarged = co_await enlarge(flow);
            if (!enlarged) {
                co_return failed(flow, flow.from, enlarged.error());
            }
        }
        const std::size_t room_bytes = flow.in ? flow.in.room().size() : kInSlotBytes;
        auto got = co_await receive(flow, *then, first);
        if (!got) {
            co_return failed(flow, flow.from, got.error());
        }
        if (*got == 0) {
            if (!is_end(flow, *then)) {
                session.scope.stop(io::Stop::peer);
                co_return lost(flow, flow.from);
            }
            break;
        }
        session.scope.touch();
        flow.from.count_received(*got);
        flow.received(room_bytes, *got);
        first = false;
    }
    auto outcome = co_await finish(flow);
    co_return outcome;
}

}  // namespace ferry::core
