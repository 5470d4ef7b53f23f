#include "core/users.h"

#include <algorithm>
#include <bit>

namespace ferry::core {

User::User(const crypto::Dispatch& dispatch, const proto::vmess::UserId& its_id,
           std::string its_email, std::uint32_t its_level)
    : id(its_id),
      command_key(its_id),
      auth_key(proto::vmess::auth_id_key(*dispatch.sha256, command_key)),
      email(std::move(its_email)),
      level(its_level) {}

UserTable::UserTable(const crypto::Dispatch& dispatch, std::vector<User> users)
    : row_(*dispatch.aes128_trial), users_(std::move(users)) {
    for (std::size_t index = 0; index < users_.size(); ++index) {
        if (index % crypto::kTrialBlockUsers == 0) {
            blocks_.push_back(std::make_unique<crypto::TrialKeys>());
        }
        row_.set(*blocks_.back(), index % crypto::kTrialBlockUsers,
                 users_[index].auth_key.view().data());
    }
}

const User* UserTable::find(std::span<const std::uint8_t, 16> auth_id) const {
    const User* found = nullptr;
    for (std::size_t block = 0; block < blocks_.size(); ++block) {
        const std::size_t first = block * crypto::kTrialBlockUsers;
        const std::size_t count = std::min(users_.size() - first, crypto::kTrialBlockUsers);
        const std::uint64_t hits = row_.find(*blocks_[block], count, auth_id.data());
        if (hits != 0) {
            found = &users_[first + static_cast<std::size_t>(std::bit_width(hits)) - 1];
        }
    }
    return found;
}

}  // namespace ferry::core
