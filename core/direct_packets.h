// DirectPackets: datagrams straight to their targets.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "core/dial.h"
#include "core/packet_names.h"
#include "core/packets.h"
#include "core/session.h"
#include "io/datagram.h"

namespace ferry::core {

// Where datagrams really go.
struct PacketRules {
    DialRules dial;
    std::optional<proto::Address> redirect;  // as config::FreedomOutbound::redirect
};

// Where something for `asked` goes, if that is to be somewhere else.
proto::Address redirected(const std::optional<proto::Address>& redirect,
                          const proto::Address& asked);

// A socket of its own for one association, or the one that its client has had before. Where the
// near end can say with whom each datagram is, whoever answers is passed on; otherwise it is the
// one target alone. Where the near end shows only later that it can, both hold for the same socket.
//
//   names   of addressed datagrams are resolved when they are met, beside the others (PacketNames)
//   counts  what cannot be sent is dropped as datagrams_unsent, what a stranger sends as
//           datagrams_strange
class DirectPackets final : public PacketEnd {
public:
    // Opens the far end of a session.
    static io::Task<Step<std::unique_ptr<PacketEnd>>> dial(Session& session,
                                                           const PacketRules& rules);

    DirectPackets(Session& session, io::DatagramSocket socket, const io::Endpoint& local,
                  const io::Endpoint& only, PacketRules rules);
    DirectPackets(const DirectPackets&) = delete;
    ~DirectPackets() override;

    io::Task<Step<void>> receive(Packets& into) override;
    io::Task<Step<void>> send(std::span<const Packet> all) override;
    io::Task<void> end() override { co_return; }  // a socket has no way to say so
    io::Task<void> settle() override;
    void rest() noexcept override { batch_.clear(); }
    bool addressed() const noexcept override { return session_.packets->addressed(); }

private:
    void claim();
    std::optional<io::Endpoint> find(const proto::Address& asked);
    io::Endpoint sendable(const io::Endpoint& to) const;
    void add(std::vector<io::Datagram>& outgoing, const Packet& packet,
             const io::Endpoint& way) const;
    io::Task<void> send_named(io::Scope& scope, std::span<const Packet> all, io::Endpoint at);

    Session& session_;
    io::DatagramSocket socket_;
    const io::Endpoint local_;
    const io::Endpoint only_way_;  // to the one target, as the socket names it; or nowhere
    const PacketRules rules_;
    const Meter wire_;
    io::DatagramBatch batch_;
    std::vector<io::Datagram> outgoing_;
    std::unique_ptr<PacketNames> names_;         // once there was a name
    std::shared_ptr<io::Scope*> owner_;          // of the session, for a claim that is called in
    std::shared_ptr<KeptSockets::Claim> claim_;  // where the client may come back
};

}  // namespace ferry::core
