// SocksInbound: SOCKS4, 4a and 5 for local programs.
#pragma once

#include <string>
#include <vector>

#include "core/config.h"
#include "core/inbound.h"
#include "proto/account.h"
#include "proto/socks.h"

namespace ferry::core {

class SocksInbound final : public Inbound {
public:
    SocksInbound(std::string its_tag, const config::SocksInbound& settings);

    io::Task<Step<void>> greet(Session& session) const override;
    io::Task<Step<void>> answer(Session& session, Outcome dialed) const override;
    std::string_view name() const noexcept override { return "proxy/socks"; }

private:
    std::vector<proto::Account> accounts_;
    bool login_;
};

}  // namespace ferry::core
