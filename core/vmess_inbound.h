// VmessInbound: VMess on the server's side.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "core/inbound.h"
#include "core/made_accounts.h"
#include "core/token_table.h"
#include "core/user_search.h"
#include "core/users.h"
#include "proto/vmess/command.h"
#include "proto/vmess/request.h"

namespace ferry::core {

enum class Insecure : std::uint8_t { allowed, refused };

class VmessInbound final : public Inbound {
public:
    // `tokens` are those of the users who may use the older header, and of nobody else; null if
    // there are none, and never will be.
    VmessInbound(std::string its_tag, UserTable users, Insecure insecure,
                 std::shared_ptr<TokenTable> tokens);

    io::Task<Step<void>> greet(Session& session) const override;
    // A target that cannot be reached is told by the bare response header.
    io::Task<Step<void>> answer(Session& session, Outcome dialed) const override;
    bool drains() const noexcept override { return true; }
    bool holds(const UserRef& user) const override;
    std::string_view name() const noexcept override { return "proxy/vmess/inbound"; }

    // Sends its clients on to another inbound. `target` is part of the same snapshot; null if there
    // is no VMess inbound of that tag, which each request then is a warning of.
    void lead_to(const VmessInbound* target, std::string its_tag);
    // Lets those in who are sent on to here.
    void receive(std::shared_ptr<MadeAccounts> made) { made_ = std::move(made); }
    const std::shared_ptr<MadeAccounts>& made() const noexcept { return made_; }
    const std::shared_ptr<TokenTable>& tokens() const noexcept { return tokens_; }

private:
    io::Task<Step<proto::vmess::Request>> understand(Session& session, Caller& caller) const;
    io::Task<Step<void>> authenticate(Session& session, Caller& caller) const;
    io::Task<Step<proto::vmess::Request>> read_request(Session& session) const;
    bool is_signed(Session& session, Caller& caller) const;
    io::Task<Step<proto::vmess::Request>> read_legacy_request(Session& session,
                                                              std::int64_t signed_at) const;
    void taint(Session& session) const;
    Step<void> remember(Session& session, const proto::vmess::Request& request) const;
    Step<void> remember(Session& session, ReplayFilter& filter, ReplayToken token) const;
    Step<void> accept(Session& session, proto::vmess::Request request) const;
    bool is_made(Session& session, Caller& caller) const;
    bool find_here(Session& session, const proto::vmess::UserId& id, Caller& caller) const;
    std::optional<proto::vmess::SwitchAccount> instruct(Session& session) const;

    UserTable users_;
    Insecure insecure_;
    std::shared_ptr<TokenTable> tokens_;
    std::shared_ptr<MadeAccounts> made_;  // null: nobody is sent here
    std::string detour_tag_;              // empty: nobody is sent on
    const VmessInbound* detour_ = nullptr;
};

}  // namespace ferry::core
