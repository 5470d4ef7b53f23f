// PacketAddresses: datagrams that each begin with an address, in a framing that knows of none.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "core/packets.h"
#include "core/session.h"
#include "io/buffer.h"

namespace ferry::core {

// Takes the address from the front of each datagram of another end, and puts it there, for a client
// that asks for packet addresses inside a Mux.Cool connection (vmess.md 15). One with a connection
// of its own has them from ChunkPackets, in place.
//
//   memory  one slot while it sends
//   counts  what has no address that can be read is dropped as datagrams_malformed; what is with a
//           name, or larger than a slot, as datagrams_unsent
class PacketAddresses final : public PacketEnd {
public:
    PacketAddresses(Session& session, std::unique_ptr<PacketEnd> inner) noexcept
        : session_(session), inner_(std::move(inner)) {}

    io::Task<Step<void>> receive(Packets& into) override;
    io::Task<Step<void>> send(std::span<const Packet> all) override;
    io::Task<void> end() override { return inner_->end(); }
    io::Task<void> settle() override { return inner_->settle(); }
    void rest() noexcept override { inner_->rest(); }
    bool addressed() const noexcept override { return true; }
    bool may_return() const noexcept override { return inner_->may_return(); }

private:
    std::size_t take_addresses(Packets& packets);
    std::size_t frame(std::span<const Packet> all, io::Buffer& out);

    Session& session_;
    std::unique_ptr<PacketEnd> inner_;
    Packets framed_;
};

}  // namespace ferry::core
