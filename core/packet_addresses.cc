#include "core/packet_addresses.h"

#include <algorithm>
#include <utility>

#include "proto/mux/packet_address.h"

namespace ferry::core {

namespace mux = proto::mux;

namespace {

bool has_ip(const Packet& packet) {
    return packet.peer.kind == proto::Address::Kind::ipv4 ||
           packet.peer.kind == proto::Address::Kind::ipv6;
}

}  // namespace

io::Task<Step<void>> PacketAddresses::receive(Packets& into) {
    for (;;) {
        auto received = co_await inner_->receive(into);
        if (!received || into.empty()) {
            co_return received;
        }
        session_.core.stats.datagrams_malformed.add(take_addresses(into));
        if (!into.empty()) {
            co_return {};
        }
    }
}

// Gives how many had none, and are gone.
std::size_t PacketAddresses::take_addresses(Packets& packets) {
    std::size_t kept = 0;
    for (const Packet& packet : packets) {
        auto read = mux::read_packet_address(packet.bytes);
        if (read) {
            const ByteSpan payload = packet.bytes.last(read->payload.size());
            packets[kept++] = {payload, std::move(read->address)};
        }
    }
    const std::size_t dropped = packets.size() - kept;
    packets.resize(kept);
    return dropped;
}

io::Task<Step<void>> PacketAddresses::send(std::span<const Packet> all) {
    while (!all.empty()) {
        auto out = co_await session_.core.pools.out.take(session_.scope);
        if (!out) {
            co_return std::unexpected(ended_by(session_, out.error(), Outcome::client_lost));
        }
        all = all.subspan(frame(all, *out));
        if (framed_.empty()) {
            continue;
        }
        auto sent = co_await inner_->send(framed_);
        if (!sent) {
            co_return sent;
        }
    }
    co_return {};
}

// Copies as many behind their addresses as there is room for, and gives how many are dealt with: at
// least one.
std::size_t PacketAddresses::frame(std::span<const Packet> all, io::Buffer& out) {
    framed_.clear();
    std::size_t count = 0;
    for (const Packet& packet : all) {
        const std::size_t most = mux::kPacketAddressBytesMax + packet.bytes.size();
        if (!has_ip(packet) || most > out.slot_bytes()) {
            session_.core.stats.datagrams_unsent.add();
            ++count;
            continue;
        }
        const ByteSpan room = out.room();
        if (room.size() < most) {
            break;
        }
        const std::size_t head_bytes = mux::write_packet_address(packet.peer, room);
        std::ranges::copy(packet.bytes, room.subspan(head_bytes).begin());
        const std::size_t bytes = head_bytes + packet.bytes.size();
        out.commit(bytes);
        framed_.push_back({room.first(bytes), {}});
        ++count;
    }
    return count;
}

}  // namespace ferry::core
