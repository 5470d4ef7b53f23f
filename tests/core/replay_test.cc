// The replay filter is exact: what was seen within the window is known, what was not is not.
#include "core/replay.h"

#include <gtest/gtest.h>

#include <numeric>
#include <thread>
#include <vector>

#include "proto/vmess/auth_id.h"
#include "tests/core/replay_cases.h"

namespace ferry::core {
namespace {

constexpr std::size_t kFewSlots = 64;
constexpr std::int64_t kWindow = kReplayWindow.count();

// Tokens that fill every shard; gives the first number that none of them has.
std::uint64_t fill(ReplayFilter& filter, std::uint64_t first, const ReplayTime& time) {
    std::uint64_t number = first;
    // Sixteen times what there is room for: each shard gets its share.
    for (; number < first + 16 * kReplayShards * kFewSlots; ++number) {
        (void)filter.insert(token_of(number), time);
    }
    return number;
}

TEST(ReplayFilter, KnowsWhatItHasSeen) {
    ReplayFilter filter(kReplaySeed);
    EXPECT_EQ(filter.insert(token_of(1), at(0)), Seen::fresh);
    EXPECT_EQ(filter.insert(token_of(2), at(0)), Seen::fresh);
    EXPECT_EQ(filter.insert(token_of(1), at(1)), Seen::repeated);
}

TEST(ReplayFilter, NeverForgetsWithinTheWindowWhereverItsGenerationsTurn) {
    for (std::int64_t first = 0; first <= 2 * kWindow; first += 7) {
        ReplayFilter filter(kReplaySeed);
        for (std::uint64_t other = 1000; other < 2000; ++other) {
            (void)filter.insert(token_of(other), at(0));
        }
        ASSERT_EQ(filter.insert(token_of(1), at(first)), Seen::fresh);
        for (std::int64_t later = 0; later < kWindow; later += 83) {
            (void)filter.insert(token_of(2'000'000 + static_cast<std::uint64_t>(later)),
                                at(first + later));
            EXPECT_EQ(filter.insert(token_of(1), at(first + later)), Seen::repeated)
                << first << " + " << later;
        }
        EXPECT_EQ(filter.insert(token_of(1), at(first + kWindow - 1)), Seen::repeated) << first;
    }
}

TEST(ReplayFilter, KnowsAnAuthIdInEverySecondInWhichItsTimeIsGood) {
    for (const std::int64_t ahead : {-120, 0, 120}) {
        ReplayFilter filter(kReplaySeed);
        ASSERT_EQ(filter.insert(token_of(1), at(0)), Seen::fresh);
        std::int64_t good = 0;
        for (std::int64_t second = 0; second < 400; ++second) {
            if (proto::vmess::in_time_window(kUnixStart + ahead, at(second).unix_seconds)) {
                EXPECT_EQ(filter.insert(token_of(1), at(second)), Seen::repeated) << second;
                ++good;
            }
        }
        EXPECT_EQ(good, ahead + 120 + 1);
    }
}

TEST(ReplayFilter, ForgetsWhatCannotBeReplayedAnyMore) {
    ReplayFilter filter(kReplaySeed);
    for (std::uint64_t number = 0; number < 10'000; ++number) {
        (void)filter.insert(token_of(number), at(0));
    }
    EXPECT_EQ(filter.size(), 10'000U);
    for (std::uint64_t number = 0; number < 10'000; ++number) {
        (void)filter.insert(token_of(20'000 + number), at(kWindow));
    }
    EXPECT_EQ(filter.size(), 10'000U);
}

TEST(ReplayFilter, ARefusedRepeatDoesNotExtendTheTime) {
    ReplayFilter filter(kReplaySeed);
    ASSERT_EQ(filter.insert(token_of(1), at(0)), Seen::fresh);
    for (std::int64_t second = 1; second < kWindow; ++second) {
        ASSERT_EQ(filter.insert(token_of(1), at(second)), Seen::repeated);
    }
    EXPECT_EQ(filter.insert(token_of(1), at(kWindow)), Seen::fresh);
}

TEST(ReplayFilter, RefusesNoneOfTwoMillionFreshTokensAndEveryRepeatOnAnyCore) {
    constexpr std::uint64_t kTokens = 2'000'000;
    constexpr std::uint64_t kThreads = 4;
    ReplayFilter filter(kReplaySeed);
    std::array<std::uint64_t, kThreads> refused{};
    std::array<std::uint64_t, kThreads> accepted{};
    const auto on_each_core = [](auto work) {
        std::vector<std::thread> threads;
        for (std::uint64_t index = 0; index < kThreads; ++index) {
            threads.emplace_back([&work, index] { work(index); });
        }
        for (std::thread& thread : threads) {
            thread.join();
        }
    };
    on_each_core([&](std::uint64_t index) {
        for (std::uint64_t number = index; number < kTokens; number += kThreads) {
            refused[index] += filter.insert(token_of(number), at(0)) == Seen::fresh ? 0 : 1;
        }
    });
    on_each_core([&](std::uint64_t index) {
        const std::uint64_t other = (index + 1) % kThreads;  // not the core that has seen it first
        for (std::uint64_t number = other; number < kTokens; number += kThreads) {
            accepted[index] += filter.insert(token_of(number), at(240)) == Seen::repeated ? 0 : 1;
        }
    });
    EXPECT_EQ(std::accumulate(refused.begin(), refused.end(), std::uint64_t{0}), 0U);
    EXPECT_EQ(std::accumulate(accepted.begin(), accepted.end(), std::uint64_t{0}), 0U);
}

TEST(ReplayFilter, TakesMoreThanThreeMillionInOneWindow) {
    ReplayFilter filter(kReplaySeed);
    std::uint64_t number = 0;
    while (filter.insert(token_of(number), at(0)) == Seen::fresh) {
        ++number;
        ASSERT_LT(number, kReplayShards * kReplaySlotsMax);
    }
    EXPECT_GT(number, 3'500'000U);
}

TEST(ReplayFilter, SaysSoWhenItIsFullAndForgetsNothingForThat) {
    ReplayFilter filter(kReplaySeed, kFewSlots);
    const std::uint64_t next = fill(filter, 0, at(0));
    const std::size_t full = filter.size();
    EXPECT_EQ(full, kReplayShards * (kFewSlots - kFewSlots / 8));
    std::size_t known = 0;
    for (std::uint64_t number = 0; number < next; ++number) {
        const Seen seen = filter.insert(token_of(number), at(kWindow - 1));
        ASSERT_NE(seen, Seen::fresh);
        known += seen == Seen::repeated ? 1 : 0;
    }
    EXPECT_EQ(known, full);
    EXPECT_EQ(filter.insert(token_of(next), at(kWindow)), Seen::fresh);
}

TEST(ReplayFilter, LetsOnlyOneOfTwoThreadsPass) {
    ReplayFilter filter(kReplaySeed);
    constexpr std::uint64_t kIds = 20'000;
    std::array<std::uint64_t, 2> passed{};
    std::vector<std::thread> threads;
    for (std::uint64_t& mine : passed) {
        threads.emplace_back([&filter, &mine] {
            for (std::uint64_t number = 0; number < kIds; ++number) {
                if (filter.insert(token_of(number), at(0)) == Seen::fresh) {
                    ++mine;
                }
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    EXPECT_EQ(passed[0] + passed[1], kIds);
}

TEST(ReplayFilter, TakesTheTokenOfAllZerosLikeAnyOther) {
    ReplayFilter filter(kReplaySeed);
    const std::array<std::uint8_t, kReplayTokenBytes> zeros{};
    EXPECT_EQ(filter.insert(zeros, at(0)), Seen::fresh);
    EXPECT_EQ(filter.insert(zeros, at(0)), Seen::repeated);
}

// ---- clocks that are set

TEST(ReplayFilter, KeepsWhatAClockThatIsSetBackMakesGoodAgain) {
    constexpr std::int64_t kBack = 3600;
    ReplayFilter filter(kReplaySeed, kFewSlots);
    ASSERT_EQ(filter.insert(token_of(1), at(0)), Seen::fresh);
    std::size_t most = 0;
    // Meanwhile there are others in the same shards, more of them than there is room for at once.
    for (std::int64_t second = 1; second < kBack + kWindow; ++second) {
        const ReplayTime time = shifted(at(second), -kBack);
        for (std::uint64_t other = 0; other < 8; ++other) {
            ASSERT_EQ(filter.insert(token_of(static_cast<std::uint64_t>(second) * 8 + other), time),
                      Seen::fresh);
        }
        ASSERT_EQ(filter.insert(token_of(1), time), Seen::repeated) << second;
        most = std::max(most, filter.size());
    }
    EXPECT_EQ(filter.insert(token_of(1), shifted(at(kBack + kWindow), -kBack)), Seen::fresh);
    EXPECT_LT(most, std::size_t{3 * 8 * kWindow}) << "the others are held for their window only";
}

TEST(ReplayFilter, AClockThatIsSetForwardByMistakeEndsNoWindow) {
    ReplayFilter filter(kReplaySeed);
    ASSERT_EQ(filter.insert(token_of(1), at(0)), Seen::fresh);
    (void)fill(filter, 1000, shifted(at(10), 86'400));
    EXPECT_EQ(filter.insert(token_of(1), at(20)), Seen::repeated);
}

// ---- words for the log

TEST(ReplayFilter, TellsOfOneThingOnceAMinute) {
    ReplayFilter filter(kReplaySeed);
    EXPECT_TRUE(filter.may_tell(Seen::full, at(0).now));
    EXPECT_FALSE(filter.may_tell(Seen::full, at(0).now));
    EXPECT_TRUE(filter.may_tell(Seen::unkept, at(1).now));
    EXPECT_FALSE(filter.may_tell(Seen::full, at(59).now));
    EXPECT_TRUE(filter.may_tell(Seen::full, at(60).now));
    EXPECT_FALSE(filter.may_tell(Seen::full, at(119).now));
}

}  // namespace
}  // namespace ferry::core
