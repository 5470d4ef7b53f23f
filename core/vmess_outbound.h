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

    const ServerList& servers() const noexcept { return servers_; }  // for tests

private:
    Step<End> greet(Session& session, std::shared_ptr<const VmessServer> server,
                    io::Socket socket) const;

    // Mutable and shared by all cores: servers name further ones while the configuration stands.
    mutable ServerList servers_;
    DialRules rules_;
};

}  // namespace ferry::core
