// HttpInbound: an HTTP proxy for local programs, with CONNECT and with plain requests.
#pragma once

#include <string>
#include <vector>

#include "core/config.h"
#include "core/inbound.h"
#include "proto/account.h"

namespace ferry::core {

// CONNECT opens a tunnel. A plain request is one exchange with its target; the client's connection
// is kept for the next one, which may have another target.
class HttpInbound final : public Inbound {
public:
    HttpInbound(std::string its_tag, const config::HttpInbound& settings);

    io::Task<Step<void>> greet(Session& session) const override;
    io::Task<Step<void>> answer(Session& session, Outcome dialed) const override;
    bool again(Session& session) const override;
    std::string_view name() const noexcept override { return "proxy/http"; }
    std::string access_target(const Session& session) const override;

private:
    std::vector<proto::Account> accounts_;
    bool transparent_;
};

}  // namespace ferry::core
