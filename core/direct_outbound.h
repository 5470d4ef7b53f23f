// DirectOutbound: straight to the target. V2Ray calls it freedom.
#pragma once

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

private:
    std::optional<proto::Address> redirect_;
    DialRules rules_;
    std::uint32_t level_;
};

}  // namespace ferry::core
