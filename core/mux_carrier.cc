#include "core/mux_carrier.h"

#include <algorithm>

#include "io/both.h"

namespace ferry::core {

namespace mux = proto::mux;

namespace {

// Streams of one connection at a time; the next one is refused.
constexpr std::size_t kStreamsMax = 128;

}  // namespace

io::Task<Outcome> MuxCarrier::run(Session& session, End& end, io::Buffer early) {
    Wire wire(session, end);
    Intake intake(session, wire.scope, end, std::move(early));
    auto ends = co_await io::both(read(wire, intake), write_all(wire));
    co_return worse_of(ends.first, ends.second);
}

std::shared_ptr<MuxStream> MuxCarrier::make_stream(mux::Network network, std::uint16_t id,
                                                   const proto::Address& target,
                                                   std::size_t limit) {
    ++made_;
    auto stream =
        std::make_shared<MuxStream>(id, network, std::clamp(limit, kMuxSlotBytes, kInboxBytesMax));
    stream->target = target;
    streams_.emplace(stream->id, stream);
    streams_changed_.notify_all();
    room_.notify_all();  // whoever waits for another stream does not wait alone any more
    return stream;
}

// ---- what comes in

io::Task<Outcome> MuxCarrier::read(Wire& wire, Intake& intake) {
    auto read = co_await read_frames(wire, intake);
    // The peer will hear no more of us either: a connection that is over in one direction is over.
    alive_ = false;
    for (const auto& [id, stream] : streams_) {
        fail(*stream);
    }
    gathered_.release();
    current_.reset();
    more_.notify_all();
    co_return read;
}

io::Task<Outcome> MuxCarrier::read_frames(Wire& wire, Intake& intake) {
    for (;;) {
        const auto unit = intake.next();
        if (!unit) {
            wire.scope.stop(io::Stop::peer);
            co_return faulted(wire.session, unit.error(), Outcome::wire_fault).error();
        }
        if (unit->kind == proto::Opened::Kind::end) {
            co_return Outcome::finished;
        }
        if (unit->kind == proto::Opened::Kind::data) {
            auto delivered = co_await deliver(wire, unit->data);
            if (!delivered) {
                wire.scope.stop(io::Stop::peer);
                co_return delivered.error();
            }
        }
        if (unit->kind != proto::Opened::Kind::need) {
            continue;  // an end that may be taken back is one only if nothing follows
        }
        auto got = co_await intake.receive();
        if (!got) {
            const Outcome outcome = failed(wire, got.error());
            wire.scope.stop(io::Stop::peer);
            co_return outcome;
        }
        if (*got == 0) {
            co_return intake.may_end() && frames_.may_end() ? Outcome::finished : lost();
        }
        wire.session.scope.touch();
    }
}

io::Task<Step<void>> MuxCarrier::deliver(Wire& wire, ByteView plain) {
    while (!plain.empty()) {
        const auto step = frames_.next(plain);
        if (!step) {
            co_return faulted(wire.session, step.error(), Outcome::wire_fault);
        }
        plain = plain.subspan(step->count);
        if (step->kind == mux::FrameStep::Kind::head) {
            take_head(wire.session);
            // Whoever makes us answer more than we can write waits until we have.
            while (heads_.size() > kAnswersMax && alive_) {
                auto changed = co_await fewer_.wait(wire.scope);
                if (!changed) {
                    co_return std::unexpected(failed(wire, changed.error()));
                }
            }
        }
        if (step->kind == mux::FrameStep::Kind::data && current_) {
            if (current_->network == mux::Network::udp) {
                take_packet_piece(step->data, step->last);
            } else if (const ByteView rest = put_at_once(step->data); !rest.empty()) {
                auto put = co_await put_piece(wire, rest);
                if (!put) {
                    co_return put;
                }
            }
        }
        if (step->last) {
            current_.reset();
        }
    }
    co_return {};
}

// A slot for bytes of a stream that has some already is a large one, as long as half of those are
// free: whoever needs one for a large chunk must not wait for streams that take nothing.
io::Buffer MuxCarrier::slot_for(const MuxStream& stream) noexcept {
    Pools& pools = core_.pools;
    io::Buffer slot;
    if (!stream.bytes.empty() && stream.bytes.left() >= kRunBytes &&
        2 * pools.run.free_slots() > pools.run.slots()) {
        slot = pools.run.try_take();
    }
    return slot ? std::move(slot) : pools.mux.try_take();
}

// Puts what the inbox of a stream takes without waiting; gives the rest. This is the way of nearly
// every byte, and not a coroutine for that reason.
ByteView MuxCarrier::put_at_once(ByteView piece) {
    MuxStream& stream = *current_;
    if (stream.released || stream.failed || stream.peer_ended) {
        return {};
    }
    const std::size_t whole = piece.size();
    for (;;) {
        piece = piece.subspan(stream.bytes.put(piece));
        if (piece.empty() || stream.bytes.full() || takes_too_much()) {
            break;
        }
        io::Buffer slot = slot_for(stream);
        if (!slot) {
            break;
        }
        stream.bytes.add_slot(std::move(slot));
    }
    if (piece.size() < whole) {
        stream.arrived.notify_all();
    }
    return piece;
}

// The inbox of a stream takes a piece of its data; others wait meanwhile, but not for ever.
io::Task<Step<void>> MuxCarrier::put_piece(Wire& wire, ByteView piece) {
    const std::shared_ptr<MuxStream> stream = current_;
    while (!stream->released && !stream->failed && !stream->peer_ended) {
        const std::size_t count = stream->bytes.put(piece);
        piece = piece.subspan(count);
        if (count > 0) {
            stream->arrived.notify_all();
        }
        if (piece.empty()) {
            break;
        }
        const bool is_full = stream->bytes.full();
        if (is_full || takes_too_much()) {
            const std::shared_ptr<MuxStream> slow = is_full ? stream : slowest(stream);
            auto waited = co_await wait_for(wire, *slow);
            // Other connections may have let go of their slots.
            if (!waited && (is_full || takes_too_much()) && !slow->released) {
                drop(*slow);
            }
        } else {
            co_await wait_for_slot(wire, *stream);
        }
        if (wire.scope.stopping()) {
            co_return std::unexpected(failed(wire, std::errc::operation_canceled));
        }
    }
    co_return {};
}

// Waits until some stream has taken something.
//
//   gives  false if `slow` owes too much by now; nothing, if so, afterwards
io::Task<bool> MuxCarrier::wait_for(Wire& wire, MuxStream& slow) {
    const bool is_alone = streams_.size() == 1;
    const io::TimePoint start = core_.loop.now();
    core_.stats.mux_waits.add();
    io::Scope patience(core_.loop, &wire.scope);
    if (!is_alone) {
        patience.expire_at(start + core_.limits.mux_patience - slow.owed);
    } else if (!opens_streams()) {
        // Others may want in behind what is not read now.
        patience.expire_at(start + core_.limits.mux_patience);
    }
    auto changed = co_await room_.wait(patience);
    (void)changed;  // looked at below
    if (!is_alone) {
        slow.owed += core_.loop.now() - start;
    }
    if (patience.why() != io::Stop::deadline || wire.scope.stopping()) {
        co_return true;
    }
    slow.owed = io::Duration::zero();
    co_return false;
}

// Waits for a slot where this connection has none: others have them all.
io::Task<void> MuxCarrier::wait_for_slot(Wire& wire, MuxStream& stream) {
    io::Scope patience(core_.loop, &wire.scope);
    patience.expire_at(core_.loop.now() + core_.limits.mux_patience);
    auto slot = co_await core_.pools.mux.take(patience);
    // Much may have happened since the slot was given. One that nothing is put into any more would
    // be read as the stream's end.
    if (wire.scope.stopping() || stream.released) {
        co_return;
    }
    if (slot) {
        stream.bytes.add_slot(std::move(*slot));
    } else {
        drop(stream);
    }
}

// One connection with many stopped streams must not leave others without a slot: it may have as
// many as are free for all. So two have two thirds of the pool at most, and there is always a rest.
bool MuxCarrier::takes_too_much() const noexcept {
    std::size_t slots = 0;
    for (const auto& [id, stream] : streams_) {
        slots += stream->bytes.slots();
    }
    return slots > 0 && slots >= core_.pools.mux.free_slots();
}

// The stream that has taken the least of what it was sent; `otherwise` if all have taken all.
std::shared_ptr<MuxStream> MuxCarrier::slowest(
    std::shared_ptr<MuxStream> otherwise) const noexcept {
    for (const auto& [id, stream] : streams_) {
        if (stream->bytes.slots() > otherwise->bytes.slots()) {
            otherwise = stream;
        }
    }
    return otherwise;
}

void MuxCarrier::taken(MuxStream& stream, std::size_t bytes) noexcept {
    // All that an inbox holds pays for all of the patience: whoever is waited for all the time, and
    // does not take that much in that time, owes more and more.
    const io::Duration paid =
        core_.limits.mux_patience * static_cast<std::int64_t>(bytes) / std::int64_t{kInboxBytesMax};
    stream.owed -= std::min(stream.owed, paid);
    room_.notify_all();
}

// A datagram that came in one piece goes on as it is; another one is put together first.
void MuxCarrier::take_packet_piece(ByteView piece, bool last) {
    const mux::Frame& frame = frames_.frame();
    const std::size_t whole = frame.data_bytes.value_or(0);
    if (piece.size() < whole) {
        if (!gathered_) {
            gathered_ =
                whole > kInSlotBytes ? core_.pools.run.try_take() : core_.pools.mux.try_take();
        }
        if (!gathered_) {
            core_.stats.datagrams_overrun.add();
            current_.reset();
            return;
        }
        std::ranges::copy(piece, gathered_.room().begin());
        gathered_.commit(piece.size());
        if (!last) {
            return;
        }
        piece = gathered_.data();
    }
    // Datagrams may be lost and streams may not: the last quarter of the slots is for those.
    const bool is_scarce = 4 * core_.pools.mux.free_slots() < core_.pools.mux.slots();
    if (is_scarce ||
        !current_->packets.put(piece, frame.target, core_.pools.mux, core_.pools.run)) {
        core_.stats.datagrams_overrun.add();
    }
    gathered_.release();
    current_->arrived.notify_all();
}

void MuxCarrier::take_head(Session& session) {
    const mux::Frame& frame = frames_.frame();
    const auto found = streams_.find(frame.session);
    current_ = found == streams_.end() ? nullptr : found->second;
    gathered_.release();
    switch (frame.status) {
        case mux::Status::open:
            take_open(session);
            break;
        case mux::Status::keep:
            if (!current_) {
                answer(frame.session, false);
            } else if (frame.target && !opens_streams()) {
                current_->addressed = true;
            }
            break;
        case mux::Status::end:
            if (current_ && frame.error) {
                current_->cut = true;  // there is nobody to tell
                fail(*current_);
            } else if (current_ && !current_->failed) {  // after a cut, it is no end any more
                current_->peer_ended = true;
                current_->arrived.notify_all();
            }
            current_.reset();
            break;
        case mux::Status::keep_alive:
            current_.reset();
            break;
    }
    if (frame.data_bytes.value_or(0) == 0) {
        current_.reset();
    }
}

void MuxCarrier::take_open(Session& session) {
    const mux::Frame& frame = frames_.frame();
    if (current_ || opens_streams() || streams_.size() >= kStreamsMax) {
        // A number that is in use means something else to the peer than to us: neither is served.
        // A server opens nothing: where it says so of a session, that one is over (vmess.md 14).
        if (current_) {
            current_->cut = true;
            fail(*current_);
            current_.reset();
        }
        core_.stats.mux_refusals.add();
        if (!opens_streams()) {
            answer(frame.session, true);
        }
        return;
    }
    const auto limit = static_cast<std::size_t>(
        std::clamp<std::uint64_t>(session.buffer_bytes(), kMuxSlotBytes, kInboxBytesMax));
    auto stream = std::make_shared<MuxStream>(frame.session, *frame.network, limit);
    stream->target = *frame.target;
    if (frame.global_id != mux::GlobalId{}) {
        stream->global_id = frame.global_id;
    }
    stream->opened = true;
    stream->addressed =
        stream->network == mux::Network::udp && (stream->id == 0 || frame.global_id);
    streams_.emplace(stream->id, stream);
    ++made_;
    core_.stats.mux_streams.add();
    current_ = stream;
    opened_(std::move(stream));
}

// What has come before is there to be read.
void MuxCarrier::fail(MuxStream& stream) noexcept {
    stream.failed = true;
    stream.arrived.notify_all();
    room_.notify_all();
    stream.written.notify_all();
}

// Tears down a stream for what it has not taken, and lets go of that.
void MuxCarrier::drop(MuxStream& stream) {
    core_.stats.mux_stalls.add();
    end(stream, io::Farewell::reset);
    stream.bytes.clear();
    stream.peer_ended = false;  // the end goes with the bytes before it
    stream.reading = MuxStream::Reading::over;
    fail(stream);
}

// The reason why an operation of the connection failed.
Outcome MuxCarrier::failed(const Wire& wire, std::errc error) const noexcept {
    const bool stopped = error == std::errc::operation_canceled;
    return stopped ? outcome_of(wire.scope.why(), Outcome::idle, lost()) : lost();
}

}  // namespace ferry::core
