#include "proto/account.h"

#include "crypto/bytes.h"
#include "proto/text.h"

namespace ferry::proto {
namespace {

bool same(std::string_view a, std::string_view b) noexcept {
    return a.size() == b.size() && crypto::equal(bytes_of(a).data(), bytes_of(b).data(), a.size());
}

}  // namespace

const Account* find_account(std::span<const Account> accounts, const Login& login) noexcept {
    const Account* found = nullptr;
    for (const Account& account : accounts) {
        const bool user_fits = same(account.user, login.user);
        const bool password_fits = same(account.password, login.password);
        // Both are known before either is looked at, and the walk goes on: no early exit.
        if (user_fits & password_fits) {
            found = &account;
        }
    }
    return login.user.empty() ? nullptr : found;
}

}  // namespace ferry::proto
