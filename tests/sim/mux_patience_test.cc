// How long a stream may keep its connection waiting, and what becomes of what lies in its inbox
// when the connection breaks; between the real client and the real server, in virtual time.
//
// Promise: who takes a little now and then holds others up for no longer than who takes nothing;
// who is alone, or takes enough, is left in peace. What has come before a cut is read before it.
#include <gtest/gtest.h>

#include "core/mux_carrier.h"
#include "tests/sim/mux_scene.h"

namespace ferry::sim {
namespace {

constexpr std::size_t kInbox = core::MuxCarrier::kInboxBytesMax;
constexpr std::size_t kSlot = core::kMuxSlotBytes;
// What lies in an inbox is passed on in pieces of 64 KiB: each of them in less than the patience.
constexpr Pace kLittle = {kSlot, seconds(2)};
constexpr std::size_t kSocket = 64 * 1024;  // what one direction of a connection takes, in a calm

// Which end of the other talk does not take what it is sent as fast as it comes.
enum class Slow : std::uint8_t { client, target };

class MuxPatience : public testing::TestWithParam<Slow> {
protected:
    static bool at_target() { return GetParam() == Slow::target; }
    static Bytes& sent(Talk& talk) { return at_target() ? talk.up : talk.down; }
    static io::Duration& deaf(Talk& talk) {
        return at_target() ? talk.target_deaf : talk.client_deaf;
    }
    static Pace& pace(Talk& talk) { return at_target() ? talk.target_pace : talk.client_pace; }

    static const Heard& slow_one(const Shared& run, const Heard& client) {
        return at_target() ? *run.other_target.heard().front() : client;
    }
    static const Bytes& sent(const Shared& run) {
        return at_target() ? run.other.up : run.other.down;
    }
    static std::uint64_t stalls(Shared& run) {
        return run.client.stats().mux_stalls.read() + run.server.stats().mux_stalls.read();
    }
};

INSTANTIATE_TEST_SUITE_P(Slow, MuxPatience, testing::Values(Slow::client, Slow::target),
                         [](const auto& at) {
                             return at.param == Slow::client ? "client" : "target";
                         });

// ---- who keeps others waiting

TEST_P(MuxPatience, TakingALittleNowAndThenIsNotEnough) {
    Choices choices;
    choices.talk = long_talk();
    sent(choices.other) = pattern(3, kMuch);
    pace(choices.other) = kLittle;
    Shared run(choices);
    const Heard& client = run.speak_to_other();
    run.pass(seconds(1));
    const io::TimePoint start = run.world.now();
    Heard& first = run.speak();
    Heard& second = run.speak();
    run.run_until_over(first);
    run.run_until_over(second);
    EXPECT_LT(run.world.now() - start, 5 * choices.limits.mux_patience);
    EXPECT_TRUE(first.bytes == run.talk.down);
    EXPECT_TRUE(second.bytes == run.talk.down);
    ASSERT_EQ(run.run(), Ended::satisfied) << run.world.describe();
    EXPECT_EQ(stalls(run), 1U);
    const Heard& slow = slow_one(run, client);
    EXPECT_LT(slow.bytes.size(), kMuch);
    EXPECT_FALSE(slow.ended) << "a cut was taken for an end";
    EXPECT_EQ(run.carriers(), 1U);
}

// Between those it is alone: that pays for nothing.
TEST_P(MuxPatience, ShortStreamsOneAfterAnotherAreNotHeldUpForEver) {
    Choices choices;
    choices.talk = short_talk();
    sent(choices.other) = pattern(3, kMuch);
    pace(choices.other) = kLittle;
    Shared run(choices);
    run.speak_to_other();
    run.pass(seconds(1));
    for (int number = 0; number < 5; ++number) {
        run.run_until_over(run.speak());
        run.pass(seconds(5));
    }
    EXPECT_EQ(stalls(run), 1U);
    ASSERT_EQ(run.run(), Ended::satisfied) << run.world.describe();
}

TEST_P(MuxPatience, WhoTakesEnoughKeepsItsStream) {
    // Slow all the time, and fast with a pause now and then: more than an inbox in ten seconds.
    for (const Pace& each : {Pace{32 * 1024, seconds(1)}, Pace{kInbox + kSocket, seconds(7)}}) {
        Choices choices;
        // Somebody else is there all the time.
        choices.talk = Talk{pattern(1, kInbox), pattern(2, kInbox)};
        choices.talk.client_deaf = choices.talk.target_deaf = std::chrono::minutes(10);
        sent(choices.other) = pattern(3, 4'000'000);
        pace(choices.other) = each;
        Shared run(choices);
        run.speak();
        const Heard& client = run.speak_to_other();
        ASSERT_EQ(run.run(), Ended::satisfied) << run.world.describe();
        EXPECT_EQ(stalls(run), 0U);
        EXPECT_GT((at_target() ? run.server : run.client).stats().mux_waits.read(), 0U);
        const Heard& slow = slow_one(run, client);
        EXPECT_TRUE(slow.bytes == sent(run));
        EXPECT_TRUE(slow.ended);
    }
}

// ---- who is alone

TEST_P(MuxPatience, AStreamThatIsAloneMayTakeALittleNowAndThen) {
    Choices choices;
    sent(choices.other) = pattern(3, kMuch);
    pace(choices.other) = kLittle;
    Shared run(choices);
    const Heard& client = run.speak_to_other();
    ASSERT_EQ(run.run(), Ended::satisfied) << run.world.describe();
    EXPECT_EQ(stalls(run), 0U);
    const Heard& slow = slow_one(run, client);
    EXPECT_TRUE(slow.bytes == sent(run));
    EXPECT_TRUE(slow.ended);
}

TEST_P(MuxPatience, AStreamThatIsAloneAndTakesNothing) {
    Choices choices;
    sent(choices.other) = pattern(3, kMuch);
    deaf(choices.other) = std::chrono::minutes(30);
    Shared run(choices);
    const Heard& client = run.speak_to_other();
    run.pass(std::chrono::minutes(20));
    // A server does not know who may want in behind it; a client does.
    EXPECT_EQ(stalls(run), at_target() ? 1U : 0U);
    ASSERT_EQ(run.run(), Ended::satisfied) << run.world.describe();
    EXPECT_EQ(slow_one(run, client).ended, !at_target());
    EXPECT_EQ(slow_one(run, client).bytes == sent(run), !at_target());
}

TEST_P(MuxPatience, AStreamThatIsAloneHasTheIdleTimeOfItsPolicy) {
    Choices choices;
    choices.level.idle = core::config::Seconds(60);
    sent(choices.other) = pattern(3, kMuch);
    deaf(choices.other) = std::chrono::hours(10);
    Shared run(choices);
    run.speak_to_other();
    run.pass(std::chrono::minutes(5));
    EXPECT_EQ(run.open_sessions() + run.client.stats().open_sessions.read(), 0U);
    ASSERT_EQ(run.run(), Ended::satisfied) << run.world.describe();
}

// ---- a connection that breaks

// The inbox has all of it when the connection goes. The other direction may be at rest, or in the
// middle of a send; neither may end the session before its reader has had what is there.
TEST_P(MuxPatience, WhatCameBeforeACutIsReadBeforeTheCut) {
    for (const std::size_t other_way : {std::size_t{0}, kMuch}) {
        SCOPED_TRACE(other_way);
        Choices choices;
        sent(choices.other) = pattern(3, kInbox);
        (at_target() ? choices.other.down : choices.other.up) = pattern(4, other_way);
        choices.other.client_deaf = choices.other.target_deaf = seconds(8);
        choices.other.client_pace = choices.other.target_pace = kLittle;
        choices.level.idle = core::config::Seconds(12);  // of the stream, not of what carried it
        Shared run(choices);
        const Heard& client = run.speak_to_other();
        run.pass(seconds(2));
        (at_target() ? run.client : run.server).stop(seconds(0));
        run.pass(seconds(2));
        EXPECT_TRUE((at_target() ? run.client : run.server).ended());
        ASSERT_EQ(run.run(), Ended::satisfied) << run.world.describe();
        const Heard& slow = slow_one(run, client);
        // A reset overtakes what a socket has not passed on.
        EXPECT_GE(slow.bytes.size() + kSlot, kInbox);
        EXPECT_TRUE(std::equal(slow.bytes.begin(), slow.bytes.end(), sent(run).begin()));
        if (other_way > 0) {
            EXPECT_FALSE(slow.ended) << "a cut was taken for an end";
        }
    }
}

// The answer and its end are there when the connection goes.
TEST(MuxCut, DoesNotTakeBackAnEnd) {
    Choices choices;
    choices.other.down = pattern(3, 200'000);
    Shared run(choices);
    run.heard.push_back(std::make_unique<Heard>());
    Heard& heard = *run.heard.back();
    run.client_host.root.spawn(
        ask(run.client_host, run.client.at(1), pattern(9, 100), seconds(8), heard));
    run.pass(seconds(2));
    run.server.stop(seconds(0));
    run.run_until_over(heard);
    EXPECT_TRUE(heard.bytes == run.other.down);
    EXPECT_TRUE(heard.ended) << "an end was taken for a cut";
}

TEST_P(MuxPatience, WhatIsLeftInAnInboxWaitsNoLongerThanASessionDoes) {
    Choices choices;
    choices.level.idle = core::config::Seconds(60);
    sent(choices.other) = pattern(3, kInbox);
    deaf(choices.other) = std::chrono::hours(10);
    Shared run(choices);
    run.speak_to_other();
    run.pass(seconds(2));
    (at_target() ? run.client : run.server).stop(seconds(0));
    Node& left = at_target() ? run.server : run.client;
    run.pass(seconds(30));
    EXPECT_GT(left.stats().open_sessions.read(), 0U);
    EXPECT_FALSE(left.pools_are_full());
    run.pass(seconds(90));
    EXPECT_EQ(left.stats().open_sessions.read(), 0U);
    EXPECT_TRUE(left.pools_are_full());
    ASSERT_EQ(run.run(), Ended::satisfied) << run.world.describe();
}

TEST_P(MuxPatience, WhatIsLeftInAnInboxDoesNotHoldUpAShutdown) {
    Choices choices;
    sent(choices.other) = pattern(3, kInbox);
    deaf(choices.other) = std::chrono::minutes(50);
    Shared run(choices);
    run.speak_to_other();
    run.pass(seconds(2));
    (at_target() ? run.client : run.server).stop(seconds(0));
    Node& left = at_target() ? run.server : run.client;
    run.pass(seconds(30));
    EXPECT_FALSE(left.pools_are_full());
    left.stop(seconds(5));
    run.pass(seconds(6));
    EXPECT_TRUE(left.ended()) << run.world.describe();
    EXPECT_TRUE(left.pools_are_full());
    ASSERT_EQ(run.run(), Ended::satisfied) << run.world.describe();
}

}  // namespace
}  // namespace ferry::sim
