// DirectOutbound: straight to the target. V2Ray calls it freedom.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "core/config.h"
#include "core/dial.h"
#include "core/outbound.h"

namespace ferry::core {

class DirectOutbound final : public Outbound {
public:
    DirectOutbound(std::string its_tag, const config::FreedomOutbound& settings,
                   std::optional<io::Endpoint> local);

    io::Task<Step<End>> dial(Session& session) const override;
    io::Task<Step<std::unique_ptr<PacketEnd>>> dial_packets(Session& session) const override;
    bool addresses_packets() const noexcept override { return true; }

private:
    std::optional<proto::Address> redirect_;
    DialRules rules_;
    std::uint32_t level_;
};

}  // namespace ferry::core
