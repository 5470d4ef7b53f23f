#include "core/made_accounts.h"

#include <fmt/format.h>

namespace ferry::core {
namespace {

// Tables want names that differ: the same person has an account on every port.
constexpr char kBehindPort = ' ';

std::string name_of(std::uint16_t port, std::string_view email) {
    return fmt::format("{}{}{}", port, kBehindPort, email);
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
    const auto known = ids_.find({port, std::string(email)});
    if (known != ids_.end()) {
        return known->second;
    }
    if (ids_.size() >= kMadeAccountsMax) {
        return std::nullopt;
    }
    const proto::vmess::UserId id = random_id(random);
    auto larger = table_->with({.id = id,
                                .email = name_of(port, email),
                                .level = defaults_.level,
                                .alter_id = defaults_.alter_id});
    if (!larger) {
        return std::nullopt;  // e-mails that differ only in their case are one account's
    }
    table_ = std::make_shared<const UserTable>(std::move(*larger));
    ids_.emplace(std::pair(port, std::string(email)), id);
    if (defaults_.alter_id > 0) {
        tokens_->add({id, defaults_.alter_id, TokenUser::MainId::refused}, unix_seconds);
    }
    return id;
}

void MadeAccounts::drop(std::uint16_t port) {
    const std::lock_guard guard(lock_);
    const auto first = ids_.lower_bound({port, {}});
    auto last = first;
    for (; last != ids_.end() && last->first.first == port; ++last) {
        if (tokens_) {
            tokens_->remove(last->second);
        }
        if (auto smaller = table_->without(name_of(port, last->first.second))) {
            table_ = std::make_shared<const UserTable>(std::move(*smaller));
        }
    }
    ids_.erase(first, last);
}

std::shared_ptr<const UserTable> MadeAccounts::table() const {
    const std::lock_guard guard(lock_);
    return table_;
}

std::string_view MadeAccounts::email_of(const UserRef& user) noexcept {
    const std::string_view name = user.email();
    return name.substr(name.find(kBehindPort) + 1);
}

}  // namespace ferry::core
