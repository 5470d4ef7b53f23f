// SocksPackets: the datagrams of a SOCKS5 client.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "core/packets.h"
#include "core/session.h"
#include "io/datagram.h"
#include "io/endpoint.h"

namespace ferry::core {

// The near end of an association that a SOCKS5 client has asked for over TCP, with a socket of its
// own. Only datagrams from the address of that connection are taken, and from the port that the
// client has named or else first sent a good one from.
//
//   counts  datagrams_strange: from anybody else; datagrams_malformed: pieces of one, and what has
//           no head; datagrams_unsent: answers before the client has a port, or too large with
//           their head
//   ends    never by itself: SocksInbound::attend() watches the connection
class SocksPackets final : public PacketEnd {
public:
    //   from    where the client says that it will send from; its port is 0 if it does not
    SocksPackets(Session& session, io::DatagramSocket socket, std::uint16_t from_port);

    io::Result<io::Endpoint> local() const { return socket_.local(); }

    io::Task<Step<void>> receive(Packets& into) override;
    io::Task<Step<void>> send(std::span<const Packet> all) override;
    io::Task<void> end() override { co_return; }
    void rest() noexcept override { batch_.clear(); }
    bool addressed() const noexcept override { return true; }

private:
    void add(const io::Datagram& one, Packets& into);
    std::size_t write(std::span<const Packet> all, io::Buffer& out);

    Session& session_;
    io::DatagramSocket socket_;
    io::Endpoint client_;  // port 0: not known yet
    bool is_met_ = false;  // has sent a good datagram
    io::DatagramBatch batch_;
    std::vector<io::Datagram> outgoing_;
};

}  // namespace ferry::core
