// BlockOutbound: nowhere. V2Ray calls it blackhole.
#pragma once

#include <memory>
#include <string>

#include "core/config.h"
#include "core/outbound.h"

namespace ferry::core {

class BlockOutbound final : public Outbound {
public:
    BlockOutbound(std::string its_tag, const config::BlackholeOutbound& settings);

    io::Task<Step<End>> dial(Session& session) const override;
    // Swallows what it is given.
    io::Task<Step<std::unique_ptr<PacketEnd>>> dial_packets(Session& session) const override;
    bool addresses_packets() const noexcept override { return true; }

private:
    config::BlackholeOutbound::Response response_;
};

}  // namespace ferry::core
