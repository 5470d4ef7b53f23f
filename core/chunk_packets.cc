#include "core/chunk_packets.h"

#include <algorithm>
#include <utility>

#include "core/run_buffer.h"
#include "proto/mux/packet_address.h"
#include "proto/vmess/datagram.h"

namespace ferry::core {

namespace mux = proto::mux;
namespace vmess = proto::vmess;

ChunkPackets::ChunkPackets(Session& session, PacketFraming framing)
    : session_(session), end_(session.client), framing_(framing), in_(std::move(session.early)) {}

ChunkPackets::ChunkPackets(Session& session, End far, PacketFraming framing)
    : session_(session), own_(std::move(far)), end_(*own_), framing_(framing) {}

Outcome ChunkPackets::lost(std::errc error) const {
    return ended_by(session_, error, own_ ? Outcome::target_lost : Outcome::client_lost);
}

// ---- from the wire

io::Task<Step<void>> ChunkPackets::receive(Packets& into) {
    into.clear();
    rest();
    for (;;) {
        const auto opened = open(into);
        if (!opened) {
            co_return faulted(session_, opened.error(), Outcome::wire_fault);
        }
        if (!into.empty() || ended_) {
            co_return {};
        }
        auto more = co_await receive_more();
        if (!more) {
            co_return more;
        }
    }
}

void ChunkPackets::rest() noexcept {
    if (done_ > 0) {
        in_.consume(std::exchange(done_, 0));
    }
}

// Opens the chunks that are there.
proto::Parsed<void> ChunkPackets::open(Packets& into) {
    while (into.size() < kPacketsMax && !ended_) {
        const auto opened = end_.opener->open(in_.data().subspan(done_));
        if (!opened) {
            return std::unexpected(opened.error());
        }
        switch (opened->kind) {
            case proto::Opened::Kind::need:
                need_ = opened->count;
                return {};
            case proto::Opened::Kind::data:
                done_ += opened->count;
                add(opened->data, into);
                break;
            case proto::Opened::Kind::end:
                done_ += opened->count;
                ended_ = true;
                break;
            case proto::Opened::Kind::maybe_end:
                done_ += opened->count;  // idle associations end by policy
                break;
        }
    }
    return {};
}

void ChunkPackets::add(ByteSpan datagram, Packets& into) {
    if (datagram.empty()) {
        return;  // framing
    }
    if (framing_ != PacketFraming::addressed) {
        into.push_back({datagram, {}});
        return;
    }
    auto packet = mux::read_packet_address(datagram);
    if (!packet) {
        session_.core.stats.datagrams_malformed.add();
        return;
    }
    into.push_back({datagram.last(packet->payload.size()), std::move(packet->address)});
}

// Receives once.
io::Task<Step<void>> ChunkPackets::receive_more() {
    rest();
    auto prepared = co_await prepare();
    if (!prepared) {
        co_return prepared;
    }
    const std::size_t room_bytes = in_ ? in_.room().size() : kInSlotBytes;
    auto got = co_await receive_into();
    if (!got) {
        co_return std::unexpected(lost(got.error()));
    }
    if (*got == 0) {
        if (!in_.data().empty() || !end_.opener->may_end() || end_.was_reset()) {
            co_return std::unexpected(own_ ? Outcome::target_lost : Outcome::client_lost);
        }
        ended_ = true;
        co_return {};
    }
    end_.count_received(*got);
    if (*got >= room_bytes) {
        busy_ = true;
        meagre_ = 0;
    } else {
        // Two in a row: the burst is over, and small receives belong into small slots.
        meagre_ = *got < kInSlotBytes / 2 ? meagre_ + 1 : 0;
        busy_ = busy_ && meagre_ < 2;
    }
    co_return {};
}

// Makes room for a receive: an empty buffer lets the kernel pick the slot.
io::Task<Step<void>> ChunkPackets::prepare() {
    const bool is_short = in_ && need_ > in_.slot_bytes();
    const bool may_be_busy = busy_ && session_.buffer_bytes() >= kRunBytes;
    if ((is_short || may_be_busy) && in_.slot_bytes() < kRunBytes) {
        io::Buffer larger = session_.core.pools.run.try_take();
        if (!larger && is_short) {
            auto taken = co_await session_.core.pools.run.take(session_.scope);
            if (!taken) {
                co_return std::unexpected(lost(taken.error()));
            }
            larger = std::move(*taken);
        }
        if (larger) {
            go_on_in(in_, std::move(larger));
        }
    }
    if (in_) {
        const std::size_t missing = need_ - std::min(need_, in_.data().size());
        if (in_.room().size() < std::max(missing, in_.slot_bytes() / 2)) {
            in_.close_up();
        }
    }
    co_return {};
}

io::Task<io::Result<std::size_t>> ChunkPackets::receive_into() {
    if (in_ && in_.data().empty()) {
        io::Scope brief(session_.core.loop, &session_.scope);
        brief.expire_at(session_.core.loop.now() + kRunPatience);
        auto got = co_await end_.socket.recv(brief, in_);
        if (!ran_out(got, brief, session_.scope)) {
            co_return got;
        }
        busy_ = false;
        in_.release();
    }
    auto got = co_await end_.socket.recv(session_.scope, in_);
    co_return got;
}

// ---- to the wire

io::Task<Step<void>> ChunkPackets::send(std::span<const Packet> all) {
    while (!all.empty()) {
        if (!can_carry(all.front())) {
            session_.core.stats.datagrams_unsent.add();
            all = all.subspan(1);
            continue;
        }
        auto out = co_await provide_out(all);
        if (!out) {
            co_return std::unexpected(out.error());
        }
        all = all.subspan(seal(all, *out));
        if (out->data().empty()) {
            continue;
        }
        auto sent = co_await end_.socket.send(session_.scope, out->data());
        if (!sent) {
            co_return std::unexpected(lost(sent.error()));
        }
        end_.count_sent(out->data().size());
    }
    co_return {};
}

// What a datagram takes as a chunk's payload.
std::size_t ChunkPackets::needed(const Packet& packet) const noexcept {
    const std::size_t head_bytes = addressed() ? mux::kPacketAddressBytesMax : 0;
    return head_bytes + packet.bytes.size();
}

bool ChunkPackets::can_carry(const Packet& packet) const noexcept {
    const proto::Address::Kind kind = packet.peer.kind;
    const bool has_address =
        kind == proto::Address::Kind::ipv4 || kind == proto::Address::Kind::ipv6;
    if (addressed() && !has_address) {
        return false;  // names cannot be written
    }
    const std::size_t payload_bytes = needed(packet);
    return payload_bytes > 0 && payload_bytes <= end_.sealer->payload_max();
}

// A buffer for the first of them at least; large if there is much.
io::Task<Step<io::Buffer>> ChunkPackets::provide_out(std::span<const Packet> all) {
    Pools& pools = session_.core.pools;
    const std::size_t added_bytes = end_.sealer->added_max();
    std::size_t sum = 0;
    for (const Packet& packet : all) {
        sum += needed(packet) + added_bytes;
    }
    const std::size_t copied_bytes = addressed() ? needed(all.front()) : 0;
    const std::size_t least_bytes = needed(all.front()) + added_bytes + copied_bytes;
    if (sum + copied_bytes > kOutSlotBytes) {
        io::Buffer large = pools.out_run.try_take();
        if (large) {
            co_return large;
        }
    }
    auto taken = least_bytes > kOutSlotBytes ? pools.out_run.take(session_.scope)
                                             : pools.out.take(session_.scope);
    auto out = co_await taken;
    if (!out) {
        co_return std::unexpected(lost(out.error()));
    }
    co_return std::move(*out);
}

// Seals as many as there is room for, and gives how many are dealt with.
std::size_t ChunkPackets::seal(std::span<const Packet> all, io::Buffer& out) {
    std::size_t count = 0;
    for (const Packet& packet : all) {
        const bool sealed = can_carry(packet) && seal_one(packet, out);
        if (!sealed && count > 0 && can_carry(packet)) {
            return count;  // in the next buffer
        }
        if (!sealed) {
            session_.core.stats.datagrams_unsent.add();
        }
        ++count;
        if (framing_ == PacketFraming::raw && sealed) {
            return count;  // what is sent together arrives together
        }
    }
    return count;
}

// One chunk; false where the buffer has no room for it.
bool ChunkPackets::seal_one(const Packet& packet, io::Buffer& out) {
    if (!addressed()) {
        const auto bytes = vmess::seal_datagram(*end_.sealer, packet.bytes, out.room());
        out.commit(bytes.value_or(0));
        return bytes.has_value();
    }
    // A chunk is sealed from one piece: it is put together at the far end of the room.
    const std::size_t payload_bytes = needed(packet);
    io::Buffer spare;
    ByteSpan room = out.room();
    ByteSpan whole;
    if (room.size() >= 2 * payload_bytes + end_.sealer->added_max()) {
        whole = room.last(payload_bytes);
        room = room.first(room.size() - payload_bytes);
    } else if (out.data().empty()) {
        spare = session_.core.pools.out_run.try_take();
        whole = spare.room();
    }
    if (whole.size() < payload_bytes) {
        return false;
    }
    const std::size_t head_bytes = mux::write_packet_address(packet.peer, whole);
    std::ranges::copy(packet.bytes, whole.subspan(head_bytes).begin());
    const auto bytes =
        vmess::seal_datagram(*end_.sealer, whole.first(head_bytes + packet.bytes.size()), room);
    out.commit(bytes.value_or(0));
    return bytes.has_value();
}

io::Task<void> ChunkPackets::end() {
    if (!end_.mark_end) {
        co_return;
    }
    auto out = co_await session_.core.pools.out.take(session_.scope);
    if (!out) {
        co_return;
    }
    out->commit(end_.sealer->end(out->room()));
    if (!out->data().empty()) {
        auto sent = co_await end_.socket.send(session_.scope, out->data());
        if (sent) {
            end_.count_sent(out->data().size());
        }
    }
}

}  // namespace ferry::core
