// Users with alternative ids, and the tokens that their clients make.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <vector>

#include "core/token_table.h"
#include "proto/vmess/legacy_auth.h"

namespace ferry::test {

using core::Token;
using core::TokenTable;
using core::TokenUser;
using proto::vmess::UserId;

inline constexpr std::int64_t kNow = 1'700'000'000;

inline UserId main_id(std::uint32_t number) {
    UserId id{{0xb8, 0x31}};
    crypto::store_be(id.bytes.data() + 12, number);
    return id;
}

inline TokenUser token_user(std::uint32_t number, std::uint16_t alter_id) {
    return {.id = main_id(number), .alter_id = alter_id};
}

inline std::vector<TokenUser> token_users(std::uint32_t count, std::uint16_t alter_id) {
    std::vector<TokenUser> users;
    for (std::uint32_t number = 0; number < count; ++number) {
        users.push_back(token_user(number, alter_id));
    }
    return users;
}

// The nth alternative id, from 1; 0 is the main one.
inline UserId nth_id(UserId id, std::uint32_t nth) {
    proto::vmess::AlternativeIds alternatives(id);
    for (; nth > 0; --nth) {
        id = alternatives.next();
    }
    return id;
}

// By the plain HMAC, one at a time.
inline Token token_of(const UserId& id, std::int64_t second) {
    std::array<std::uint8_t, 8> message;
    crypto::store_be(message.data(), static_cast<std::uint64_t>(second));
    return crypto::hmac_md5(id.bytes, message);
}

// Is it that user's, of that second?
inline bool finds(const TokenTable& table, std::uint32_t number, std::uint32_t nth,
                  std::int64_t second, std::int64_t now) {
    core::TokenReader reader(table);
    const auto match = reader.find(token_of(nth_id(main_id(number), nth), second), now);
    EXPECT_TRUE(!match || (match->user == main_id(number) && match->time == second));
    return match.has_value();
}

}  // namespace ferry::test
