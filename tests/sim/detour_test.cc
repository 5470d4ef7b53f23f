// A detour over hours: clients are sent on to ports that come and go.
//
// Promise: every exchange succeeds, at whatever moment it begins; ports open and close when they
// should; what was connected through a port that has closed lives on; and neither the accounts of
// the server nor the list of the client grows. What is checked all the time: see DetourWorld.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "core/server_list.h"
#include "tests/sim/detour_world.h"
#include "tests/sim/seeds.h"

namespace ferry::sim {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

// FERRY_HOURS=n says how long a scenario may last.
hours at_most(hours time) {
    const char* wanted = std::getenv("FERRY_HOURS");
    return wanted != nullptr ? std::min(time, hours(std::strtol(wanted, nullptr, 10))) : time;
}

const auto kDay = at_most(hours(6));
const auto kSomeHours = at_most(hours(2));

constexpr int kTalkers = 8;

// Several talks that begin while the first ports are open, and hours in which others exchange.
void live_long(DetourWorld& run, const DetourChoices& choices, hours time) {
    const seconds refresh = minutes(choices.refresh_minutes);
    run.live(refresh / 2);
    const std::size_t detours_before = run.detours();
    for (int talker = 0; talker < kTalkers; ++talker) {
        run.begin_talk();
        run.live(seconds(1));  // it may lend another port to the next one
    }
    EXPECT_GE(run.detours() - detours_before, 2U);
    const seconds rest = time - refresh / 2 - seconds(kTalkers);
    run.live(rest / 2);
    const std::size_t outliving = run.outliving();
    run.live(rest - rest / 2);
    // A port may have another turn, at one of both times.
    EXPECT_GE(std::max(outliving, run.outliving()), 2U);
    for (const auto& talker : run.talkers()) {
        EXPECT_GE(talker->answers, (time - refresh) / minutes(1) - 10);
    }
}

TEST(Detour, LeadsToPortsThatComeAndGo) {
    for_each_seed(1, [](std::uint64_t seed) {
        const DetourChoices choices;
        DetourWorld run(seed, choices);
        live_long(run, choices, kDay);
        // One turn each five minutes, the first at once.
        EXPECT_EQ(run.openings(), DetourWorld::kConcurrency * (kDay / minutes(5)));
        EXPECT_EQ(run.refused(), 0U);
        // With one port lent the turns are even; with all of two generations, one in seven.
        EXPECT_GE(2 * run.detours(), run.dials());
        EXPECT_LE(7 * run.detours(), 6 * run.dials());
        run.wind_down();
    });
}

// The accounts that are made have alternative ids, too.
TEST(Detour, OfTheOlderHeader) {
    for_each_seed(1, [](std::uint64_t seed) {
        const DetourChoices choices{.alter_id = 4, .emails = {"", "anna@example.org"}};
        DetourWorld run(seed, choices);
        live_long(run, choices, kDay);
        EXPECT_EQ(run.refused(), 0U);
        EXPECT_GE(2 * run.detours(), run.dials());
        run.wind_down();
    });
}

// Each user has one counter, whichever way they came, spelt as they are.
TEST(Detour, KeepsWhoEverybodyIs) {
    for_each_seed(1, [](std::uint64_t seed) {
        const DetourChoices choices{.emails = {"Love@Example.org", "ben@example.org"}};
        DetourWorld run(seed, choices);
        live_long(run, choices, kSomeHours);
        run.wind_down();
        const auto counters = run.counters();
        ASSERT_EQ(counters.size(), 4U);
        std::uint64_t up = 0;
        for (const std::string& email : choices.emails) {
            const auto counter = counters.find("user>>>" + email + ">>>traffic>>>uplink");
            ASSERT_NE(counter, counters.end()) << email;
            EXPECT_GT(counter->second, run.bytes_up() / 10) << email;
            up += counter->second;
        }
        EXPECT_EQ(up, run.bytes_up());
        EXPECT_TRUE(counters.contains("user>>>Love@Example.org>>>traffic>>>downlink"));
    });
}

// Two without e-mail share the accounts that are made.
TEST(Detour, OfUsersWithoutAName) {
    for_each_seed(1, [](std::uint64_t seed) {
        const DetourChoices choices{.emails = {"", "", "Love@Example.org"}};
        DetourWorld run(seed, choices);
        live_long(run, choices, kSomeHours);
        run.wind_down();
        EXPECT_EQ(run.counters().size(), 2U);
    });
}

// A minute of validity that is told in the last moment ends when its port does: whoever has come
// through the port by then is served, and who comes too late goes elsewhere.
TEST(Detour, WithTheLeastRefresh) {
    for_each_seed(1, [](std::uint64_t seed) {
        const DetourChoices choices{.refresh_minutes = 1};
        DetourWorld run(seed, choices);
        live_long(run, choices, kSomeHours);
        EXPECT_GE(run.detours(), run.dials() / 4);
        run.wind_down();
    });
}

TEST(Detour, ToPortsThatAreAlwaysOpen) {
    for_each_seed(1, [](std::uint64_t seed) {
        const DetourChoices choices{.strategy = DetourChoices::Strategy::always};
        DetourWorld run(seed, choices);
        run.live(kSomeHours);
        EXPECT_EQ(run.refused(), 0U);
        EXPECT_GE(run.detours(), run.dials() * 2 / 3);
        run.wind_down();
    });
}

// More accounts than a client's list has room for.
TEST(Detour, OfMoreUsersThanTheListHasRoomFor) {
    for_each_seed(1, [](std::uint64_t seed) {
        DetourChoices choices;
        for (std::size_t number = 0; number < 2 * core::kLentServersMax; ++number) {
            choices.emails.push_back(std::to_string(number) + "@example.org");
        }
        DetourWorld run(seed, choices);
        run.live(hours(1));
        EXPECT_EQ(run.refused(), 0U);
        EXPECT_GE(2 * run.detours(), run.dials());
        run.wind_down();
    });
}

}  // namespace
}  // namespace ferry::sim
