// The table of users finds whose auth id it is, and nobody for a stranger's; a change of one user
// copies the blocks concerned and shares the others.
#include "core/users.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "crypto/dispatch.h"
#include "proto/vmess/auth_id.h"
#include "tests/core/allocations.h"

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

std::string email_of(std::uint32_t number) {
    return "User" + std::to_string(number) + "@example.org";
}

User user_of(std::uint32_t number) {
    return {.id = id_of(number), .email = email_of(number), .level = number, .alter_id = 4};
}

UserTable table_of(std::uint32_t count) {
    std::vector<User> users;
    for (std::uint32_t number = 0; number < count; ++number) {
        users.push_back(user_of(number));
    }
    return UserTable(dispatch(), users);
}

proto::vmess::AuthId auth_id_of(std::uint32_t number) {
    const auto key =
        proto::vmess::auth_id_key(*dispatch().sha256, proto::vmess::CommandKey(id_of(number)));
    const std::array<std::uint8_t, 4> random = {1, 2, 3, 4};
    return proto::vmess::make_auth_id(*dispatch().aes128, key.view(), 1'700'000'000, random);
}

// Whose it is; nobody if there is not exactly one.
UserRef found_by(const UserTable& table, std::uint32_t number) {
    const UserMatches matches = table.find(auth_id_of(number));
    return matches.size() == 1 ? *matches.begin() : UserRef();
}

std::size_t shared_blocks(const UserTable& a, const UserTable& b) {
    std::size_t shared = 0;
    for (const UserTable::Block& block : a.blocks()) {
        shared += std::ranges::count(b.blocks(), block) > 0 ? 1 : 0;
    }
    return shared;
}

TEST(UserTable, FindsEveryUserAcrossBlocks) {
    const UserTable table = table_of(150);  // two full blocks of 64 and a part of a third
    EXPECT_EQ(table.size(), 150U);
    for (std::uint32_t number = 0; number < 150; ++number) {
        const UserRef found = found_by(table, number);
        ASSERT_TRUE(found) << number;
        EXPECT_EQ(found.level(), number);
        EXPECT_EQ(found.email(), email_of(number));
        EXPECT_EQ(found.id(), id_of(number));
        EXPECT_EQ(found.alter_id(), 4U);
        EXPECT_TRUE(std::ranges::equal(found.command_key().view(),
                                       proto::vmess::CommandKey(id_of(number)).view()));
    }
}

TEST(UserTable, FindsNobodyForAStranger) {
    const UserTable table = table_of(150);
    EXPECT_TRUE(table.find(auth_id_of(150)).empty());
    EXPECT_TRUE(table.find(std::array<std::uint8_t, 16>{}).empty());
    EXPECT_TRUE(table_of(0).find(auth_id_of(0)).empty());
}

TEST(UserTable, FindsAmongPlacesWhoeverLivesInTheirBlocks) {
    const UserTable table = table_of(150);
    const std::array<std::uint32_t, 3> places = {70, 71, 1'000'000};
    EXPECT_EQ(table.find_among(places, auth_id_of(70)).size(), 1U) << "two places, one block";
    EXPECT_EQ(table.find_among(places, auth_id_of(127)).size(), 1U);
    EXPECT_TRUE(table.find_among(places, auth_id_of(128)).empty());
    EXPECT_TRUE(table.find_among({}, auth_id_of(70)).empty());
}

TEST(UserTable, TakesTheLaterOfTwoUsersWithOneId) {
    std::vector<User> users = {user_of(7), user_of(8)};
    users.push_back({.id = id_of(7), .email = "second"});
    const UserTable table(dispatch(), users);
    EXPECT_EQ(table.size(), 3U);
    EXPECT_EQ(found_by(table, 7).email(), "second");
    EXPECT_EQ(found_by(table, 8).email(), email_of(8));
}

TEST(UserTable, RemovingEitherOfTwoUsersWithOneIdTakesTheKeyFromBoth) {
    const auto table = table_of(100).with({.id = id_of(7), .email = "second"});
    ASSERT_TRUE(table);
    EXPECT_EQ(found_by(*table, 7).email(), "second");
    for (const std::string& email : {std::string("second"), email_of(7)}) {
        const auto less = table->without(email);
        ASSERT_TRUE(less);
        EXPECT_EQ(less->size(), 100U);
        EXPECT_TRUE(less->find(auth_id_of(7)).empty()) << email;
        EXPECT_TRUE(found_by(*less, 8));
    }
}

TEST(UserTable, KnowsWhoGetsWhatIsSealedForAnId) {
    const auto table = table_of(100).with({.id = id_of(7), .email = "second"});
    EXPECT_EQ(table->find_id(id_of(7)).email(), "second");
    EXPECT_EQ(table->find_id(id_of(99)).email(), email_of(99));
    EXPECT_FALSE(table->find_id(id_of(100)));
    EXPECT_FALSE(table->without("second")->find_id(id_of(7)));
}

TEST(UserTable, AnIdThatComesBackIsTheLatestUsersAgain) {
    const auto table = table_of(100).with({.id = id_of(7), .email = "second"});
    const auto none = table->without("second");
    const auto back = none->with({.id = id_of(7), .email = "third"});
    EXPECT_EQ(found_by(*back, 7).email(), "third");
}

TEST(UserTable, AChangeCopiesTheBlocksConcernedAndSharesTheRest) {
    const UserTable table = table_of(6400);
    ASSERT_EQ(table.blocks().size(), 100U);
    const auto less = table.without("uSER1234@Example.Org");
    ASSERT_TRUE(less) << "the case of an e-mail does not matter";
    EXPECT_EQ(shared_blocks(table, *less), 99U);
    EXPECT_EQ(less->size(), 6399U);
    EXPECT_TRUE(less->find(auth_id_of(1234)).empty());
    EXPECT_TRUE(found_by(table, 1234)) << "the table before is as it was";

    // The gap is filled, and nobody else has moved.
    const auto more = less->with(user_of(9000));
    ASSERT_TRUE(more);
    EXPECT_EQ(shared_blocks(*less, *more), 99U);
    EXPECT_EQ(found_by(*more, 9000).place(), 1234U);
    EXPECT_EQ(found_by(*more, 9000).email(), email_of(9000));
    EXPECT_EQ(found_by(*more, 1235).email(), email_of(1235));
    EXPECT_EQ(found_by(*more, 1233).email(), email_of(1233));

    // Without a gap there is a block more, and a user with the same id costs one copy.
    const auto most = more->with({.id = id_of(3), .email = "another"});
    ASSERT_TRUE(most);
    EXPECT_EQ(most->blocks().size(), 101U);
    EXPECT_EQ(shared_blocks(*more, *most), 99U);
}

TEST(UserTable, RefusesAnEmailThatIsAnothersAndKnowsWhenThereIsNone) {
    const UserTable table = table_of(100);
    EXPECT_FALSE(table.with({.id = id_of(500), .email = "USER5@example.org"}));
    EXPECT_FALSE(table.without("nobody@example.org"));
    EXPECT_FALSE(table.without(""));
    const auto unnamed = table.with({.id = id_of(500)})->with({.id = id_of(501)});
    ASSERT_TRUE(unnamed) << "no e-mail is anybody's";
    EXPECT_FALSE(unnamed->without(""));
    EXPECT_TRUE(found_by(*unnamed, 500));
}

TEST(UserTable, HoldsWhomeverHasTheSameIdAndEmailWhereverTheyAre) {
    const UserTable table = table_of(200);
    const UserRef user = found_by(table, 150);
    EXPECT_TRUE(table.holds(user));
    EXPECT_TRUE(table_of(151).holds(user));
    EXPECT_FALSE(table_of(150).holds(user));
    const std::vector<User> moved = {user_of(150)};
    EXPECT_TRUE(UserTable(dispatch(), moved).holds(user));
    const std::vector<User> renamed = {{.id = id_of(150), .email = "other"}};
    EXPECT_FALSE(UserTable(dispatch(), renamed).holds(user));
    const std::vector<User> rekeyed = {{.id = id_of(1), .email = email_of(150)}};
    EXPECT_FALSE(UserTable(dispatch(), rekeyed).holds(user));
    EXPECT_FALSE(table.without(email_of(150))->holds(user));
}

TEST(UserTable, HoldsAUserWhoseIdGoesToAnotherButNotOneWhoseKeyIsTaken) {
    const UserTable table = table_of(100);
    const UserRef user = found_by(table, 7);
    const auto shared = table.with({.id = id_of(7), .email = "second"});
    EXPECT_TRUE(shared->holds(user)) << "nobody has removed them";
    EXPECT_FALSE(shared->without("second")->holds(user)) << "the key is gone, and so are they";
}

TEST(UserTable, CostsAtMost64BytesPerUserBeyondIdAndEmail) {
    constexpr std::uint32_t kUsers = 100'000;
    std::vector<User> users;
    std::size_t named_bytes = 0;
    for (std::uint32_t number = 0; number < kUsers; ++number) {
        users.push_back(user_of(number));
        named_bytes += sizeof(proto::vmess::UserId) + users.back().email.size();
    }
    const std::size_t before = test::allocated_bytes();
    const UserTable table(dispatch(), users);
    const std::size_t bytes = test::allocated_bytes() - before;
    EXPECT_GT(bytes, named_bytes);
    EXPECT_LE(bytes, named_bytes + kUsers * std::size_t{64});
    EXPECT_EQ(found_by(table, kUsers - 1).email(), email_of(kUsers - 1));
}

// What a row of the table of primitives finds by chance once in 2^32.
std::uint64_t find_everybody(const crypto::TrialKeys&, std::size_t count, const std::uint8_t*) {
    return count == kBlockUsers ? ~std::uint64_t{0} : (std::uint64_t{1} << count) - 1;
}

TEST(UserTable, GivesAllThatMatchUpToALimit) {
    crypto::TrialRow row = *dispatch().aes128_trial;
    row.find = find_everybody;
    crypto::Dispatch careless = dispatch();
    careless.aes128_trial = &row;
    for (std::uint32_t count = 0; count < 8; ++count) {
        std::vector<User> users;
        for (std::uint32_t number = 0; number < count; ++number) {
            users.push_back(user_of(number));
        }
        EXPECT_EQ(UserTable(careless, users).find(auth_id_of(0)).size(),
                  std::min<std::size_t>(count, UserMatches::kMax));
    }
}

}  // namespace
}  // namespace ferry::core
