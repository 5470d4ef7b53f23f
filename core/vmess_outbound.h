// VmessOutbound: VMess on the client's side.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "core/config.h"
#include "core/dial.h"
#include "core/mux_client.h"
#include "core/outbound.h"
#include "core/server_list.h"
#include "core/xudp_packets.h"

namespace ferry::core {

class VmessOutbound final : public Outbound, private MuxDialer {
public:
    VmessOutbound(std::string its_tag, const config::VmessOutbound& settings,
                  const config::Mux& mux, std::optional<io::Endpoint> local);

    // Takes the servers in turns. Where one cannot be reached, the next one is tried, up to five
    // times; once a header has been sent, nothing is tried again.
    io::Task<Step<End>> dial(Session& session) const override;
    // Likewise for datagrams: a connection or a stream for each target, or with packet addresses
    // and XUDP one for all.
    io::Task<Step<std::unique_ptr<PacketEnd>>> dial_packets(Session& session) const override;
    bool addresses_packets() const noexcept override {
        return encoding_ != config::PacketEncoding::none;
    }

    const ServerList& servers() const noexcept { return servers_; }  // for tests

private:
    // What a connection is asked for.
    struct Wish {
        proto::vmess::Command command;
        proto::Address target;
    };
    io::Task<Step<End>> dial_for(Session& session, const Wish& wish) const;
    io::Task<Step<End>> dial_carrier(Session& session) const override;
    io::Task<Step<MuxPlace>> take_place(Session& session, const MuxShare& share,
                                        proto::mux::Network network) const;
    io::Task<Step<std::unique_ptr<PacketEnd>>> dial_chunks(Session& session) const;
    io::Task<Step<std::unique_ptr<PacketEnd>>> dial_xudp(Session& session) const;
    io::Task<Step<std::shared_ptr<MuxPackets>>> open_xudp(Session& session) const;
    Step<End> greet(Session& session, std::shared_ptr<const VmessServer> server, io::Socket socket,
                    const Wish& wish) const;

    // Mutable and shared by all cores: servers name further ones while the configuration stands.
    mutable ServerList servers_;
    DialRules rules_;
    config::Mux mux_;
    config::PacketEncoding encoding_;
};

}  // namespace ferry::core
