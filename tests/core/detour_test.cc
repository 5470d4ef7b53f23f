// What a detour needs: ports to tell of and how long they last, and accounts made for those who go.
#include <gtest/gtest.h>

#include <set>

#include "core/announced.h"
#include "core/made_accounts.h"
#include "crypto/dispatch.h"
#include "proto/vmess/auth_id.h"

namespace ferry::core {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::int64_t kTime = 1'700'000'000;
constexpr io::TimePoint kStart{std::chrono::hours(3)};

const crypto::Dispatch& rows() {
    static const crypto::Dispatch dispatch = crypto::choose(crypto::detect());
    return dispatch;
}

crypto::Random& chance() {
    static crypto::Random random(std::array<std::uint8_t, 32>{3});
    return random;
}

TEST(AnnouncedTest, PortsThatStayAreGoodForAsLongAsCanBeSaid) {
    Announced announced;
    EXPECT_FALSE(announced.pick(chance(), kStart));
    announced.set({7});
    const auto port = announced.pick(chance(), kStart);
    ASSERT_TRUE(port);
    EXPECT_EQ(port->number, 7);
    EXPECT_EQ(port->valid_minutes, 255);
}

// The refresh less the whole minutes since the last one (config.md 1.5).
TEST(AnnouncedTest, PortsThatChangeAreGoodUntilTheNextOnesCome) {
    Announced announced;
    announced.set({7}, kStart, minutes(5));
    const auto valid = [&](io::Duration later) {
        return announced.pick(chance(), kStart + later)->valid_minutes;
    };
    EXPECT_EQ(valid(seconds(0)), 5);
    EXPECT_EQ(valid(seconds(59)), 5);
    EXPECT_EQ(valid(seconds(60)), 4);
    EXPECT_EQ(valid(seconds(299)), 1);
    EXPECT_EQ(valid(seconds(301)), 0);
    EXPECT_EQ(valid(seconds(3000)), 0) << "a refresh that is late makes no negative time";
    announced.set({7}, kStart, minutes(1000));
    EXPECT_EQ(valid(seconds(0)), 255) << "there is one byte for it";
}

TEST(AnnouncedTest, EveryPortIsTold) {
    Announced announced;
    announced.set({1, 2, 3});
    std::set<std::uint16_t> seen;
    for (int turn = 0; turn < 200; ++turn) {
        seen.insert(announced.pick(chance(), kStart)->number);
    }
    EXPECT_EQ(seen, (std::set<std::uint16_t>{1, 2, 3}));
}

// Whose auth id is it, one made with the key of `id`?
UserRef found(const MadeAccounts& accounts, const proto::vmess::UserId& id) {
    const proto::vmess::CommandKey key(id);
    const auto auth_key = proto::vmess::auth_id_key(*rows().sha256, key);
    const auto auth_id = proto::vmess::make_auth_id(*rows().aes128, auth_key.view(), kTime,
                                                    std::array<std::uint8_t, 4>{});
    static std::shared_ptr<const UserTable> table;  // outlives what is given
    table = accounts.table();
    const UserMatches matches = table->find(auth_id);
    return matches.empty() ? UserRef() : *matches.begin();
}

TEST(MadeAccountsTest, OneForEachPortAndPerson) {
    const auto tokens = std::make_shared<TokenTable>(std::span<const TokenUser>());
    MadeAccounts accounts(rows(), {.level = 3, .alter_id = 16}, tokens);
    const auto anna = accounts.of(1000, "Anna@x", chance(), kTime);
    ASSERT_TRUE(anna);
    EXPECT_EQ(accounts.of(1000, "Anna@x", chance(), kTime), anna);
    EXPECT_NE(accounts.of(1001, "Anna@x", chance(), kTime), anna);
    EXPECT_NE(accounts.of(1000, "Ben@x", chance(), kTime), anna);
    EXPECT_EQ(accounts.of(1000, "", chance(), kTime), accounts.of(1000, "", chance(), kTime));
    EXPECT_EQ(accounts.table()->size(), 4U);

    const UserRef user = found(accounts, *anna);
    ASSERT_TRUE(user);
    EXPECT_EQ(user.id(), *anna);
    EXPECT_EQ(user.level(), 3U);
    EXPECT_EQ(user.alter_id(), 16U);
    EXPECT_EQ(MadeAccounts::email_of(user), "Anna@x") << "spelt as the person is";
    EXPECT_EQ(MadeAccounts::email_of(found(accounts, *accounts.of(1000, "", chance(), kTime))), "");
}

TEST(MadeAccountsTest, GoWithTheirPort) {
    MadeAccounts accounts(rows(), {}, nullptr);
    const auto here = accounts.of(1000, "a", chance(), kTime);
    const auto nameless = accounts.of(1000, "", chance(), kTime);
    const auto there = accounts.of(1001, "a", chance(), kTime);
    accounts.retire(1000);
    const auto next = accounts.of(1000, "a", chance(), kTime);
    EXPECT_NE(next, here) << "the port's next turn has other accounts";
    EXPECT_TRUE(found(accounts, *here)) << "they may be in the middle of a handshake";
    accounts.drop_retired();
    EXPECT_FALSE(found(accounts, *here));
    EXPECT_FALSE(found(accounts, *nameless));
    EXPECT_TRUE(found(accounts, *there));
    EXPECT_TRUE(found(accounts, *next));
}

TEST(MadeAccountsTest, ThereIsALimit) {
    MadeAccounts accounts(rows(), {}, nullptr);
    for (std::size_t count = 0; count < kMadeAccountsMax; ++count) {
        ASSERT_TRUE(accounts.of(static_cast<std::uint16_t>(count), "a", chance(), kTime));
    }
    EXPECT_FALSE(accounts.of(1, "b", chance(), kTime));
    EXPECT_TRUE(accounts.of(1, "a", chance(), kTime)) << "those who are known stay so";
    accounts.retire(2);
    EXPECT_FALSE(accounts.of(1, "b", chance(), kTime)) << "they take up room until they are gone";
    accounts.drop_retired();
    EXPECT_TRUE(accounts.of(1, "b", chance(), kTime));
}

}  // namespace
}  // namespace ferry::core
