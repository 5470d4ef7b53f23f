// TokenGeneration: the time tokens of one second, for many ids.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "crypto/hash.h"
#include "proto/vmess/keys.h"

namespace ferry::core {

// What the older header begins with: HMAC-MD5 of the time under one of the user's ids.
using Token = crypto::Md5Digest;

// Who may use the older header, and with how many ids.
struct TokenUser {
    enum class MainId : std::uint8_t { refused, accepted };

    proto::vmess::UserId id;
    std::uint16_t alter_id = 0;
    MainId main_id = MainId::refused;  // beside the alternative ones
};

// The ids of some users, side by side.
//
//   lifetime  immutable, but for the marks of users who are gone; wiped when destroyed
//   thread    any
//   memory    36 bytes per id: instead of the id, the states that its HMACs begin with
class TokenIds {
public:
    // So many fit: a place in the list has two bytes in a generation.
    static constexpr std::size_t kMost = 65536;

    explicit TokenIds(std::span<const TokenUser> users);
    TokenIds(const TokenIds&) = delete;
    ~TokenIds();

    static std::size_t ids_of(const TokenUser& user) noexcept;

    std::size_t size() const noexcept { return owner_of_.size(); }
    std::size_t live() const noexcept;  // without those of users who are gone

    // The tokens of eight ids, from the place 8 * octet on.
    void tokens(std::size_t octet, std::int64_t second, crypto::Md5Digests& tokens) const noexcept;
    Token token(std::size_t place, std::int64_t second) const noexcept;
    std::size_t owner(std::size_t place) const noexcept { return owner_of_[place]; }

    std::span<const TokenUser> users() const noexcept { return users_; }
    bool is_gone(std::size_t user) const noexcept {
        return gone_[user].load(std::memory_order_acquire);
    }
    void mark_gone(std::size_t user) const noexcept {
        gone_[user].store(true, std::memory_order_release);
    }

private:
    std::vector<TokenUser> users_;
    mutable std::vector<std::atomic<bool>> gone_;
    std::vector<crypto::Md5Pads> pads_;  // of eight ids each, the last ones filled up with zeros
    std::vector<std::uint32_t> owner_of_;
};

// The tokens of one second: of each a fingerprint and the place of its id, in a table with open
// addressing. What the fingerprint says is verified by computing the token again.
//
//   lifetime  immutable
//   thread    any
//   memory    five bytes per id: four of them in five places
//   cost      to make: 100 ns per id; a search: one read of memory, and once in some thousand a
//             token
class TokenGeneration {
public:
    TokenGeneration(const TokenIds& ids, std::int64_t second);

    std::int64_t second() const noexcept { return second_; }

    // The place of the id that made a token; of several the last one.
    std::optional<std::size_t> find(const TokenIds& ids, const Token& token) const noexcept;

private:
    struct Slot {
        std::size_t index;
        std::uint16_t fingerprint;  // never 0, which marks a free slot
    };

    Slot slot_of(const Token& token) const noexcept;
    std::size_t after(std::size_t index) const noexcept {
        return index + 1 == capacity_ ? 0 : index + 1;
    }
    bool is_absent(const Slot& slot) const noexcept;
    void insert(const Token& token, std::size_t place) noexcept;

    std::int64_t second_;
    std::uint32_t capacity_;
    // Fingerprints, and behind them the places: a search touches the first half only.
    std::unique_ptr<std::uint16_t[]> slots_;
};

}  // namespace ferry::core
