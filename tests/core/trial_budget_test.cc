// The budget of strangers: at most so much in all and per address, newcomers in front of those that
// fail, and nothing for an honest search. Time is the test's.
#include "core/trial_budget.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/skew_reports.h"
#include "crypto/cpu.h"

namespace ferry::core {
namespace {

using std::chrono_literals::operator""s;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""h;
using Lane = TrialBudget::Lane;

const io::TimePoint kStart = io::TimePoint{} + 1h;
constexpr std::size_t kTable = 1000;  // trials per search
// Ten searches per second of one address; of all, three quarters of 400 and a quarter of 400.
constexpr TrialRates kRates = {
    .per_second = 400'000, .per_second_per_address = 10'000, .waiting = 8};

PeerAddress address(std::uint32_t number) {
    std::array<std::uint8_t, 4> ip;
    crypto::store_be(ip.data(), number);
    return PeerAddress(io::Endpoint::ipv4(ip, 1));
}

// Books both steps, at times as late as they ask for.
//
//   gives  how long it takes until the search; nothing: refused
std::optional<io::Duration> search(TrialBudget& budget, const PeerAddress& who, io::TimePoint now) {
    TrialBudget::Booking booking(who, kTable);
    const auto first = budget.book(booking, now);
    if (!first) {
        return std::nullopt;
    }
    const auto second = budget.book_lane(booking, now + *first);
    if (!second) {
        budget.take_back(booking);
        return std::nullopt;
    }
    return *first + *second;
}

// The first step alone.
std::optional<io::Duration> turn(TrialBudget& budget, const PeerAddress& who, io::TimePoint now) {
    TrialBudget::Booking booking(who, kTable);
    return budget.book(booking, now);
}

TEST(TrialBudget, OneAddressGetsItsRateAfterABurst) {
    TrialBudget budget(1, kRates);
    for (int index = 0; index <= 10; ++index) {
        EXPECT_EQ(turn(budget, address(1), kStart), 0ms) << index;
    }
    // One second of its rate is used up: each further search waits a tenth of a second more.
    for (int index = 1; index <= 100; ++index) {
        EXPECT_EQ(turn(budget, address(1), kStart), index * 100ms) << index;
    }
    EXPECT_EQ(turn(budget, address(1), kStart), std::nullopt) << "beyond ten seconds";
    EXPECT_EQ(turn(budget, address(2), kStart), 0ms) << "another address does not wait";
    EXPECT_EQ(turn(budget, address(1), kStart + 100ms), 10s) << "time pays";
}

TEST(TrialBudget, AllTogetherGetTheRateOfTheirLane) {
    TrialBudget budget(1, kRates);
    io::Duration last{};
    std::uint32_t served = 0;
    std::uint32_t refused = 0;
    for (std::uint32_t number = 0; number < 4000; ++number) {
        const auto wait = search(budget, address(number), kStart);
        if (wait) {
            EXPECT_GE(*wait, last);
            last = *wait;
            ++served;
        } else {
            ++refused;
        }
    }
    // 300 per second for ten seconds, a tenth of a second of burst, and the one that is due then.
    EXPECT_EQ(served, 3031U);
    EXPECT_EQ(refused, 969U);
    EXPECT_LE(last, TrialBudget::kWaitMost);
}

TEST(TrialBudget, NewcomersDoNotWaitBehindThoseThatFail) {
    TrialBudget budget(1, kRates);
    for (std::uint32_t number = 0; number < 1500; ++number) {
        budget.failed(address(number), kStart);
        (void)search(budget, address(number), kStart);
    }
    EXPECT_EQ(search(budget, address(1499), kStart), std::nullopt) << "their lane is full";
    EXPECT_EQ(search(budget, address(5000), kStart), 0ms);
    EXPECT_EQ(budget.lane_of(address(1499), kStart), Lane::failed);
    EXPECT_EQ(budget.lane_of(address(5000), kStart), Lane::fresh);
    EXPECT_EQ(budget.lane_of(address(1499), kStart + TrialBudget::kFailureMemory), Lane::fresh);
}

TEST(TrialBudget, ANewAddressWaitsForItsFirstSearch) {
    TrialBudget budget(1, kRates);
    std::uint32_t number = 1;
    io::Duration wait{};
    for (; wait < 100ms; ++number) {
        wait = *search(budget, address(number), kStart);
    }
    const PeerAddress last = address(number - 1);
    EXPECT_EQ(turn(budget, last, kStart), wait);
    EXPECT_EQ(turn(budget, last, kStart + wait), 0ms);
    EXPECT_EQ(turn(budget, address(number), kStart), 0ms);
}

TEST(TrialBudget, ASearchThatFindsAUserCostsNothing) {
    TrialBudget budget(1, kRates);
    for (int index = 0; index < 10'000; ++index) {
        TrialBudget::Booking booking(address(1), kTable);
        ASSERT_EQ(budget.book(booking, kStart), 0ms) << index;
        ASSERT_EQ(budget.book_lane(booking, kStart), 0ms) << index;
        budget.take_back(booking);
    }
}

TEST(TrialBudget, WhatWasRefusedHasNotBeenBooked) {
    TrialBudget budget(1, kRates);
    while (turn(budget, address(1), kStart)) {
    }
    TrialBudget::Booking refused(address(1), kTable);
    EXPECT_EQ(budget.book(refused, kStart), std::nullopt);
    budget.take_back(refused);
    EXPECT_EQ(budget.book(refused, kStart), std::nullopt) << "nothing was there to be taken back";
    EXPECT_EQ(turn(budget, address(1), kStart + 100ms), 10s);
}

TEST(TrialBudget, PlacesToWaitAreCountedAndAQuarterIsForThoseThatFail) {
    TrialBudget budget(1, kRates);
    for (int index = 0; index < 6; ++index) {
        EXPECT_TRUE(budget.enter(Lane::fresh));
    }
    EXPECT_FALSE(budget.enter(Lane::fresh));
    EXPECT_TRUE(budget.enter(Lane::failed));
    EXPECT_TRUE(budget.enter(Lane::failed));
    EXPECT_FALSE(budget.enter(Lane::failed));
    budget.leave(Lane::fresh);
    EXPECT_TRUE(budget.enter(Lane::fresh));
}

// More addresses than there are entries: those that fail are forgotten, and still cannot have more
// than a lane gives.
TEST(TrialBudget, ManyAddressesAreHeldByTheLanes) {
    TrialBudget budget(1, kRates);
    std::uint32_t served = 0;
    for (std::uint32_t number = 0; number < 100'000; ++number) {
        served += search(budget, address(number), kStart) ? 1 : 0;
        budget.failed(address(number), kStart);
    }
    EXPECT_LE(served, 3031U + 1011U);
}

TEST(TrialRates, AreMeasuredForEveryRow) {
    for (const crypto::TrialRow* row : crypto::aes128_trial_rows()) {
        if (!row->usable(crypto::detect())) {
            continue;
        }
        const TrialRates rates = rates_for(*row);
        EXPECT_GE(rates.per_second, 1024U) << row->name;
        EXPECT_GT(rates.per_second_per_address, 0U) << row->name;
        EXPECT_LT(rates.per_second_per_address, rates.per_second) << row->name;
    }
}

TEST(SkewReports, OneLinePerUserAndMinute) {
    const proto::vmess::UserId anna{{1}};
    const proto::vmess::UserId bob{{2}};
    auto reports = std::make_unique<SkewReports>();
    EXPECT_TRUE(reports->due(anna, 1'700'000'000));
    EXPECT_TRUE(reports->due(bob, 1'700'000'000));
    for (std::int64_t second = 0; second < 59; ++second) {
        EXPECT_FALSE(reports->due(anna, 1'700'000'000 + second)) << second;
    }
    EXPECT_TRUE(reports->due(anna, 1'700'000'062));
    EXPECT_FALSE(reports->due(anna, 1'700'000'063));
    EXPECT_TRUE(reports->due(anna, 1'600'000'000)) << "our own clock was set back";
}

}  // namespace
}  // namespace ferry::core
