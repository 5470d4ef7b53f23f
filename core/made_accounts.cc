#include "core/made_accounts.h"

#include <fmt/format.h>

namespace ferry::core {
namespace {

// Tables want names that differ: the same person has an account on every port, and may have one of
// the port's last turn.
constexpr char kBehindNumber = ' ';

std::string name_of(std::uint64_t number, std::string_view email) {
    return fmt::format("{}{}{}", number, kBehindNumber, email);
}

// A random UUID (RFC 4122, 4.4).
proto::vmess::UserId random_id(crypto::Random& random) {
    proto::vmess::UserId id;
    random.fill(id.bytes);
    id.bytes[6] = static_cast<std::uint8_t>((id.bytes[6] & 0x0f) | 0x40);
    id.bytes[8] = static_cast<std::uint8_t>((id.bytes[8] & 0x3f) | 0x80);
    return id;
}

}  // namespace

MadeAccounts::MadeAccounts(const crypto::Dispatch& dispatch, Defaults defaults,
                           std::shared_ptr<TokenTable> tokens)
    : table_(std::make_shared<const UserTable>(dispatch, std::span<const User>())),
      defaults_(defaults),
      tokens_(std::move(tokens)) {}

std::optional<proto::vmess::UserId> MadeAccounts::of(std::uint16_t port, std::string_view email,
                                                     crypto::Random& random,
                                                     std::int64_t unix_seconds) {
    const std::lock_guard guard(lock_);
    const auto known = given_.find({port, std::string(email)});
    if (known != given_.end()) {
        return known->second.id;
    }
    if (given_.size() + retired_.size() >= kMadeAccountsMax) {
        return std::nullopt;
    }
    const Account account{random_id(random), name_of(made_++, email)};
    auto larger = table_->with({.id = account.id,
                                .email = account.name,
                                .level = defaults_.level,
                                .alter_id = defaults_.alter_id});
    if (!larger) {
        return std::nullopt;
    }
    table_ = std::make_shared<const UserTable>(std::move(*larger));
    given_.emplace(std::pair(port, std::string(email)), account);
    if (defaults_.alter_id > 0) {
        tokens_->add({account.id, defaults_.alter_id, TokenUser::MainId::refused}, unix_seconds);
    }
    return account.id;
}

void MadeAccounts::retire(std::uint16_t port) {
    const std::lock_guard guard(lock_);
    const auto first = given_.lower_bound({port, {}});
    auto last = first;
    for (; last != given_.end() && last->first.first == port; ++last) {
        retired_.push_back(std::move(last->second));
    }
    given_.erase(first, last);
}

void MadeAccounts::drop_retired() {
    const std::lock_guard guard(lock_);
    for (const Account& account : retired_) {
        if (tokens_) {
            tokens_->remove(account.id);
        }
        if (auto smaller = table_->without(account.name)) {
            table_ = std::make_shared<const UserTable>(std::move(*smaller));
        }
    }
    retired_.clear();
}

std::shared_ptr<const UserTable> MadeAccounts::table() const {
    const std::lock_guard guard(lock_);
    return table_;
}

std::string_view MadeAccounts::email_of(const UserRef& user) noexcept {
    const std::string_view name = user.email();
    return name.substr(name.find(kBehindNumber) + 1);
}

}  // namespace ferry::core
