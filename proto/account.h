// Account: a user and a password of a local inbound.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace ferry::proto {

struct Account {
    std::string user;
    std::string password;
};

// What a client says about itself.
struct Login {
    std::string_view user;
    std::string_view password;
};

// Finds the account that a client names; null if there is none with this user and this password.
//
//   empty  a user without a name is nobody, whatever the accounts say; a password may be empty
//   cost  every account is compared: the time tells neither which one fits nor where one differs.
//         The lengths are not hidden
const Account* find_account(std::span<const Account> accounts, const Login& login) noexcept;

}  // namespace ferry::proto
