#include "core/users.h"

#include <algorithm>
#include <bit>
#include <unordered_set>

#include "core/config_words.h"

namespace ferry::core {
namespace {

struct IdHash {
    std::size_t operator()(const proto::vmess::UserId& id) const noexcept {
        return UserBlock::tag_of(id);
    }
};

std::size_t lowest(std::uint64_t bits) {
    return static_cast<std::size_t>(std::countr_zero(bits));
}

}  // namespace

UserTable::UserTable(const crypto::Dispatch& dispatch, std::span<const User> users)
    : dispatch_(&dispatch) {
    for (std::size_t first = 0; first < users.size(); first += kBlockUsers) {
        const auto some = users.subspan(first, std::min(users.size() - first, kBlockUsers));
        auto block = std::make_shared<UserBlock>();
        std::size_t email_bytes = 0;
        for (const User& user : some) {
            email_bytes += user.email.size();
        }
        block->reserve_emails(email_bytes);
        for (std::size_t index = 0; index < some.size(); ++index) {
            block->put(dispatch, index, some[index]);
        }
        blocks_.push_back(std::move(block));
    }
    std::unordered_set<proto::vmess::UserId, IdHash> later;
    later.reserve(users.size());
    for (std::size_t place = users.size(); place-- > 0;) {
        if (!later.insert(users[place].id).second) {
            changed(place / kBlockUsers).take_key(place % kBlockUsers);
        }
    }
}

// A copy of a block that no other table has, in the place of the one that is shared.
UserBlock& UserTable::changed(std::size_t block) {
    auto copy = std::make_shared<UserBlock>(*blocks_[block]);
    UserBlock& made = *copy;
    blocks_[block] = std::move(copy);
    return made;
}

std::optional<std::size_t> UserTable::place_of(std::string_view email) const {
    if (email.empty()) {
        return std::nullopt;
    }
    const std::string lower_case = config::lower(email);
    for (std::size_t block = 0; block < blocks_.size(); ++block) {
        if (const std::uint64_t found = blocks_[block]->with_email(lower_case); found != 0) {
            return block * kBlockUsers + lowest(found);
        }
    }
    return std::nullopt;
}

void UserTable::take_keys(const proto::vmess::UserId& id) {
    for (std::size_t block = 0; block < blocks_.size(); ++block) {
        const std::uint64_t found = blocks_[block]->with_id(id) & blocks_[block]->keyed();
        if (found != 0) {
            changed(block).take_key(lowest(found));  // no two have the key of one id
        }
    }
}

std::optional<UserTable> UserTable::with(const User& user) const {
    if (place_of(user.email)) {
        return std::nullopt;
    }
    UserTable made = *this;
    made.take_keys(user.id);
    std::size_t block = 0;
    while (block < blocks_.size() && ~blocks_[block]->used() == 0) {
        ++block;
    }
    if (block == blocks_.size()) {
        made.blocks_.push_back(std::make_shared<UserBlock>());
    }
    made.changed(block).put(*dispatch_, lowest(~made.blocks_[block]->used()), user);
    return made;
}

std::optional<UserTable> UserTable::without(std::string_view email) const {
    const auto place = place_of(email);
    if (!place) {
        return std::nullopt;
    }
    UserTable made = *this;
    UserBlock& block = made.changed(*place / kBlockUsers);
    const proto::vmess::UserId id = block.id(*place % kBlockUsers);
    block.remove(*place % kBlockUsers);
    made.take_keys(id);
    return made;
}

UserMatches UserTable::find(AuthIdView auth_id) const {
    UserMatches matches;
    for (std::size_t block = 0; block < blocks_.size(); ++block) {
        std::uint64_t found = blocks_[block]->find(*dispatch_->aes128_trial, auth_id);
        for (; found != 0; found &= found - 1) {
            matches.add(UserRef(*blocks_[block], block * kBlockUsers + lowest(found)));
        }
    }
    return matches;
}

UserMatches UserTable::find_among(std::span<const std::uint32_t> places, AuthIdView auth_id) const {
    UserMatches matches;
    for (std::size_t index = 0; index < places.size(); ++index) {
        const std::size_t block = places[index] / kBlockUsers;
        const bool looked = std::ranges::any_of(places.first(index), [block](std::uint32_t place) {
            return place / kBlockUsers == block;
        });
        if (looked || block >= blocks_.size()) {
            continue;
        }
        std::uint64_t found = blocks_[block]->find(*dispatch_->aes128_trial, auth_id);
        for (; found != 0; found &= found - 1) {
            matches.add(UserRef(*blocks_[block], block * kBlockUsers + lowest(found)));
        }
    }
    return matches;
}

UserRef UserTable::find_id(const proto::vmess::UserId& id) const {
    for (std::size_t block = 0; block < blocks_.size(); ++block) {
        if (const auto found = blocks_[block]->with_id(id) & blocks_[block]->keyed(); found != 0) {
            return UserRef(*blocks_[block], block * kBlockUsers + lowest(found));
        }
    }
    return {};
}

bool UserTable::holds(const UserRef& user) const {
    const std::string email = config::lower(user.email());
    bool is_here = false;
    bool is_keyed = false;
    const auto look = [&](const UserBlock& block) {
        const std::uint64_t same_id = block.with_id(user.id());
        is_here |= (same_id & block.with_email(email)) != 0;
        is_keyed |= (same_id & block.keyed()) != 0;
        return is_here && is_keyed;
    };
    // Nearly always they are where they were; the others are looked for.
    const std::size_t likely = user.place() / kBlockUsers;
    if (likely < blocks_.size() && look(*blocks_[likely])) {
        return true;
    }
    return std::ranges::any_of(blocks_, [&](const Block& block) { return look(*block); });
}

std::size_t UserTable::size() const noexcept {
    std::size_t sum = 0;
    for (const Block& block : blocks_) {
        sum += static_cast<std::size_t>(std::popcount(block->used()));
    }
    return sum;
}

}  // namespace ferry::core
