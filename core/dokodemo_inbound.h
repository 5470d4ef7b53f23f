// DokodemoInbound: whoever connects is taken to one fixed place.
#pragma once

#include <string>

#include "core/config.h"
#include "core/inbound.h"

namespace ferry::core {

class DokodemoInbound final : public Inbound {
public:
    DokodemoInbound(std::string its_tag, const config::DokodemoInbound& settings);

    io::Task<Step<void>> greet(Session& session) const override;
    void meet(Session& session, const io::Endpoint& at) const override;
    std::string_view name() const noexcept override { return "proxy/dokodemo"; }

private:
    proto::Address target_;
};

}  // namespace ferry::core
