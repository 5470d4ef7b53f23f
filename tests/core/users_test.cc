// The table of users finds whose auth id it is, and nobody for a stranger's.
#include "core/users.h"

#include <gtest/gtest.h>

#include "crypto/dispatch.h"
#include "proto/vmess/auth_id.h"

namespace ferry::core {
namespace {

const crypto::Dispatch& dispatch() {
    static const crypto::Dispatch chosen = crypto::choose(crypto::detect());
    return chosen;
}

proto::vmess::UserId id_of(std::uint32_t number) {
    proto::vmess::UserId id;
    crypto::store_be(id.bytes.data() + 3, number);
    return id;
}

UserTable table_of(std::uint32_t count) {
    std::vector<User> users;
    for (std::uint32_t number = 0; number < count; ++number) {
        users.emplace_back(dispatch(), id_of(number), std::to_string(number), number);
    }
    return UserTable(dispatch(), std::move(users));
}

proto::vmess::AuthId auth_id_of(std::uint32_t number) {
    const User user(dispatch(), id_of(number), {}, 0);
    const std::array<std::uint8_t, 4> random = {1, 2, 3, 4};
    return proto::vmess::make_auth_id(*dispatch().aes128, user.auth_key.view(), 1'700'000'000,
                                      random);
}

TEST(UserTable, FindsEveryUserAcrossBlocks) {
    const UserTable table = table_of(150);  // two full blocks of 64 and a part of a third
    for (std::uint32_t number = 0; number < 150; ++number) {
        const User* found = table.find(auth_id_of(number));
        ASSERT_NE(found, nullptr) << number;
        EXPECT_EQ(found->level, number);
    }
}

TEST(UserTable, FindsNobodyForAStranger) {
    const UserTable table = table_of(150);
    EXPECT_EQ(table.find(auth_id_of(150)), nullptr);
    EXPECT_EQ(table.find(std::array<std::uint8_t, 16>{}), nullptr);
    EXPECT_EQ(table_of(0).find(auth_id_of(0)), nullptr);
}

TEST(UserTable, TakesTheLaterOfTwoUsersWithOneId) {
    std::vector<User> users;
    users.emplace_back(dispatch(), id_of(7), "first", 0);
    users.emplace_back(dispatch(), id_of(7), "second", 0);
    const UserTable table(dispatch(), std::move(users));
    EXPECT_EQ(table.find(auth_id_of(7))->email, "second");
}

}  // namespace
}  // namespace ferry::core
