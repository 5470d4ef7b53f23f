#include "core/pump.h"

#include <cassert>
#include <coroutine>
#include <memory>

#include "core/flow.h"
#include "core/pump_receive.h"
#include "core/splice_pump.h"

namespace ferry::core {
namespace {

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

// A send or a receive, of which a direction has one at a time: so its frame, which every idle
// session has two of, needs the room of one.
class Transfer {
public:
    Transfer() noexcept {}
    Transfer(const Transfer&) = delete;
    Transfer& operator=(const Transfer&) = delete;
    ~Transfer() {}  // what was begun has been awaited, and is gone

    void send(Flow& flow) noexcept {
        sends_ = true;
        ::new (&send_) Send(flow.send());
    }
    void receive(Flow& flow) noexcept {
        sends_ = false;
        ::new (&receive_) Receive(flow.from.socket.recv(flow.in));
    }

    bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> waiter) {
        return sends_ ? send_.await_suspend(waiter) : receive_.await_suspend(waiter);
    }
    // Of a send: 0.
    Got await_resume() {
        if (!sends_) {
            const Got got = receive_.await_resume();
            std::destroy_at(&receive_);
            return got;
        }
        const io::Result<void> sent = send_.await_resume();
        std::destroy_at(&send_);
        if (!sent) {
            return std::unexpected(sent.error());
        }
        return std::size_t{0};
    }

private:
    using Send = io::OpAwait<io::Result<void>>;
    using Receive = io::OpAwait<Got>;

    union {
        Send send_;
        Receive receive_;
    };
    bool sends_ = false;
};

io::Task<Got> send_to_link(Flow& flow) {
    auto sent = co_await flow.to.link->send(flow.session.scope, flow.pieces);
    if (!sent) {
        co_return std::unexpected(sent.error());
    }
    co_return std::size_t{0};
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
    const bool in_unit =
        flow.from.opener && (!flow.from.opener->may_end() || !flow.in.data().empty());
    if (then != Then::hold && in_unit) {
        return false;
    }
    const bool other_is_open = flow.way == Way::up ? !session.down_ended : !session.up_ended;
    return !other_is_open || !flow.from.was_reset();
}

// The bytes have ended where the stream has not.
Outcome cut_off(const Flow& flow) {
    flow.session.scope.stop(io::Stop::peer);
    return lost(flow, flow.from);
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
        if (flow.to.sealer->fault() && !flow.to.sealer->complete()) {
            co_return cut_off(flow);  // in the middle of what the sealer understands
        }
        const bool marked = flow.to.mark_end && !flow.out.data().empty();
        if (!flow.out.data().empty()) {
            begin_send(session);
            auto sent = co_await flow.to.socket.send(flow.out.data());
            end_send(session);
            if (!sent) {
                co_return failed(flow, flow.to, sent.error());
            }
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

// After one direction has ended, the other one may be quiet for a shorter time only.
void count_ended(Session& session, Way way) {
    session.quiet = session.quiet_after(way);
    if (session.sends == 0) {
        session.scope.idle_after(session.quiet);
    }
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

// Neither the sealer nor the opener can go on.
Outcome broken(Session& session, proto::Fault fault) {
    session.scope.stop(io::Stop::peer);
    return faulted(session, fault, Outcome::wire_fault).error();
}

}  // namespace

// Sends and receives by itself and not through coroutines of their own: this is the way of every
// byte, and where every idle session waits.
io::Task<Outcome> pump(Session& session, Way way) {
    Flow flow(session, way);
    Transfer transfer;
    Got done;
    for (;;) {
        if (flow.lacks_out()) {
            auto provided = co_await provide_out(flow);
            if (!provided) {
                co_return failed(flow, flow.to, provided.error());
            }
        }
        const auto then = flow.transform();
        if (!then) {
            co_return broken(session, then.error());
        }
        if (flow.ready_bytes() > 0) {
            begin_send(session);
            if (flow.to.link) {
                done = co_await send_to_link(flow);
            } else {
                transfer.send(flow);
                done = co_await transfer;
            }
            end_send(session);
            if (!done) {
                co_return failed(flow, flow.to, done.error());
            }
        }
        flow.sent();
        if (*then == Then::again) {
            continue;
        }
        if (*then == Then::end) {
            note_empty_answer(flow);
            break;
        }
        if (*then == Then::receive && may_splice(flow)) {
            auto spliced = co_await splice(flow);
            if (spliced.failed != nullptr) {
                co_return failed(flow, *spliced.failed, spliced.error);
            }
        }
        const bool has_room = flow.prepare_receive();
        const std::size_t room_bytes = flow.in ? flow.in.room().size() : kInSlotBytes;
        if (const Care care = care_for(flow, *then, has_room)) {
            done = co_await care(flow);
        } else {
            transfer.receive(flow);
            done = co_await transfer;
        }
        if (!done || (*done == 0 && !is_end(flow, *then))) {
            co_return done ? cut_off(flow) : failed(flow, flow.from, done.error());
        }
        if (*done == 0) {
            break;
        }
        flow.received(room_bytes, *done);
    }
    co_return co_await finish(flow);
}

}  // namespace ferry::core
