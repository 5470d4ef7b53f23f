// Many streams in few connections, between the real client and the real server, in virtual time.
//
// Promise: streams share connections as they are told to and no further; what happens to one of
// them does not happen to another; whatever breaks, everybody hears the truth, every slot comes
// back and nothing waits. A failure prints its seed; FERRY_SEED=n runs that one alone.
#include <gtest/gtest.h>

#include <cstdlib>

#include "core/mux_carrier.h"
#include "core/mux_client.h"
#include "tests/sim/mux_scene.h"

namespace ferry::sim {
namespace {

template <class F>
void for_each_seed(std::uint64_t standard, F one) {
    const char* alone = std::getenv("FERRY_SEED");
    const char* wanted = std::getenv("FERRY_SEEDS");
    if (alone != nullptr) {
        one(std::strtoull(alone, nullptr, 10));
        return;
    }
    const std::uint64_t seeds = wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : standard;
    for (std::uint64_t seed = 1; seed <= seeds && !testing::Test::HasFailure(); ++seed) {
        SCOPED_TRACE("FERRY_SEED=" + std::to_string(seed));
        one(seed);
    }
}

Choices some_choices(Random& random, std::uint64_t seed, Weather weather) {
    Choices choices;
    choices.seed = seed;
    choices.weather = weather;
    choices.limits = tight_limits();
    choices.concurrency = static_cast<std::uint16_t>(1 + random.below(6));
    choices.talk.up = pattern(random.next(), random.below(30'000));
    choices.talk.down = pattern(random.next(), random.below(30'000));
    choices.talk.target_waits = random.below(3) == 0;
    return choices;
}

// ---- the same as without mux

TEST(Mux, CarriesEverythingThroughWind) {
    for_each_seed(400, [](std::uint64_t seed) {
        Random random(seed);
        Shared run(some_choices(random, seed, Weather::windy()));
        const std::uint64_t streams = 2 + random.below(10);
        for (std::uint64_t number = 0; number < streams; ++number) {
            run.speak();
        }
        ASSERT_EQ(run.run(), Ended::satisfied) << run.world.describe();
        run.expect_whole();
        EXPECT_EQ(run.server.stats().mux_streams.read(), streams);
    });
}

TEST(Mux, NeverPassesACutForAnEndInAStorm) {
    for_each_seed(400, [](std::uint64_t seed) {
        Random random(seed);
        Shared run(some_choices(random, seed, Weather::stormy()));
        const std::uint64_t streams = 2 + random.below(10);
        for (std::uint64_t number = 0; number < streams; ++number) {
            run.speak();
        }
        ASSERT_EQ(run.run(), Ended::satisfied) << run.world.describe();
        run.expect_honest();
    });
}

TEST(Mux, StopsAtAnyMoment) {
    for_each_seed(300, [](std::uint64_t seed) {
        Random random(seed);
        Shared run(some_choices(random, seed, Weather::windy()));
        for (int number = 0; number < 5; ++number) {
            run.speak();
        }
        run.pass(milliseconds(random.below(400)));
        (random.below(2) == 0 ? run.server : run.client).stop(milliseconds(random.below(100)));
        ASSERT_EQ(run.run(), Ended::satisfied) << run.world.describe();
        run.expect_honest();
    });
}

TEST(Mux, SurvivesTheFailureOfEveryOperation) {
    using Kind = io::Op::Kind;
    for (const Kind kind :
         {Kind::accept, Kind::connect, Kind::recv, Kind::recv_slot, Kind::send, Kind::sendv}) {
        for (std::uint64_t nth = 0; nth < 150 && !HasFailure(); ++nth) {
            SCOPED_TRACE("kind " + std::to_string(static_cast<int>(kind)) + ", operation " +
                         std::to_string(nth));
            Choices choices;
            choices.concurrency = 2;
            choices.talk = Talk{pattern(1, 30'000), pattern(2, 30'000)};
            choices.limits = tight_limits();
            Shared run(choices);
            run.world.fail_nth(kind, nth, ECONNRESET);
            for (int number = 0; number < 3; ++number) {
                run.speak();
            }
            ASSERT_EQ(run.run(), Ended::satisfied) << run.world.describe();
            run.expect_honest();
            if (run.world.count(kind) <= nth) {
                break;
            }
        }
    }
}

// ---- who shares what

TEST(Mux, StreamsWaitForTheConnectionThatIsBeingDialed) {
    Choices choices;
    choices.talk = short_talk();
    choices.weather.delay_least = choices.weather.delay_most = milliseconds(300);
    Shared run(choices);
    for (int number = 0; number < 8; ++number) {
        run.speak();
    }
    ASSERT_EQ(run.run(), Ended::satisfied) << run.world.describe();
    run.expect_whole();
    EXPECT_EQ(run.carriers(), 1U);
}

TEST(Mux, TheNextStreamThanItsConcurrencyHasAnotherConnection) {
    Choices choices;
    choices.talk = short_talk();
    choices.talk.client_deaf = seconds(5);  // so that all are open together
    Shared run(choices);
    for (int number = 0; number < 20; ++number) {
        run.speak();
    }
    run.pass(seconds(1));
    EXPECT_EQ(run.carriers(), 3U);
    ASSERT_EQ(run.run(), Ended::satisfied) << run.world.describe();
    run.expect_whole();
}

TEST(Mux, AConnectionHas128StreamsInItsLife) {
    for (const bool together : {false, true}) {
        SCOPED_TRACE(together);
        Choices choices;
        choices.concurrency = 1024;
        choices.talk = short_talk();
        Shared run(choices);
        for (int number = 1; number <= 130; ++number) {
            Heard& one = run.speak();
            if (!together) {
                run.run_until_over(one);
                EXPECT_EQ(run.carriers(), number <= 128 ? 1U : 2U) << number;
            }
        }
        ASSERT_EQ(run.run(), Ended::satisfied) << run.world.describe();
        run.expect_whole();
        EXPECT_EQ(run.carriers(), 2U);
        EXPECT_EQ(run.server.stats().mux_refusals.read(), 0U);
        run.pass(seconds(3));
        EXPECT_EQ(run.open_sessions(), 1U) << "what is used up is closed at once";
    }
}

TEST(Mux, AnEmptyConnectionIsClosedAfterAWhile) {
    Choices choices;
    choices.talk = short_talk();
    Shared run(choices);
    run.speak();
    ASSERT_EQ(run.run(), Ended::satisfied);
    run.pass(core::MuxClients::kIdle - seconds(4));
    EXPECT_EQ(run.open_sessions(), 1U);
    run.speak();  // keeps it
    ASSERT_EQ(run.run(), Ended::satisfied);
    run.pass(core::MuxClients::kIdle - seconds(4));
    EXPECT_EQ(run.open_sessions(), 1U);
    EXPECT_EQ(run.carriers(), 1U);
    run.pass(seconds(6));
    EXPECT_EQ(run.open_sessions(), 0U);
    run.speak();
    ASSERT_EQ(run.run(), Ended::satisfied);
    EXPECT_EQ(run.carriers(), 2U);
    run.expect_whole();
}

TEST(Mux, AFailedDialReachesAllWhoWait) {
    Choices choices;
    choices.talk = short_talk();
    choices.server_port = 9;  // nobody
    Shared run(choices);
    for (int number = 0; number < 5; ++number) {
        run.speak();
    }
    ASSERT_EQ(run.run(), Ended::satisfied) << run.world.describe();
    for (const auto& one : run.heard) {
        EXPECT_TRUE(one->bytes.empty());
        EXPECT_FALSE(one->ended);
    }
    const auto failed = static_cast<std::size_t>(core::Outcome::dial_failed);
    EXPECT_EQ(run.client.stats().outcomes[failed].read(), 5U);
    EXPECT_TRUE(run.target.heard().empty());
}

// ---- one stream does not stop the others

Choices stalled_choices() {
    Choices choices;
    choices.talk = long_talk();
    return choices;
}

TEST(Mux, AStoppedStreamHoldsNobodyUpWhileItsInboxHasRoom) {
    for (const bool at_target : {false, true}) {
        SCOPED_TRACE(at_target);
        Choices choices = stalled_choices();
        choices.other = Talk{pattern(3, core::MuxCarrier::kInboxBytesMax),
                             pattern(4, core::MuxCarrier::kInboxBytesMax)};
        (at_target ? choices.other.target_deaf : choices.other.client_deaf) = seconds(60);
        Shared run(choices);
        const io::TimePoint start = run.world.now();
        const Heard& stopped = run.speak_to_other();
        run.pass(seconds(1));
        Heard& free = run.speak();
        run.run_until_over(free);
        EXPECT_TRUE(free.bytes == run.talk.down);
        EXPECT_LT(run.world.now() - start, seconds(3));
        ASSERT_EQ(run.run(), Ended::satisfied);
        EXPECT_TRUE(stopped.bytes == run.other.down) << "late, and whole";
        EXPECT_TRUE(stopped.ended);
        EXPECT_EQ(run.carriers(), 1U);
        EXPECT_EQ(run.client.stats().mux_stalls.read() + run.server.stats().mux_stalls.read(), 0U);
    }
}

TEST(Mux, AStreamThatHoldsOthersUpIsTornDown) {
    for (const bool at_target : {false, true}) {
        SCOPED_TRACE(at_target);
        Choices choices = stalled_choices();
        (at_target ? choices.other.up : choices.other.down) = pattern(3, kMuch);
        (at_target ? choices.other.target_deaf : choices.other.client_deaf) = seconds(60);
        Shared run(choices);
        const Heard& stopped = run.speak_to_other();
        run.pass(seconds(1));
        const io::TimePoint start = run.world.now();
        std::vector<Heard*> others;
        for (int number = 0; number < 5; ++number) {
            others.push_back(&run.speak());
        }
        for (const Heard* one : others) {
            run.run_until_over(*one);
            EXPECT_TRUE(one->bytes == run.talk.down);
            EXPECT_TRUE(one->ended);
        }
        EXPECT_GT(run.world.now() - start, choices.limits.mux_patience - seconds(2));
        EXPECT_LT(run.world.now() - start, choices.limits.mux_patience + seconds(2));
        core::StatsShard& stats = at_target ? run.server.stats() : run.client.stats();
        EXPECT_EQ(stats.mux_stalls.read(), 1U);
        EXPECT_GE(stats.mux_waits.read(), 1U);
        ASSERT_EQ(run.run(), Ended::satisfied) << run.world.describe();
        EXPECT_FALSE(stopped.ended) << "a cut was taken for an end";
        ASSERT_EQ(run.other_target.heard().size(), 1U);
        if (at_target) {
            EXPECT_FALSE(run.other_target.heard().front()->ended) << "the other end was told so";
        }
        EXPECT_EQ(run.carriers(), 1U);
    }
}

// The first connection's streams take nothing. What they may hold of the pool leaves enough for the
// second one.
TEST(Mux, StoppedStreamsLeaveSlotsToOtherConnections) {
    Choices choices = stalled_choices();
    choices.concurrency = 4;
    choices.limits.mux_slots = 16;
    choices.other.up = pattern(3, core::MuxCarrier::kInboxBytesMax);
    choices.other.target_deaf = seconds(60);
    Shared run(choices);
    for (int number = 0; number < 4; ++number) {
        run.speak_to_other();
    }
    run.pass(seconds(1));
    const io::TimePoint start = run.world.now();
    Heard& free = run.speak();
    run.run_until_over(free);
    EXPECT_TRUE(free.bytes == run.talk.down);
    EXPECT_LT(run.world.now() - start, seconds(2));
    EXPECT_EQ(run.carriers(), 2U);
    ASSERT_EQ(run.run(), Ended::satisfied) << run.world.describe();
    EXPECT_GE(run.server.stats().mux_stalls.read(), 1U) << "by then some of the four had to go";
}

}  // namespace
}  // namespace ferry::sim
