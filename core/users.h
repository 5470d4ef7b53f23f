// UserTable: who may speak VMess on one inbound.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "core/user_block.h"

namespace ferry::core {

// One user of a table, or nobody.
//
//   lifetime  that of the table, and of every table that shares the block
class UserRef {
public:
    UserRef() noexcept = default;
    UserRef(const UserBlock& block, std::size_t place) noexcept
        : block_(&block), place_(static_cast<std::uint32_t>(place)) {}

    explicit operator bool() const noexcept { return block_ != nullptr; }
    const proto::vmess::UserId& id() const noexcept { return block_->id(index()); }
    std::string_view email() const noexcept { return block_->email(index()); }  // may be empty
    std::uint32_t level() const noexcept { return block_->level(index()); }
    std::uint16_t alter_id() const noexcept { return block_->alter_id(index()); }
    std::span<const std::uint8_t, 16> auth_key() const noexcept {
        return block_->auth_key(index());
    }
    // The key of the request header, computed anew: one compression of MD5.
    proto::vmess::CommandKey command_key() const noexcept { return proto::vmess::CommandKey(id()); }
    // Where in the table; it stays so while others come and go.
    std::uint32_t place() const noexcept { return place_; }

private:
    std::size_t index() const noexcept { return place_ % kBlockUsers; }

    const UserBlock* block_ = nullptr;
    std::uint32_t place_ = 0;
};

// Those whose key explains one auth id: one user, or nobody. Each further user of the table is
// among them by chance once in 2^32 auth ids: the time in it tells who is meant.
class UserMatches {
public:
    // Three by chance beside the one who is meant: not once in the life of a server.
    static constexpr std::size_t kMax = 4;

    void add(const UserRef& user) noexcept {
        if (count_ < kMax) {
            users_[count_++] = user;
        }
    }
    bool empty() const noexcept { return count_ == 0; }
    std::size_t size() const noexcept { return count_; }
    const UserRef* begin() const noexcept { return users_.data(); }
    const UserRef* end() const noexcept { return users_.data() + count_; }

private:
    std::array<UserRef, kMax> users_;
    std::size_t count_ = 0;
};

// The users of one inbound and their keys, arranged for the search by auth id: a list of immutable
// blocks. A change makes another table, which shares all blocks but those with the users concerned.
//
// Several users may have one id. What is sealed for it is the latest one's; the removal of any of
// them takes the key from all, as in V2Ray. An e-mail that is not empty is there once, ignoring
// case.
//
//   lifetime  immutable, part of the snapshot; `dispatch` outlives it
//   thread    any
//   memory    UserBlock's, and a pointer of 16 bytes per 64 users
class UserTable {
public:
    using Block = std::shared_ptr<const UserBlock>;
    using AuthIdView = std::span<const std::uint8_t, 16>;

    UserTable(const crypto::Dispatch& dispatch, std::span<const User> users);

    // The table with one user more; nothing if the e-mail is another's.
    //
    //   cost  one block is copied, a second one if another user has had the same id; and one look
    //         at the tags of all: microseconds for 100 000 users
    std::optional<UserTable> with(const User& user) const;

    // The table without the user of an e-mail, ignoring case; nothing if there is none.
    //
    //   cost  as with()
    std::optional<UserTable> without(std::string_view email) const;

    // Whose auth id is this? It is decrypted under the key of every user, whoever fits, so that the
    // time does not tell who does.
    //
    //   cost  trials() AES blocks
    UserMatches find(AuthIdView auth_id) const;

    // The same among the blocks in which these places lie: 64 AES blocks each.
    UserMatches find_among(std::span<const std::uint32_t> places, AuthIdView auth_id) const;

    // Who gets what is sealed for this id? Nobody, if it is nobody's or its key has been taken.
    //
    //   cost  one look at the tags of all
    UserRef find_id(const proto::vmess::UserId& id) const;

    // Is somebody of this or another table still a user here: with this id and e-mail, the key of
    // that id being anyone's?
    bool holds(const UserRef& user) const;

    std::size_t size() const noexcept;
    std::size_t trials() const noexcept { return blocks_.size() * kBlockUsers; }
    std::span<const Block> blocks() const noexcept { return blocks_; }

private:
    UserBlock& changed(std::size_t block);
    std::optional<std::size_t> place_of(std::string_view email) const;
    void take_keys(const proto::vmess::UserId& id);

    const crypto::Dispatch* dispatch_;
    std::vector<Block> blocks_;
};

}  // namespace ferry::core
