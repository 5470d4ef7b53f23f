// What goes out on a Mux.Cool connection: frames of all streams in turns, sealed together.
#include <algorithm>
#include <cstring>
#include <utility>

#include "core/mux_carrier.h"

namespace ferry::core {

namespace mux = proto::mux;

namespace {

// A frame with less data than this is not made from more, just to use up the rest of a slot.
constexpr std::size_t kWorthwhileBytes = 2048;

std::size_t bytes_of(const MuxWrite& write) noexcept {
    std::size_t bytes = 0;
    for (const iovec& piece : write.pieces) {
        bytes += piece.iov_len;
    }
    for (const Packet& packet : write.packets) {
        bytes += packet.bytes.size();
    }
    return bytes - write.offset;
}

// Moves as many bytes as `to` asks for out of a write.
void copy_from(MuxWrite& write, ByteSpan to) noexcept {
    while (!to.empty()) {
        const iovec& piece = write.pieces.front();
        const std::size_t count = std::min(to.size(), piece.iov_len - write.offset);
        std::memcpy(to.data(), static_cast<const std::uint8_t*>(piece.iov_base) + write.offset,
                    count);
        to = to.subspan(count);
        write.offset += count;
        if (write.offset == piece.iov_len) {
            write.pieces = write.pieces.subspan(1);
            write.offset = 0;
        }
    }
}

}  // namespace

io::Task<io::Result<void>> MuxCarrier::write(io::Scope& scope, MuxWrite& write) {
    MuxStream& stream = write.stream;
    if (alive_ && !stream.failed && !stream.ended) {
        writes_.push_back(write);
        more_.notify_all();
    }
    while (!write.done) {
        if (!alive_ || stream.failed || stream.ended) {
            write.unlink();
            // Whoever hears of it ends the session. Let that be the reader, when it has taken, and
            // passed on, what had come before.
            if (stream.reading != MuxStream::Reading::begun) {
                co_return std::unexpected(std::errc::connection_reset);
            }
        }
        auto changed = co_await stream.written.wait(scope);
        if (!changed && !write.done) {
            write.unlink();
            co_return std::unexpected(changed.error());
        }
    }
    co_return {};
}

void MuxCarrier::open(MuxStream& stream) {
    if (alive_ && !stream.opened && !stream.failed) {
        heads_.push_back(frame_of(stream));
        stream.opened = true;
        more_.notify_all();
    }
}

// Whoever has said that there is no more may still have to say that there is nothing at all.
void MuxCarrier::end(MuxStream& stream, io::Farewell farewell) {
    const bool is_cut = farewell == io::Farewell::reset;
    const bool is_known = stream.cut || (stream.ended && !is_cut);
    stream.wants_end = false;
    stream.ended = true;
    stream.cut = stream.cut || is_cut;
    if (!is_known && stream.opened) {
        answer(stream.id, is_cut);
    }
}

void MuxCarrier::release(MuxStream& stream, io::Farewell farewell) noexcept {
    if (std::exchange(stream.released, true)) {
        return;
    }
    end(stream, farewell);
    stream.bytes.clear();
    stream.packets.clear();
    room_.notify_all();
    streams_.erase(stream.id);
    streams_changed_.notify_all();
}

void MuxCarrier::answer(std::uint16_t id, bool error) {
    if (alive_) {
        heads_.push_back({.session = id, .status = mux::Status::end, .error = error});
        more_.notify_all();
    }
}

mux::Frame MuxCarrier::frame_of(const MuxStream& stream) const {
    mux::Frame frame{.session = stream.id, .status = mux::Status::keep};
    if (!stream.opened) {
        frame.status = mux::Status::open;
        frame.network = stream.network;
        frame.target = stream.target;
        frame.global_id = stream.global_id;
    }
    return frame;
}

io::Task<Outcome> MuxCarrier::write_all(Wire& wire) {
    for (;;) {
        while (alive_ && heads_.empty() && writes_.empty()) {
            auto changed = co_await more_.wait(wire.scope);
            if (!changed) {
                co_return outcome_of(wire.scope.why(), Outcome::idle, Outcome::finished);
            }
        }
        if (!alive_) {
            co_return Outcome::finished;
        }
        auto sent = co_await send_batch(wire);
        if (!sent) {
            const Outcome outcome = failed(wire, sent.error());
            wire.scope.stop(io::Stop::peer);
            co_return outcome;
        }
        wire.session.scope.touch();
    }
}

// Takes what waits, as much as a slot holds; many streams together fill it as one would. Where the
// last one was not enough for all that waited, it is a bulk buffer, if one is free.
io::Task<io::Result<void>> MuxCarrier::send_batch(Wire& wire) {
    Pools& pools = core_.pools;
    io::Buffer plain;
    if (overfull_ && wire.session.buffer_bytes() >= kBulkBytes) {
        plain = pools.bulk.try_take();
    }
    if (!plain) {
        auto taken = co_await pools.frames.take(wire.scope);
        if (!taken) {
            co_return std::unexpected(taken.error());
        }
        plain = std::move(*taken);
    }
    fill(plain);
    overfull_ = !writes_.empty();
    while (!plain.data().empty()) {
        io::Buffer out;
        if (plain.data().size() > kRunBytes) {
            out = pools.out_bulk.try_take();
        }
        if (!out && plain.data().size() > kInSlotBytes) {
            out = pools.out_run.try_take();
        }
        if (!out) {
            auto taken = co_await pools.out.take(wire.scope);
            if (!taken) {
                co_return std::unexpected(taken.error());
            }
            out = std::move(*taken);
        }
        proto::Sealer& sealer = *wire.end.sealer;
        const std::size_t added = sealer.added_max();
        while (!plain.data().empty() && out.room().size() > added) {
            const std::size_t unit =
                std::min({plain.data().size(), sealer.payload_max(), out.room().size() - added});
            out.commit(sealer.seal(plain.data().first(unit), out.room()));
            plain.consume(unit);
        }
        auto sent = co_await wire.end.socket.send(wire.scope, out.data());
        if (!sent) {
            co_return sent;
        }
        wire.end.count_sent(out.data().size());
    }
    co_return {};
}

void MuxCarrier::fill(io::Buffer& plain) {
    while (!heads_.empty() && plain.room().size() >= mux::kHeadBytesMax) {
        plain.commit(mux::write_frame_head(heads_.front(), plain.room()));
        heads_.pop_front();
    }
    fewer_.notify_all();
    while (MuxWrite* write = writes_.pop_front()) {
        const bool taken =
            write->packets.empty() ? fill_bytes(*write, plain) : fill_packets(*write, plain);
        if (taken) {
            write->done = true;
            write->stream.written.notify_all();
            continue;
        }
        writes_.push_back(*write);
        const std::size_t enough =
            mux::kHeadBytesMax + std::min(kWorthwhileBytes, bytes_of(*write));
        if (plain.room().size() < enough || !write->packets.empty()) {
            return;
        }
    }
}

// One frame of a stream.
//
//   gives  true if nothing is left to take
bool MuxCarrier::fill_bytes(MuxWrite& write, io::Buffer& plain) {
    const std::size_t left = bytes_of(write);
    if (plain.room().size() < mux::kHeadBytesMax + std::min(kWorthwhileBytes, left)) {
        return false;
    }
    const std::size_t bytes =
        std::min({left, mux::kStreamDataBytesMax, plain.room().size() - mux::kHeadBytesMax});
    mux::Frame frame = frame_of(write.stream);
    if (bytes > 0) {
        frame.data_bytes = static_cast<std::uint16_t>(bytes);
    }
    plain.commit(mux::write_frame_head(frame, plain.room()));
    write.stream.opened = true;
    copy_from(write, plain.room().first(bytes));
    plain.commit(bytes);
    return bytes == left;
}

// As many datagrams as there is room for, each in a frame of its own.
bool MuxCarrier::fill_packets(MuxWrite& write, io::Buffer& plain) {
    MuxStream& stream = write.stream;
    const std::size_t most =
        stream.addressed ? mux::kXudpDatagramBytesMax : mux::kDatagramBytesSafe;
    for (; !write.packets.empty(); write.packets = write.packets.subspan(1)) {
        const Packet& packet = write.packets.front();
        const bool has_name = packet.peer.kind == proto::Address::Kind::name;
        if (packet.bytes.empty() || packet.bytes.size() > most ||
            (has_name && !proto::is_wire_name(packet.peer.name))) {
            core_.stats.datagrams_unsent.add();
            continue;
        }
        if (plain.room().size() < mux::kHeadBytesMax + packet.bytes.size()) {
            return false;
        }
        mux::Frame frame = frame_of(stream);
        if (stream.addressed && packet.peer.kind != proto::Address::Kind::none) {
            frame.network = mux::Network::udp;
            frame.target = packet.peer;
        }
        frame.data_bytes = static_cast<std::uint16_t>(packet.bytes.size());
        plain.commit(mux::write_frame_head(frame, plain.room()));
        stream.opened = true;
        std::ranges::copy(packet.bytes, plain.room().begin());
        plain.commit(packet.bytes.size());
    }
    return true;
}

}  // namespace ferry::core
