// UserTable: who may speak VMess on one inbound.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "crypto/dispatch.h"
#include "proto/vmess/keys.h"

namespace ferry::core {

// One user as the configuration names them, and the keys that follow from the id.
struct User {
    User(const crypto::Dispatch& dispatch, const proto::vmess::UserId& its_id,
         std::string its_email, std::uint32_t its_level);

    proto::vmess::UserId id;
    proto::vmess::CommandKey command_key;
    proto::vmess::Key16 auth_key;  // of the user's auth ids
    std::string email;             // may be empty
    std::uint32_t level = 0;
};

// The users of one inbound and their keys, arranged for the search by auth id.
//
//   lifetime  immutable; part of the snapshot
//   thread    any
//   memory    one block of trial keys for each 64 users
class UserTable {
public:
    // Of users with the same id, the later one is found.
    UserTable(const crypto::Dispatch& dispatch, std::vector<User> users);

    // Whose auth id is this? Decrypts it under every user's key, so that the time does not tell
    // which one fits.
    //
    //   gives  null if it is nobody's; a wrong match has a chance of 2^-32 for each user
    //   cost   one AES block for each user
    const User* find(std::span<const std::uint8_t, 16> auth_id) const;

    std::size_t size() const noexcept { return users_.size(); }

private:
    const crypto::TrialRow& row_;
    std::vector<User> users_;
    std::vector<std::unique_ptr<crypto::TrialKeys>> blocks_;
};

}  // namespace ferry::core
