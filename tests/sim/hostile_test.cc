// Strangers in front of a VMess server, in virtual time.
//
// Promise: whoever has not proven to be a user hears nothing, and is let go at the handshake
// deadline, whatever was sent and wherever it failed. Only so many are let go so slowly.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/sim/siege.h"

namespace ferry::sim {
namespace {

TEST(Hostile, EveryProbeIsLetGoAtTheSameTime) {
    for (const std::size_t bytes : {0, 1, 15, 16, 41, 42, 61, 100, 373, 374, 1000, 4000, 20'000}) {
        SCOPED_TRACE(bytes);
        Siege siege;
        const Learned& learned = siege.send(pattern(bytes + 1, bytes));
        siege.wait();
        expect_deadline(learned);
    }
}

TEST(Hostile, EveryDamageToAGenuineRequestLooksTheSame) {
    World clock(1);
    const Bytes whole = request_of(clock, user(), 0);
    for (const std::size_t place :
         {std::size_t{0}, std::size_t{15}, std::size_t{16}, std::size_t{33}, std::size_t{34},
          std::size_t{41}, std::size_t{42}, whole.size() - 1}) {
        SCOPED_TRACE(place);
        Siege siege;
        Bytes damaged = whole;
        damaged[place] ^= 1;
        const Learned& learned = siege.send(damaged);
        siege.wait();
        expect_deadline(learned);
    }
}

TEST(Hostile, AClockThatIsOffLooksTheSame) {
    for (const std::int64_t skew : {-121, 121, -100'000, 100'000}) {
        SCOPED_TRACE(skew);
        Siege siege;
        const Learned& learned = siege.send(request_of(siege.world, user(), skew));
        siege.wait();
        expect_deadline(learned);
        EXPECT_EQ(
            siege.server.stats().faults[static_cast<std::size_t>(proto::Fault::bad_time)].read(),
            1U);
    }
}

TEST(Hostile, AReplayLooksTheSame) {
    Siege siege;
    const Bytes bytes = request_of(siege.world, user(), 0);
    const Learned& first = siege.send(bytes);
    const Learned& second = siege.send(bytes);
    siege.wait();
    // One of the two is served (and cannot reach its target), the other is let go.
    EXPECT_NE(first.heard_bytes == 0, second.heard_bytes == 0);
    expect_deadline(first.heard_bytes == 0 ? first : second);
}

TEST(Hostile, AFullReplayFilterRefusesAndSaysSoOnce) {
    Siege siege;
    fill(siege, siege.server.replay());
    for (std::uint8_t number = 0; number < 3; ++number) {
        siege.send(request_of(siege.world, user(), number));
    }
    siege.wait();
    for (const auto& one : siege.learned) {
        EXPECT_EQ(one->heard_bytes, 0U);
    }
    EXPECT_EQ(siege.server.stats().replay_full.read(), 3U);
    EXPECT_EQ(std::ranges::count_if(siege.server.log(),
                                    [](const std::string& line) {
                                        return line.find("replay filter is full") !=
                                               std::string::npos;
                                    }),
              1);
}

TEST(Hostile, OnlySoManyOfOneAddressAreLetGoSlowly) {
    core::Limits limits;
    Siege siege(limits);
    for (std::uint32_t index = 0; index < limits.drains_per_address + 5; ++index) {
        siege.send(pattern(index + 1, 100));
    }
    siege.wait();
    std::uint32_t slow = 0;
    for (const auto& one : siege.learned) {
        EXPECT_EQ(one->heard_bytes, 0U);
        slow += one->closed_after >= kHandshake ? 1 : 0;
    }
    EXPECT_EQ(slow, limits.drains_per_address);
    EXPECT_EQ(siege.server.stats().drain_overflow.read(), 5U);
}

TEST(Hostile, ThoseWhoSayOneByteLeaveTheSlotsToOthers) {
    core::Limits limits;
    limits.in_slots = 4;
    Siege siege(limits);
    for (std::uint32_t index = 0; index < 3 * limits.in_slots; ++index) {
        siege.send(pattern(index + 1, 1));
    }
    (void)siege.world.run([] { return false; }, std::chrono::seconds(1));
    const Learned& served = siege.send(request_of(siege.world, user(), 0));
    siege.wait();
    EXPECT_GT(served.heard_bytes, 0U);
    EXPECT_LT(served.closed_after, kHandshake / 2);
}

TEST(Hostile, HandshakesInFlightHaveALimitAndTheNextOneWaits) {
    core::Limits limits;
    limits.handshakes = 3;
    Siege siege(limits);
    for (int index = 0; index < 5; ++index) {
        siege.send({});
    }
    siege.wait();
    std::uint32_t late = 0;
    for (const auto& one : siege.learned) {
        late += one->closed_after > kHandshake + std::chrono::seconds(1) ? 1 : 0;
    }
    EXPECT_EQ(late, 2U) << "the fourth and the fifth are accepted when the first ones have gone";
    EXPECT_GE(siege.server.stats().handshake_waits.read(), 1U);
}

}  // namespace
}  // namespace ferry::sim
