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

#include "core/token_table.h"
#include "core/users.h"
#include "crypto/random.h"

namespace ferry::core {

// Of one inbound, which a detour leads to.
inline constexpr std::size_t kMadeAccountsMax = 16384;

// One account for each port and e-mail; those without e-mail share one. It lives as long as its
// port listens.
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
    // The port has closed: nobody is let in with its accounts any more.
    void drop(std::uint16_t port);

    // All of them. The name of each in there is its port and its e-mail, see email_of().
    std::shared_ptr<const UserTable> table() const;
    static std::string_view email_of(const UserRef& user) noexcept;

    const Defaults& defaults() const noexcept { return defaults_; }

private:
    mutable std::mutex lock_;
    std::map<std::pair<std::uint16_t, std::string>, proto::vmess::UserId> ids_;
    std::shared_ptr<const UserTable> table_;
    const Defaults defaults_;
    const std::shared_ptr<TokenTable> tokens_;
};

}  // namespace ferry::core
