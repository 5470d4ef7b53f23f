// BlockOutbound: nowhere. V2Ray calls it blackhole.
#pragma once

#include <string>

#include "core/config.h"
#include "core/outbound.h"

namespace ferry::core {

class BlockOutbound final : public Outbound {
public:
    BlockOutbound(std::string its_tag, const config::BlackholeOutbound& settings);

    io::Task<Step<End>> dial(Session& session) const override;

private:
    config::BlackholeOutbound::Response response_;
};

}  // namespace ferry::core
