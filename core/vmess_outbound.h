// VmessOutbound: VMess on the client's side.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "core/config.h"
#include "core/dial.h"
#include "core/outbound.h"
#include "core/server_list.h"

namespace ferry::core {

class VmessOutbound final : public Outbound {
public:
    VmessOutbound(std::string its_tag, const config::VmessOutbound& settings,
                  std::optional<io::Endpoint> local);

    // Takes the servers in turns. Where one cannot be reached, the next one is tried, up to five
    // times; once a header has been sent, nothing is tried again.
    io::Task<Step<End>> dial(Session& session) const override;
    // Likewise for datagrams: a connection for each target, or with packet addresses one for all.
    io::Task<Step<std::unique_ptr<PacketEnd>>> dial_packets(Session& session) const override;
    bool addresses_packets() const noexcept override {
        return encoding_ == config::PacketEncoding::packet;
    }

private:
    // What a connection is asked for.
    struct Wish {
        proto::vmess::Command command;
        proto::Address target;
    };
    io::Task<Step<End>> dial_for(Session& session, const Wish& wish) const;
    Step<End> greet(Session& session, std::shared_ptr<const VmessServer> server,
                    io::Socket socket, const Wish& wish) const;

    // Mutable and shared by all cores: servers name further ones while the configuration stands.
    mutable ServerList servers_;
    DialRules rules_;
    config::PacketEncoding encoding_;
};

}  // namespace ferry::core
