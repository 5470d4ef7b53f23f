// SocksInbound: SOCKS4, 4a and 5 for local programs.
#pragma once

#include <optional>
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
    // An association lives and dies with its TCP connection.
    io::Task<void> attend(Session& session) const override;
    std::string_view name() const noexcept override { return "proxy/socks"; }

private:
    io::Task<Step<void>> associate(Session& session, const proto::SocksServer& server) const;

    std::vector<proto::Account> accounts_;
    bool login_;
    bool serves_datagrams_;
    std::optional<io::Endpoint> told_;  // where clients are told to send datagrams, with port 0
};

}  // namespace ferry::core
