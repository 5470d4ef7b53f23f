// The table of time tokens finds whose token it is and of when, exactly within the window, and
// nobody for anything else; who is removed and what is tainted is gone.
#include "core/token_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "crypto/random.h"
#include "tests/core/token_users.h"
#include "tests/vectors_json.h"

namespace ferry::core {
namespace {

using test::finds;
using test::kNow;
using test::main_id;
using test::nth_id;
using test::token_of;
using test::token_user;
using test::token_users;

TEST(TokenTable, FindsTheTokensOfTheVectors) {
    const test::Json vectors = test::read_vectors("legacy_auth.json");
    std::size_t tried = 0;
    for (const test::Json& vector : vectors["cases"].items()) {
        if (vector["timestamp"].number() != kNow) {
            continue;  // a time that no clock shows
        }
        TokenUser one;
        std::ranges::copy(vector["id"].bytes(), one.id.bytes.begin());
        one.main_id = TokenUser::MainId::accepted;
        TokenTable table(std::span(&one, 1));
        table.advance(kNow + 7);
        Token token;
        std::ranges::copy(vector["auth"].bytes(), token.begin());
        const auto match = table.window()->find(token, kNow + 7);
        ASSERT_TRUE(match) << vector["name"].text();
        EXPECT_EQ(match->time, kNow);
        EXPECT_EQ(match->user, one.id);
        ++tried;
    }
    EXPECT_GE(tried, 3U);
}

TEST(TokenTable, EverySecondOfTheWindowIsAcceptedAndNoneBeyond) {
    // Three users, so that eight lanes hold ids of two, and the last lanes are not full.
    TokenTable table(token_users(3, 5));
    ASSERT_TRUE(table.advance(kNow));
    for (std::int64_t away = -125; away <= 125; ++away) {
        for (std::uint32_t number = 0; number < 3; ++number) {
            for (std::uint32_t nth = 0; nth <= 6; ++nth) {
                const bool is_theirs = nth >= 1 && nth <= 5;
                const bool is_in_time = -120 <= away && away <= 120;
                EXPECT_EQ(finds(table, number, nth, kNow + away, kNow), is_theirs && is_in_time)
                    << "user " << number << " id " << nth << " at " << away;
            }
        }
    }
}

TEST(TokenTable, TheMainIdIsAcceptedOnlyWhereItIsSaid) {
    std::vector<TokenUser> users = token_users(3, 2);
    users[1].main_id = TokenUser::MainId::accepted;
    users[2] = {.id = main_id(2), .main_id = TokenUser::MainId::accepted};
    TokenTable table(users);
    table.advance(kNow);
    EXPECT_FALSE(finds(table, 0, 0, kNow, kNow));
    EXPECT_TRUE(finds(table, 1, 0, kNow, kNow));
    EXPECT_TRUE(finds(table, 1, 2, kNow, kNow));
    EXPECT_TRUE(finds(table, 2, 0, kNow, kNow));
    EXPECT_FALSE(finds(table, 2, 1, kNow, kNow));
}

TEST(TokenTable, MovesOnWithTheClockAndMayBeLateByAFewSeconds) {
    TokenTable table(token_users(2, 3));
    ASSERT_TRUE(table.advance(kNow));
    for (std::int64_t late = 0; late <= kTokenSecondsAhead; ++late) {
        EXPECT_TRUE(finds(table, 1, 3, kNow + late + 120, kNow + late)) << late;
        EXPECT_TRUE(finds(table, 1, 3, kNow + late - 120, kNow + late)) << late;
        EXPECT_FALSE(finds(table, 1, 3, kNow + late - 121, kNow + late)) << late;
    }
    for (std::int64_t passed = 1; passed < 300; ++passed) {
        ASSERT_TRUE(table.advance(kNow + passed));
        EXPECT_TRUE(finds(table, 0, 1, kNow + passed + 120, kNow + passed));
        EXPECT_TRUE(finds(table, 0, 1, kNow + passed - 120, kNow + passed));
    }
    // The clock is set, forward and back.
    for (const std::int64_t now : {kNow + 1'000'000, kNow, std::int64_t{50}}) {
        ASSERT_TRUE(table.advance(now));
        EXPECT_TRUE(finds(table, 0, 1, now, now)) << now;
        EXPECT_TRUE(finds(table, 0, 1, now + 120, now)) << now;
    }
}

TEST(TokenTable, TheNearestSecondsAreServedWhileTheRestIsMade) {
    TokenTable table(token_users(2, 3));
    EXPECT_FALSE(finds(table, 0, 1, kNow, kNow));
    EXPECT_FALSE(table.advance(kNow, {.generations = 21, .threads = 2}));
    for (std::int64_t away = -10; away <= 10; ++away) {
        EXPECT_TRUE(finds(table, 0, 1, kNow + away, kNow)) << away;
    }
    EXPECT_FALSE(finds(table, 0, 1, kNow + 11, kNow));
    EXPECT_TRUE(table.advance(kNow, {.threads = 3}));
    EXPECT_TRUE(finds(table, 0, 1, kNow + 120, kNow));
}

TEST(TokenTable, FindsNobodyForOtherBytes) {
    TokenTable table(token_users(50, 40));
    table.advance(kNow);
    crypto::Random random(std::array<std::uint8_t, 32>{7});
    TokenReader reader(table);
    Token token;
    for (int times = 0; times < 20'000; ++times) {
        random.fill(token);
        EXPECT_FALSE(reader.find(token, kNow));
    }
    // Everything but the last bit of a token that is good: the fingerprint fits, the rest does not.
    for (std::uint32_t nth = 1; nth <= 40; ++nth) {
        token = token_of(nth_id(main_id(3), nth), kNow);
        EXPECT_TRUE(reader.find(token, kNow));
        token.back() ^= 1;
        EXPECT_FALSE(reader.find(token, kNow));
    }
}

TEST(TokenTable, WhoeverIsRemovedIsNotFoundAtOnceAndTheOthersAre) {
    TokenTable table(token_users(10, 4));
    table.advance(kNow);
    TokenReader reader(table);
    const auto window = table.window();
    table.remove(main_id(4));
    EXPECT_FALSE(window->find(token_of(nth_id(main_id(4), 2), kNow), kNow)) << "in the same view";
    for (std::uint32_t number = 0; number < 10; ++number) {
        for (std::uint32_t nth = 1; nth <= 4; ++nth) {
            EXPECT_EQ(finds(table, number, nth, kNow + 5, kNow), number != 4);
        }
    }
    table.add(token_user(4, 2), kNow);
    EXPECT_TRUE(finds(table, 4, 2, kNow, kNow));
    EXPECT_FALSE(finds(table, 4, 3, kNow, kNow)) << "back with fewer ids";
}

TEST(TokenTable, UsersComeAndGoWhileItMovesOn) {
    TokenTable table(token_users(1, 4));
    std::vector<bool> is_there(40, false);
    is_there[0] = true;
    std::int64_t now = kNow;
    table.advance(now);
    for (std::uint32_t step = 1; step < 40; ++step) {
        ++now;
        table.add(token_user(step, 4), now);
        is_there[step] = true;
        if (step % 3 == 0) {
            table.remove(main_id(step / 2));
            is_there[step / 2] = false;
        }
        if (step % 2 == 0) {
            ASSERT_TRUE(table.advance(now));
        }
        for (std::uint32_t number = 0; number <= step; ++number) {
            ASSERT_EQ(finds(table, number, 1 + step % 4, now + 119, now), is_there[number])
                << "user " << number << " at step " << step;
        }
    }
}

TEST(TokenTable, AUserOfWhomItHasTwoIsOne) {
    std::vector<TokenUser> users = {token_user(1, 4), token_user(2, 4), token_user(1, 8)};
    TokenTable table(users);
    table.advance(kNow);
    EXPECT_TRUE(finds(table, 1, 4, kNow, kNow));
    EXPECT_TRUE(finds(table, 1, 8, kNow, kNow));
    table.remove(main_id(1));
    EXPECT_FALSE(finds(table, 1, 4, kNow, kNow));
    EXPECT_FALSE(finds(table, 1, 8, kNow, kNow));
    EXPECT_TRUE(finds(table, 2, 4, kNow, kNow));
}

TEST(TokenTable, ATaintedTokenIsNobodysForAsLongAsItWouldBeGood) {
    TokenTable table(token_users(2, 2));
    for (const std::int64_t start : {kNow, kNow + 1000, kNow + 1239}) {
        table.advance(start);
        const Token token = token_of(nth_id(main_id(1), 1), start + 120);
        TokenReader reader(table);
        EXPECT_TRUE(reader.find(token, start));
        table.taint(token, start);
        for (std::int64_t now = start; now <= start + 240; now += 20) {
            table.advance(now);
            EXPECT_FALSE(reader.find(token, now)) << now - start;
            EXPECT_TRUE(finds(table, 1, 2, start + 120, now)) << "another one of the same second";
            table.taint(token_of(nth_id(main_id(0), 1), now), now);  // time goes on in there, too
        }
    }
}

TEST(TokenTable, ManyIdsAreKeptInSeveralGroups) {
    // 65 535 ids fit into a group, so each user begins another one; one second of each is enough.
    std::vector<TokenUser> users = {token_user(0, 65535), token_user(1, 65535), token_user(2, 3)};
    TokenTable table(users);
    (void)table.advance(kNow, {.generations = 3, .threads = 2});
    EXPECT_TRUE(finds(table, 0, 65535, kNow, kNow));
    EXPECT_TRUE(finds(table, 1, 65535, kNow, kNow));
    EXPECT_FALSE(finds(table, 1, 65536, kNow, kNow));
    EXPECT_TRUE(finds(table, 2, 3, kNow, kNow));
}

}  // namespace
}  // namespace ferry::core
