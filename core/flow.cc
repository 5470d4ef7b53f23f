#include "core/flow.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "core/run_buffer.h"
#include "proto/text.h"

namespace ferry::core {

Flow::Flow(Session& its_session, Way its_way) noexcept
    : session(its_session),
      from(its_way == Way::up ? its_session.client : *its_session.target),
      to(its_way == Way::up ? *its_session.target : its_session.client),
      way(its_way) {
    if (way == Way::up) {
        in = std::move(session.early);
        pending = proto::bytes_of(session.prologue);
    }
}

// Hands the pending plaintext on; gives whether all of it could go.
bool Flow::pass_pending() {
    if (!pending.empty() && seals()) {
        if (to.sealer->keeps_payload()) {
            seal_around_pending();
        } else {
            seal_pending();
        }
    } else if (!pending.empty() && pieces.size() < kPiecesMax) {
        add_piece(pending);
        passed_bytes += pending.size();
        pending = {};
    }
    return pending.empty();
}

void Flow::seal_pending() {
    proto::Sealer& sealer = *to.sealer;
    while (!pending.empty() && !sealer.complete() && !sealer.fault()) {
        const std::size_t room = out.room().size();
        const std::size_t whole = std::min(pending.size(), sealer.payload_max());
        if (room <= sealer.added_max() ||
            (room < whole + sealer.added_max() && !out.data().empty())) {
            return;  // a unit cut to the rest of the room would be a small one: send first
        }
        const std::size_t unit = std::min(whole, room - sealer.added_max());
        out.commit(sealer.seal(pending.first(unit), out.room()));
        passed_bytes += unit;
        pending = pending.subspan(unit);
    }
    pending = {};
}

void Flow::add_piece(ByteView bytes) {
    if (bytes.empty()) {
        return;
    }
    // What the kernel only reads is writable in an iovec.
    pieces.push_back({const_cast<std::uint8_t*>(bytes.data()), bytes.size()});
}

// As much as has room; the payload stays where it is, and only what stands around it is written.
void Flow::seal_around_pending() {
    proto::Sealer& sealer = *to.sealer;
    while (!pending.empty() && pieces.size() + 3 <= kPiecesMax &&
           out.room().size() >= sealer.added_max()) {
        const ByteView unit = pending.first(std::min(pending.size(), sealer.payload_max()));
        const ByteView room = out.room();
        const auto around = sealer.seal_around(unit.size(), out.room());
        out.commit(around.before_bytes + around.after_bytes);
        add_piece(room.first(around.before_bytes));
        add_piece(unit);
        add_piece(room.subspan(around.before_bytes, around.after_bytes));
        passed_bytes += unit.size();
        pending = pending.subspan(unit.size());
    }
}

proto::Parsed<Then> Flow::transform() {
    for (;;) {
        if (!pass_pending()) {
            return Then::again;
        }
        if (seals() && to.sealer->complete()) {
            return Then::end;  // with a last word to the client, if the sealer had one
        }
        if (seals() && to.sealer->fault()) {
            if (!out.data().empty()) {
                return Then::again;  // what stands before the fault goes first
            }
            return std::unexpected(proto::Fault::bad_syntax);
        }
        const ByteSpan rest = in.data().subspan(done_bytes);
        if (!from.opener || from.opener->plain()) {
            from.opener.reset();
            need_bytes = 1;
            if (rest.empty()) {
                return Then::receive;
            }
            pending = rest;
            done_bytes += rest.size();
            continue;
        }
        const auto opened = from.opener->open(rest);
        if (!opened) {
            return std::unexpected(opened.error());
        }
        switch (opened->kind) {
            case proto::Opened::Kind::need:
                need_bytes = opened->count;
                return Then::receive;
            case proto::Opened::Kind::data:
                done_bytes += opened->count;
                pending = opened->data;
                break;
            case proto::Opened::Kind::end:
                done_bytes += opened->count;
                return Then::end;
            case proto::Opened::Kind::maybe_end:
                done_bytes += opened->count;
                if (rest.size() == opened->count) {
                    need_bytes = 1;
                    return Then::hold;
                }
                break;
        }
    }
}

std::size_t Flow::ready_bytes() const noexcept {
    if (pieces.empty()) {
        return out.data().size();
    }
    std::size_t sum = 0;
    for (const iovec& piece : pieces) {
        sum += piece.iov_len;
    }
    return sum;
}

bool Flow::lacks_out() const noexcept {
    return seals() && !out && (!pending.empty() || !in.data().empty());
}

io::OpAwait<io::Result<void>> Flow::send() noexcept {
    if (pieces.empty()) {
        return to.socket.send(out.data());
    }
    if (pieces.size() == 1) {
        const iovec& piece = pieces.front();
        return to.socket.send(
            ByteView(static_cast<const std::uint8_t*>(piece.iov_base), piece.iov_len));
    }
    return to.socket.send(std::span<const iovec>(pieces));
}

void Flow::sent() noexcept {
    if (const std::size_t bytes = ready_bytes(); bytes > 0) {
        session.scope.touch();
        to.count_sent(bytes);
    }
    out.release();
    pieces.clear();
    if (passed_bytes > 0) {
        StatsShard& stats = session.core.stats;
        (way == Way::up ? stats.uplink_bytes : stats.downlink_bytes).add(passed_bytes);
        if (way == Way::up) {
            session.up_bytes += passed_bytes;
            session.meter.add_up(passed_bytes);
        } else {
            session.down_bytes += passed_bytes;
            session.meter.add_down(passed_bytes);
        }
        passed_bytes = 0;
        silent = false;
    }
    if (pending.empty() && done_bytes > 0) {  // what is pending still lies in `in`
        in.consume(done_bytes);
        done_bytes = 0;
    }
}

bool Flow::prepare_receive() {
    assert(pending.empty());
    assert(done_bytes == 0);
    io::Buffer larger =
        pace.larger_buffer(session.core.pools, in.slot_bytes(), need_bytes, session.buffer_bytes());
    if (larger) {
        go_on_in(in, std::move(larger));
    }
    if (!in) {
        return true;  // the kernel picks a slot when there is something to put into it
    }
    const std::size_t missing = need_bytes - std::min(need_bytes, in.data().size());
    if (in.room().size() < std::max(missing, in.slot_bytes() / 2)) {
        in.close_up();
    }
    return !in.room().empty();
}

void Flow::received(std::size_t room_bytes, std::size_t got_bytes) noexcept {
    session.scope.touch();
    from.count_received(got_bytes);
    if (from.link) {
        return;  // its bytes lie in slots of its own already
    }
    if (pace.learn(in.slot_bytes(), room_bytes, got_bytes)) {
        step_down(in, session.core.pools);
    }
}

void begin_send(Session& session) noexcept {
    ++session.sends;
    if (session.quiet > io::Duration::zero()) {
        session.scope.idle_after(session.idle());
    }
}

void end_send(Session& session) noexcept {
    --session.sends;
    if (session.quiet > io::Duration::zero() && session.sends == 0) {
        session.scope.idle_after(session.quiet);
    }
}

void Flow::rest() noexcept {
    if (in.data().empty()) {
        in.release();
    }
    out.release();
    pieces = {};
}

}  // namespace ferry::core
