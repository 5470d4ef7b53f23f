// The replay filter is exact: what was seen within the window is known, what was not is not.
#include "core/replay.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace ferry::core {
namespace {

using Seen = ReplayFilter::Seen;
constexpr std::uint64_t kSeed = 0x1234'5678'9abc'def0;

std::array<std::uint8_t, 16> id_of(std::uint64_t number) {
    std::array<std::uint8_t, 16> id{};
    crypto::store_be(id.data(), number * 0x9e37'79b9'7f4a'7c15);
    crypto::store_be(id.data() + 8, number);
    return id;
}

io::TimePoint at(std::chrono::seconds time) {
    return io::TimePoint(time);
}

TEST(ReplayFilter, KnowsWhatItHasSeen) {
    ReplayFilter filter(kSeed);
    EXPECT_EQ(filter.insert(id_of(1), at(std::chrono::seconds(1000))), Seen::fresh);
    EXPECT_EQ(filter.insert(id_of(2), at(std::chrono::seconds(1000))), Seen::fresh);
    EXPECT_EQ(filter.insert(id_of(1), at(std::chrono::seconds(1001))), Seen::repeated);
}

TEST(ReplayFilter, NeverForgetsWithinTheWindowWhereverItsGenerationsTurn) {
    for (int first = 0; first <= 480; first += 7) {
        ReplayFilter filter(kSeed);
        (void)filter.insert(id_of(99), at(std::chrono::seconds(1000)));
        const auto start = std::chrono::seconds(1000 + first);
        ASSERT_EQ(filter.insert(id_of(1), at(start)), Seen::fresh);
        for (int later : {0, 1, 119, 239}) {
            EXPECT_EQ(filter.insert(id_of(1), at(start + std::chrono::seconds(later))),
                      Seen::repeated)
                << first << " + " << later;
        }
    }
}

TEST(ReplayFilter, ForgetsWhatCannotBeReplayedAnyMore) {
    ReplayFilter filter(kSeed);
    for (std::uint64_t number = 0; number < 10'000; ++number) {
        (void)filter.insert(id_of(number), at(std::chrono::seconds(1000)));
    }
    EXPECT_EQ(filter.size(), 10'000U);
    for (std::uint64_t number = 0; number < 10'000; ++number) {
        (void)filter.insert(id_of(20'000 + number), at(std::chrono::seconds(1480)));
    }
    EXPECT_EQ(filter.size(), 10'000U);
}

TEST(ReplayFilter, RefusesNoneOfAMillionFreshIdsAndKnowsThemAll) {
    ReplayFilter filter(kSeed);
    constexpr std::uint64_t kIds = 1'000'000;
    for (std::uint64_t number = 0; number < kIds; ++number) {
        ASSERT_EQ(filter.insert(id_of(number), at(std::chrono::seconds(1000))), Seen::fresh);
    }
    for (std::uint64_t number = 0; number < kIds; number += 97) {
        ASSERT_EQ(filter.insert(id_of(number), at(std::chrono::seconds(1200))), Seen::repeated);
    }
}

TEST(ReplayFilter, SaysSoWhenItIsFull) {
    ReplayFilter filter(kSeed);
    std::uint64_t number = 0;
    while (filter.insert(id_of(number), at(std::chrono::seconds(1000))) == Seen::fresh) {
        ++number;
        ASSERT_LT(number, kReplayShards * kReplaySlotsMax);
    }
    EXPECT_GT(number, 3'500'000U);
    EXPECT_EQ(filter.insert(id_of(0), at(std::chrono::seconds(1000))), Seen::repeated);
}

TEST(ReplayFilter, LetsOnlyOneOfTwoThreadsPass) {
    ReplayFilter filter(kSeed);
    constexpr std::uint64_t kIds = 20'000;
    std::array<std::uint64_t, 2> passed{};
    std::vector<std::thread> threads;
    for (std::uint64_t& mine : passed) {
        threads.emplace_back([&filter, &mine] {
            for (std::uint64_t number = 0; number < kIds; ++number) {
                if (filter.insert(id_of(number), at(std::chrono::seconds(1000))) == Seen::fresh) {
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

TEST(ReplayFilter, TakesTheIdOfAllZerosLikeAnyOther) {
    ReplayFilter filter(kSeed);
    const std::array<std::uint8_t, 16> zeros{};
    EXPECT_EQ(filter.insert(zeros, at(std::chrono::seconds(1000))), Seen::fresh);
    EXPECT_EQ(filter.insert(zeros, at(std::chrono::seconds(1000))), Seen::repeated);
}

}  // namespace
}  // namespace ferry::core
