#include "core/socks_packets.h"

#include <algorithm>
#include <utility>

#include "proto/socks_packet.h"

namespace ferry::core {

SocksPackets::SocksPackets(Session& session, io::DatagramSocket socket, std::uint16_t from_port)
    : session_(session),
      socket_(std::move(socket)),
      client_(session.peer.unmapped().with_port(from_port)) {}

io::Task<Step<void>> SocksPackets::receive(Packets& into) {
    into.clear();
    while (into.empty()) {
        auto got = co_await socket_.recv(session_.scope, session_.core.pools.run, batch_);
        if (!got) {
            co_return std::unexpected(ended_by(session_, got.error(), Outcome::client_lost));
        }
        session_.core.stats.datagrams_overrun.add(batch_.dropped());
        for (const io::Datagram& one : batch_.all()) {
            add(one, into);
        }
    }
    co_return {};
}

void SocksPackets::add(const io::Datagram& one, Packets& into) {
    const io::Endpoint peer = one.peer.unmapped();
    const bool is_client = client_.port() == 0 ? peer.with_port(0) == client_ : peer == client_;
    if (!is_client) {
        session_.core.stats.datagrams_strange.add();
        return;
    }
    session_.client.count_received(one.bytes.size());
    auto packet = proto::read_socks_packet(one.bytes);
    if (!packet) {
        session_.core.stats.datagrams_malformed.add();
        return;
    }
    if (!is_met_) {
        is_met_ = true;
        client_ = peer;
        session_.source = "udp:" + client_.text();
    }
    into.push_back({one.bytes.last(packet->payload.size()), std::move(packet->target)});
}

io::Task<Step<void>> SocksPackets::send(std::span<const Packet> all) {
    while (!all.empty()) {
        Pools& pools = session_.core.pools;
        const std::size_t first_bytes = proto::kSocksPacketHeadBytesMax + all.front().bytes.size();
        io::Buffer out;
        if (all.size() > 1 || first_bytes > kOutSlotBytes) {
            out = pools.out_run.try_take();
        }
        if (!out) {
            auto& pool = first_bytes > kOutSlotBytes ? pools.out_run : pools.out;
            auto taken = co_await pool.take(session_.scope);
            if (!taken) {
                co_return std::unexpected(ended_by(session_, taken.error(), Outcome::client_lost));
            }
            out = std::move(*taken);
        }
        all = all.subspan(write(all, out));
        session_.client.count_sent(out.data().size());
        auto sent = co_await socket_.send(session_.scope, outgoing_);
        if (!sent) {
            co_return std::unexpected(ended_by(session_, sent.error(), Outcome::client_lost));
        }
        session_.core.stats.datagrams_unsent.add(*sent);
    }
    co_return {};
}

// Puts heads in front of as many as there is room for, and gives how many those are: at least one.
std::size_t SocksPackets::write(std::span<const Packet> all, io::Buffer& out) {
    outgoing_.clear();
    std::size_t count = 0;
    for (const Packet& packet : all) {
        const ByteSpan room = out.room();
        if (room.size() < proto::kSocksPacketHeadBytesMax + packet.bytes.size()) {
            break;
        }
        ++count;
        if (client_.port() == 0) {
            session_.core.stats.datagrams_unsent.add();
            continue;
        }
        const std::size_t head_bytes = proto::write_socks_packet_head(packet.peer, room);
        std::ranges::copy(packet.bytes, room.subspan(head_bytes).begin());
        const std::size_t bytes = head_bytes + packet.bytes.size();
        out.commit(bytes);
        outgoing_.push_back({client_, room.first(bytes)});
    }
    return count;
}

}  // namespace ferry::core
