// MadeAccounts: the accounts of users who were told to go on at another port.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/token_table.h"
#include "core/users.h"
#include "crypto/random.h"

namespace ferry::core {

// Of one inbound, which a detour leads to.
inline constexpr std::size_t kMadeAccountsMax = 16384;

// One account for each port and e-mail; those without e-mail share one. It lives as long as its
// port listens, and as long again as somebody who has just connected there may take to say who they
// are.
//
//   thread   any; one short lock per request that is answered with an instruction, and one per
//            handshake on the inbound
//   limits   kMadeAccountsMax: beyond it nobody is told to go on
class MadeAccounts {
public:
    struct Defaults {
        std::uint8_t level = 0;
        std::uint16_t alter_id = 0;
    };

    // `tokens` may be null if the accounts have no alternative ids.
    MadeAccounts(const crypto::Dispatch& dispatch, Defaults defaults,
                 std::shared_ptr<TokenTable> tokens);

    // The id of that account, which is made now if there is none.
    std::optional<proto::vmess::UserId> of(std::uint16_t port, std::string_view email,
                                           crypto::Random& random, std::int64_t unix_seconds);
    // The port has closed: nobody is sent to its accounts any more, and its next turn has others.
    void retire(std::uint16_t port);
    // Nobody is let in with the accounts of retired ports any more.
    void drop_retired();

    // All of them. The name of each in there is a number and its e-mail, see email_of().
    std::shared_ptr<const UserTable> table() const;
    static std::string_view email_of(const UserRef& user) noexcept;

    const Defaults& defaults() const noexcept { return defaults_; }

private:
    struct Account {
        proto::vmess::UserId id;
        std::string name;
    };

    mutable std::mutex lock_;
    std::map<std::pair<std::uint16_t, std::string>, Account> given_;
    std::vector<Account> retired_;
    std::uint64_t made_ = 0;  // so many so far
    std::shared_ptr<const UserTable> table_;
    const Defaults defaults_;
    const std::shared_ptr<TokenTable> tokens_;
};

}  // namespace ferry::core
