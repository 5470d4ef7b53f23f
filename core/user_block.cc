#include "core/user_block.h"

#include <algorithm>
#include <bit>

#include "core/config_words.h"
#include "proto/text.h"

namespace ferry::core {

UserBlock::~UserBlock() {
    crypto::wipe(&keys_, sizeof keys_);
    crypto::wipe(ids_.data(), sizeof ids_);
    crypto::wipe(auth_keys_.data(), sizeof auth_keys_);
}

void UserBlock::put(const crypto::Dispatch& dispatch, std::size_t index, const User& user) {
    const auto key = proto::vmess::auth_id_key(*dispatch.sha256, proto::vmess::CommandKey(user.id));
    dispatch.aes128_trial->set(keys_, index, key.view().data());
    ids_[index] = user.id;
    std::ranges::copy(key.view(), auth_keys_[index].begin());
    id_tags_[index] = tag_of(user.id);
    email_tags_[index] = tag_of(config::lower(user.email));
    levels_[index] = user.level;
    alter_ids_[index] = user.alter_id;
    set_email(index, user.email);
    used_ |= bit(index);
    keyed_ |= bit(index);
    count_ = std::max(count_, index + 1);
}

void UserBlock::remove(std::size_t index) {
    used_ &= ~bit(index);
    keyed_ &= ~bit(index);
    crypto::wipe(&ids_[index], sizeof ids_[index]);
    crypto::wipe(&auth_keys_[index], sizeof auth_keys_[index]);
    set_email(index, {});
}

void UserBlock::set_email(std::size_t index, std::string_view email) {
    const std::size_t before = this->email(index).size();
    const std::size_t start = email_ends_[index] - before;
    emails_.replace(start, before, email);
    // Unsigned arithmetic wraps, so a shorter e-mail moves the ends back.
    const auto moved = static_cast<std::uint32_t>(email.size() - before);
    for (std::size_t later = index; later < kBlockUsers; ++later) {
        email_ends_[later] += moved;
    }
}

std::string_view UserBlock::email(std::size_t index) const noexcept {
    const std::uint32_t start = index == 0 ? 0 : email_ends_[index - 1];
    return std::string_view(emails_).substr(start, email_ends_[index] - start);
}

std::uint32_t UserBlock::tag_of(const proto::vmess::UserId& id) noexcept {
    return crypto::fnv1a(id.bytes);
}

std::uint32_t UserBlock::tag_of(std::string_view lower_case) noexcept {
    return crypto::fnv1a(proto::bytes_of(lower_case));
}

// Nearly always there is none, and that is what has to be quick: the first loop becomes vectors.
std::uint64_t UserBlock::tagged(const Tags& tags, std::uint32_t tag) const noexcept {
    std::uint32_t any = 0;
    for (const std::uint32_t one : tags) {
        any |= one == tag ? 1 : 0;
    }
    std::uint64_t found = 0;
    for (std::size_t index = 0; any != 0 && index < kBlockUsers; ++index) {
        found |= tags[index] == tag ? bit(index) : 0;
    }
    return found & used_;
}

std::uint64_t UserBlock::with_id(const proto::vmess::UserId& id) const noexcept {
    std::uint64_t found = tagged(id_tags_, tag_of(id));
    for (std::uint64_t left = found; left != 0; left &= left - 1) {
        const auto index = static_cast<std::size_t>(std::countr_zero(left));
        if (ids_[index] != id) {
            found &= ~bit(index);
        }
    }
    return found;
}

std::uint64_t UserBlock::with_email(std::string_view lower_case) const {
    std::uint64_t found = tagged(email_tags_, tag_of(lower_case));
    for (std::uint64_t left = found; left != 0; left &= left - 1) {
        const auto index = static_cast<std::size_t>(std::countr_zero(left));
        if (config::lower(email(index)) != lower_case) {
            found &= ~bit(index);
        }
    }
    return found;
}

}  // namespace ferry::core
