// The table of time tokens while it is made: nobody waits for the thread that makes it.
//
// Promise: whoever is added is good at once and whoever is removed is gone at once, whatever is
// being made meanwhile, and both stay so once it is there.
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

#include "core/token_keeper.h"
#include "core/token_table.h"
#include "tests/core/token_users.h"

namespace ferry::core {
namespace {

using test::finds;
using test::kNow;
using test::main_id;
using test::token_user;
using test::token_users;

// advance() on a thread of its own, which stands still before its n-th generation until it is let
// go. In the middle of a making: what holds a core up there does so for seconds in a large table.
class HeldMaking {
public:
    HeldMaking(TokenTable& table, std::int64_t now, int nth)
        : left_(nth), thread_([this, &table, now] { make(table, now); }) {
        held_.get_future().wait();
    }
    ~HeldMaking() { let_go(); }

    void let_go() {
        if (thread_.joinable()) {
            go_.set_value();
            thread_.join();
        }
    }

private:
    void make(TokenTable& table, std::int64_t now) {
        const auto hold = [this] {
            if (--left_ == 0) {
                held_.set_value();
                go_.get_future().wait();
            }
            return true;
        };
        EXPECT_TRUE(table.advance(now, {.may_go_on = hold}));
    }

    int left_;
    std::promise<void> held_;
    std::promise<void> go_;
    std::thread thread_;
};

TEST(TokenTable, NobodyWhoAddsOrRemovesWaitsForAMaking) {
    TokenTable table(token_users(50, 20));
    HeldMaking making(table, kNow, 40);
    table.add(token_user(100, 3), kNow);
    table.add(token_user(101, 3), kNow);
    for (const std::int64_t away : {-120, -119, 0, 119, 120}) {
        EXPECT_TRUE(finds(table, 100, 3, kNow + away, kNow)) << "good at once, at " << away;
    }
    table.remove(main_id(101));
    table.remove(main_id(7));
    EXPECT_FALSE(finds(table, 101, 3, kNow, kNow)) << "gone at once";
    EXPECT_EQ(table.ids(), 50U * 20 + 3 + 3);
    making.let_go();
    for (const std::int64_t away : {-120, 0, 120}) {
        EXPECT_TRUE(finds(table, 100, 3, kNow + away, kNow)) << away;
        EXPECT_FALSE(finds(table, 101, 3, kNow + away, kNow)) << away;
        EXPECT_FALSE(finds(table, 7, 3, kNow + away, kNow)) << away;
        EXPECT_TRUE(finds(table, 8, 3, kNow + away, kNow)) << away;
    }
}

TEST(TokenTable, WhoeverIsRemovedWhileGroupsAreMergedStaysRemoved) {
    TokenTable table(token_users(4, 5));
    ASSERT_TRUE(table.advance(kNow));
    table.add(token_user(4, 5), kNow);
    table.add(token_user(5, 5), kNow);
    table.add(token_user(6, 5), kNow);
    HeldMaking merging(table, kNow, 100);
    table.remove(main_id(2));
    table.remove(main_id(5));
    table.add(token_user(2, 3), kNow);
    table.add(token_user(7, 5), kNow);
    const auto check = [&table](const char* when) {
        for (std::uint32_t number = 0; number <= 7; ++number) {
            EXPECT_EQ(finds(table, number, 3, kNow, kNow), number != 5) << number << ' ' << when;
            EXPECT_EQ(finds(table, number, 5, kNow, kNow), number != 2 && number != 5)
                << number << ' ' << when;
        }
    };
    check("while it is made");
    EXPECT_EQ(table.ids(), 7U * 5 + 3 + 5) << "nothing has been merged so far";
    merging.let_go();
    check("once it is complete");
}

TEST(TokenTable, SmallGroupsAreMergedWhileALargeOneIsMissing) {
    TokenTable table(token_users(60, 100));  // more than what is merged at once
    const TokenTable::Work kOne{.generations = 1};
    for (std::uint32_t number = 100; number < 132; ++number) {
        table.add(token_user(number, 2), kNow);
        table.remove(main_id(number - 1));
    }
    EXPECT_EQ(table.ids(), 60U * 100 + 32 * 2);
    int turns = 0;
    while (table.ids() > 60U * 100 + 2) {
        ASSERT_LT(++turns, 1000);
        EXPECT_FALSE(table.advance(kNow, kOne));
    }
    EXPECT_FALSE(finds(table, 59, 100, kNow + 120, kNow)) << "the large one is not complete";
    EXPECT_TRUE(finds(table, 131, 2, kNow + 120, kNow));
    EXPECT_TRUE(table.advance(kNow));
    EXPECT_TRUE(finds(table, 59, 100, kNow + 120, kNow));
}

TEST(TokenTable, AMakingEndsWhenItMayNotGoOn) {
    TokenTable table(token_users(3, 3));
    std::atomic<int> left = 10;
    EXPECT_FALSE(table.advance(kNow, {.threads = 2, .may_go_on = [&left] { return --left > 0; }}));
    EXPECT_TRUE(finds(table, 2, 3, kNow, kNow));
    EXPECT_FALSE(finds(table, 2, 3, kNow + 20, kNow));
    EXPECT_TRUE(table.advance(kNow));
    EXPECT_TRUE(finds(table, 2, 3, kNow + 120, kNow));
}

TEST(TokenKeeper, UsersComeAndGoOnOtherThreadsWhileItWorks) {
    const auto table = std::make_shared<TokenTable>(token_users(300, 4));
    std::atomic<std::int64_t> clock{kNow};
    TokenKeeper keeper({table}, [&clock] { return clock.load(); }, 2);
    std::vector<std::thread> cores;
    for (std::uint32_t core = 0; core < 2; ++core) {
        cores.emplace_back([&table, first = 1000 * (core + 1)] {
            for (std::uint32_t number = first; number < first + 30; ++number) {
                table->add(token_user(number, 4), kNow);
                EXPECT_TRUE(finds(*table, number, 4, kNow + 1, kNow));
                if (number % 3 == 0) {
                    table->remove(main_id(number));
                    EXPECT_FALSE(finds(*table, number, 4, kNow + 1, kNow));
                }
            }
        });
    }
    for (; clock < kNow + 5; ++clock) {
        keeper.catch_up(std::chrono::minutes(10));
        table->remove(main_id(static_cast<std::uint32_t>(clock - kNow)));
    }
    for (std::thread& core : cores) {
        core.join();
    }
    keeper.catch_up(std::chrono::minutes(10));
    for (const std::uint32_t first : {1000U, 2000U}) {
        for (std::uint32_t number = first; number < first + 30; ++number) {
            EXPECT_EQ(finds(*table, number, 4, kNow + 125, kNow + 5), number % 3 != 0) << number;
        }
    }
    EXPECT_FALSE(finds(*table, 4, 4, kNow + 5, kNow + 5));
    EXPECT_TRUE(finds(*table, 5, 4, kNow + 5, kNow + 5));
}

TEST(TokenKeeper, MakesTablesCurrentOnAThreadOfItsOwn) {
    const auto table = std::make_shared<TokenTable>(token_users(20, 4));
    std::atomic<std::int64_t> clock{kNow};
    TokenKeeper keeper({table}, [&clock] { return clock.load(); }, 2);
    for (const std::int64_t now : {kNow, kNow + 1, kNow + 500}) {
        clock = now;
        keeper.catch_up(std::chrono::minutes(10));
        EXPECT_TRUE(finds(*table, 7, 4, now - 120, now));
        EXPECT_TRUE(finds(*table, 7, 4, now + 120, now));
    }
}

}  // namespace
}  // namespace ferry::core
