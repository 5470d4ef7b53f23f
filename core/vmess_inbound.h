// VmessInbound: VMess on the server's side.
#pragma once

#include <string>
#include <vector>

#include "core/inbound.h"
#include "core/users.h"
#include "proto/vmess/request.h"

namespace ferry::core {

enum class Insecure : std::uint8_t { allowed, refused };

class VmessInbound final : public Inbound {
public:
    VmessInbound(std::string its_tag, const crypto::Dispatch& dispatch, std::vector<User> users,
                 Insecure insecure);

    io::Task<Step<void>> greet(Session& session) const override;
    // A target that cannot be reached is told by the bare response header.
    io::Task<Step<void>> answer(Session& session, Outcome dialed) const override;
    bool drains() const noexcept override { return true; }
    std::string_view name() const noexcept override { return "proxy/vmess/inbound"; }

private:
    io::Task<Step<const User*>> authenticate(Session& session) const;
    io::Task<Step<proto::vmess::Request>> read_request(Session& session, const User& user) const;
    Step<void> remember(Session& session, const User& user,
                        const proto::vmess::Request& request) const;
    Step<void> remember(Session& session, ReplayFilter& filter, ReplayToken token) const;
    Step<void> accept(Session& session, proto::vmess::Request request) const;

    UserTable users_;
    Insecure insecure_;
};

}  // namespace ferry::core
