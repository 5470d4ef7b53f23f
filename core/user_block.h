// UserBlock: 64 users side by side, the unit in which tables of users are shared and changed.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "crypto/dispatch.h"
#include "proto/vmess/keys.h"

namespace ferry::core {

// One user as the configuration names them.
struct User {
    proto::vmess::UserId id;
    std::string email = {};  // may be empty
    std::uint32_t level = 0;
    std::uint16_t alter_id = 0;  // how many alternative ids the older header may use
};

inline constexpr std::size_t kBlockUsers = crypto::kTrialBlockUsers;

// Up to 64 users, each in a place of their own: whoever goes leaves a gap, so that nobody else
// moves.
//
//   lifetime  changed only before it becomes part of a table; wiped when destroyed
//   memory    51 bytes per place beyond id and e-mail: the trial key, the key of the auth ids,
//             level and alternative ids, two tags and where the e-mail ends. The command key is
//             computed when a user comes: one compression of MD5 against 16 bytes for each
class UserBlock {
public:
    UserBlock() noexcept = default;
    UserBlock(const UserBlock&) = default;
    UserBlock& operator=(const UserBlock&) = delete;
    ~UserBlock();

    void put(const crypto::Dispatch& dispatch, std::size_t index, const User& user);
    void remove(std::size_t index);
    // The user stays, and nothing that is sealed for the id is theirs any more.
    void take_key(std::size_t index) noexcept { keyed_ &= ~bit(index); }
    void reserve_emails(std::size_t bytes) { emails_.reserve(bytes); }

    // Whose key explains the auth id?
    std::uint64_t find(const crypto::TrialRow& row,
                       std::span<const std::uint8_t, 16> auth_id) const {
        return row.find(keys_, count_, auth_id.data()) & keyed_;
    }
    // Who has this id, with a key or without, and who this e-mail, ignoring case? Bit sets.
    std::uint64_t with_id(const proto::vmess::UserId& id) const noexcept;
    std::uint64_t with_email(std::string_view lower_case) const;

    std::uint64_t used() const noexcept { return used_; }
    std::uint64_t keyed() const noexcept { return keyed_; }
    const proto::vmess::UserId& id(std::size_t index) const noexcept { return ids_[index]; }
    std::string_view email(std::size_t index) const noexcept;
    std::uint32_t level(std::size_t index) const noexcept { return levels_[index]; }
    std::uint16_t alter_id(std::size_t index) const noexcept { return alter_ids_[index]; }
    std::span<const std::uint8_t, 16> auth_key(std::size_t index) const noexcept {
        return auth_keys_[index];
    }

    static std::uint32_t tag_of(const proto::vmess::UserId& id) noexcept;
    static std::uint32_t tag_of(std::string_view lower_case) noexcept;

private:
    using Tags = std::array<std::uint32_t, kBlockUsers>;

    static constexpr std::uint64_t bit(std::size_t index) { return std::uint64_t{1} << index; }
    void set_email(std::size_t index, std::string_view email);
    std::uint64_t tagged(const Tags& tags, std::uint32_t tag) const noexcept;

    crypto::TrialKeys keys_;
    std::array<proto::vmess::UserId, kBlockUsers> ids_{};
    std::array<std::array<std::uint8_t, 16>, kBlockUsers> auth_keys_{};
    // Short hashes that make a search for one user among many a walk over few bytes.
    Tags id_tags_{};
    Tags email_tags_{};
    std::array<std::uint32_t, kBlockUsers> levels_{};
    std::array<std::uint32_t, kBlockUsers> email_ends_{};
    std::array<std::uint16_t, kBlockUsers> alter_ids_{};
    std::string emails_;       // one behind the other
    std::uint64_t used_ = 0;   // there is a user in this place
    std::uint64_t keyed_ = 0;  // and it is they who get what is sealed for their id
    std::size_t count_ = 0;    // places up to the last one that was ever used
};

}  // namespace ferry::core
