// Datagrams through the real client and the real server between two programs, in virtual time.
//
// Promise: a program hears datagrams that were sent to it, each whole, from whom they say they are.
// Associations end, and afterwards every slot is back and nothing waits.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "tests/sim/udp_relay.h"

namespace ferry::sim::udp {
namespace {

// 65 437: with an address of 19 bytes, a tag of 16 and a padding of 63 it fills a chunk of 65 535.
constexpr std::array<std::size_t, 11> kSizes = {1,    15,   16,    17,    512,  1350,
                                                2001, 8192, 16384, 40000, 65437};

class Forms : public testing::TestWithParam<Choices> {};

TEST_P(Forms, EverySizeComesBackThroughSocks) {
    Relay relay(1, Weather::calm(), GetParam());
    SocksMailer& app = relay.associate();
    ASSERT_TRUE(relay.until([&] { return app.relay().has_value(); }));
    for (const std::size_t bytes : kSizes) {
        const std::size_t before = app.heard().size();
        app.say(relay.target.at(), pattern(bytes, bytes));
        ASSERT_TRUE(relay.until([&] { return app.heard().size() > before; })) << bytes;
        const Mailer::Letter wanted{relay.target.at(), pattern(bytes, bytes)};
        EXPECT_EQ(app.heard().back(), wanted) << bytes;
    }
    EXPECT_EQ(relay.client.stats().uplink_datagrams.read(), kSizes.size());
    EXPECT_EQ(relay.server.stats().downlink_datagrams.read(), kSizes.size());
    relay.stop();
}

TEST_P(Forms, EverySizeComesBackThroughADoor) {
    Relay relay(1, Weather::calm(), GetParam());
    Mailer& app = relay.knock();
    for (const std::size_t bytes : kSizes) {
        const std::size_t before = app.heard().size();
        app.say(relay.client.at(0), pattern(bytes, bytes));
        ASSERT_TRUE(relay.until([&] { return app.heard().size() > before; })) << bytes;
        const Mailer::Letter wanted{relay.client.at(0), pattern(bytes, bytes)};
        EXPECT_EQ(app.heard().back(), wanted) << bytes;
    }
    relay.stop();
}

// What fits no chunk is lost alone: paddings and masks stay in step.
TEST_P(Forms, TooLargeOnesAreLostAlone) {
    Relay relay(1, Weather::calm(), GetParam());
    Mailer& app = relay.knock();
    for (const std::size_t bytes : {100, 65'507, 101}) {
        app.say(relay.client.at(0), pattern(bytes, bytes));
        relay.sleep(std::chrono::seconds(1));
    }
    const bool fits = GetParam().security == Security::none;
    const std::size_t wanted = fits ? 3 : 2;
    ASSERT_TRUE(relay.until([&] { return app.heard().size() == wanted; }));
    EXPECT_EQ(app.heard().back().bytes, pattern(101, 101));
    EXPECT_EQ(relay.client.stats().datagrams_unsent.read(), fits ? 0u : 1u);
    relay.stop();
}

// The queue of an association takes so many; of a burst that brings more, what is lost is counted.
TEST_P(Forms, WhatABurstHasTooManyOfIsCounted) {
    constexpr std::size_t kBurst = 300;
    Relay relay(1, Weather::calm(), GetParam());
    Mailer& app = relay.knock();
    for (std::size_t i = 0; i < kBurst; ++i) {
        app.say(relay.client.at(0), pattern(1350, i));
    }
    relay.sleep(std::chrono::seconds(10));
    const std::uint64_t lost = relay.client.stats().datagrams_overrun.read();
    EXPECT_GT(lost, 0u);
    EXPECT_EQ(relay.client.stats().uplink_datagrams.read() + lost, kBurst);
    EXPECT_EQ(app.heard().size() + lost, kBurst);  // and the others come back
    relay.stop();
}

INSTANTIATE_TEST_SUITE_P(
    Udp, Forms,
    testing::Values(Choices{}, Choices{.security = Security::chacha20_poly1305},
                    Choices{.security = Security::none}, Choices{.sealed_lengths = true},
                    Choices{.alter_id = 4}, Choices{.encoding = PacketEncoding::packet},
                    Choices{.security = Security::none, .encoding = PacketEncoding::packet}));

TEST(UdpRelay, CarriesBursts) {
    Relay relay(1);
    SocksMailer& app = relay.associate();
    ASSERT_TRUE(relay.until([&] { return app.relay().has_value(); }));
    constexpr std::size_t kCount = 20;
    for (std::size_t each = 0; each < kCount; ++each) {
        app.say(relay.target.at(), pattern(each, 100 + each));
    }
    ASSERT_TRUE(relay.until([&] { return app.heard().size() == kCount; }));
    relay.stop();
}

TEST(UdpRelay, ResolvesNames) {
    Relay relay(1);
    relay.server.resolver().add("target.example", kTargetHost);
    SocksMailer& app = relay.associate();
    ASSERT_TRUE(relay.until([&] { return app.relay().has_value(); }));
    app.say("nobody.example", kTargetPort, pattern(1, 10));
    app.say("target.example", kTargetPort, pattern(2, 10));
    ASSERT_TRUE(relay.until([&] { return app.heard().size() == 1; }));
    EXPECT_EQ(app.heard().back().bytes, pattern(2, 10));
    relay.stop();
}

TEST(UdpRelay, EndsWithItsConnection) {
    Relay relay(1);
    SocksMailer& app = relay.associate();
    ASSERT_TRUE(relay.until([&] { return app.relay().has_value(); }));
    app.say(relay.target.at(), pattern(1, 10));
    ASSERT_TRUE(relay.until([&] { return app.heard().size() == 1; }));
    EXPECT_EQ(relay.client.stats().open_sessions.read(), 2u);  // and the one inside
    const io::TimePoint before = relay.world.now();
    app.hang_up();
    ASSERT_TRUE(relay.until([&] { return relay.client.stats().open_sessions.read() == 0; }));
    EXPECT_LT(relay.world.now() - before, std::chrono::seconds(1));
    relay.stop();
}

TEST(UdpRelay, EndsWhenNothingIsSaid) {
    Relay relay(1);
    SocksMailer& app = relay.associate();
    Mailer& other = relay.knock();
    ASSERT_TRUE(relay.until([&] { return app.relay().has_value(); }));
    app.say(relay.target.at(), pattern(1, 10));
    other.say(relay.client.at(0), pattern(2, 10));
    ASSERT_TRUE(relay.until([&] { return app.heard().size() + other.heard().size() == 2; }));
    EXPECT_EQ(relay.client.stats().open_sessions.read(), 3u);
    ASSERT_TRUE(relay.until([&] { return app.hung_up(); }));
    relay.sleep(kIdle);
    EXPECT_EQ(relay.client.stats().open_sessions.read(), 0u);
    EXPECT_EQ(relay.server.stats().open_sessions.read(), 0u);
    EXPECT_TRUE(relay.client.pools_are_full());
    relay.stop();
}

TEST(UdpRelay, HoldsNothingWhileQuiet) {
    Relay relay(1);
    SocksMailer& app = relay.associate();
    Mailer& other = relay.knock();
    ASSERT_TRUE(relay.until([&] { return app.relay().has_value(); }));
    app.say(relay.target.at(), pattern(1, 1000));
    other.say(relay.client.at(0), pattern(2, 40'000));
    ASSERT_TRUE(relay.until([&] { return app.heard().size() + other.heard().size() == 2; }));
    relay.sleep(std::chrono::seconds(2));
    EXPECT_EQ(relay.client.stats().open_sessions.read(), 3u);
    EXPECT_TRUE(relay.client.pools_are_full());
    EXPECT_TRUE(relay.server.pools_are_full());
    relay.stop();
}

// Two targets over one association, and an answer from a third.
TEST(UdpRelay, IsAFullConeWithPacketAddresses) {
    Relay relay(1, Weather::calm(), {.encoding = PacketEncoding::packet});
    Mailer second(relay.there, kTargetHost.with_port(54), Mailer::Answer::echo);
    Mailer third(relay.there, kTargetHost.with_port(55));
    SocksMailer& app = relay.associate();
    ASSERT_TRUE(relay.until([&] { return app.relay().has_value(); }));
    app.say(relay.target.at(), pattern(1, 10));
    app.say(second.at(), pattern(2, 10));
    ASSERT_TRUE(relay.until([&] { return app.heard().size() == 2; }));
    ASSERT_EQ(relay.target.heard().at(0).peer, second.heard().at(0).peer) << "two sockets";
    EXPECT_EQ(relay.client.stats().open_sessions.read(), 1u);
    third.say(second.heard().at(0).peer, pattern(3, 10));
    ASSERT_TRUE(relay.until([&] { return app.heard().size() == 3; }));
    const Mailer::Letter wanted{third.at(), pattern(3, 10)};
    EXPECT_EQ(app.heard().back(), wanted);
    // A name cannot be written there.
    app.say("target.example", kTargetPort, pattern(4, 10));
    ASSERT_TRUE(relay.until([&] { return relay.client.stats().datagrams_unsent.read() == 1; }));
    second.close();
    third.close();
    relay.stop();
    EXPECT_TRUE(relay.until([&] { return second.closed() && third.closed(); }));
}

// Where nothing can say whom a datagram is from, it is from the target.
TEST(UdpRelay, IgnoresStrangers) {
    Relay relay(1);
    Mailer stranger(relay.there, kTargetHost.with_port(54));
    SocksMailer& app = relay.associate();
    ASSERT_TRUE(relay.until([&] { return app.relay().has_value(); }));
    app.say(relay.target.at(), pattern(1, 10));
    ASSERT_TRUE(relay.until([&] { return app.heard().size() == 1; }));
    stranger.say(relay.target.heard().at(0).peer, pattern(2, 10));
    ASSERT_TRUE(relay.until([&] { return relay.server.stats().datagrams_strange.read() == 1; }));
    // And the relay itself takes datagrams from its client alone.
    stranger.say(*app.relay(), {0, 0, 0, 1, 10, 0, 0, 3, 0, 53, 1, 2, 3});
    ASSERT_TRUE(relay.until([&] { return relay.client.stats().datagrams_strange.read() == 1; }));
    app.mailer.say(*app.relay(), {0, 0, 1, 1, 10, 0, 0, 3, 0, 53, 1, 2, 3});  // a piece
    app.mailer.say(*app.relay(), {0, 0, 0, 7, 10, 0, 0, 3, 0, 53, 1, 2, 3});  // what is 7?
    app.mailer.say(*app.relay(), {0, 0});
    app.mailer.say(*app.relay(), {});
    ASSERT_TRUE(relay.until([&] { return relay.client.stats().datagrams_malformed.read() == 4; }));
    EXPECT_EQ(app.heard().size(), 1u);
    stranger.close();
    relay.stop();
    EXPECT_TRUE(relay.until([&] { return stranger.closed(); }));
}

// A flood of destinations grows to the bound and not beyond it; the latest is served.
TEST(UdpRelay, BoundsDestinations) {
    Relay relay(1, Weather::calm(), {}, core::Limits{});
    SocksMailer& app = relay.associate();
    ASSERT_TRUE(relay.until([&] { return app.relay().has_value(); }));
    constexpr std::uint16_t kFlood = 300;
    std::uint64_t most = 0;
    for (std::uint16_t each = 0; each < kFlood; ++each) {
        app.say(kTargetHost.with_port(static_cast<std::uint16_t>(2000 + each)), pattern(each, 10));
        relay.sleep(std::chrono::milliseconds(10));
        most = std::max(most, relay.client.stats().open_sessions.read());
    }
    EXPECT_EQ(most, 257u);
    EXPECT_EQ(relay.client.stats().fan_evictions.read(), kFlood - 256u);
    app.say(relay.target.at(), pattern(1, 20));
    ASSERT_TRUE(relay.until([&] { return app.heard().size() == 1; }));
    relay.stop();
}

// Nobody is reached by what stands at the door while there is no room.
TEST(UdpRelay, BoundsAssociations) {
    core::Limits limits;
    limits.associations = 3;
    Relay relay(1, Weather::calm(), {}, limits);
    for (int each = 0; each < 5; ++each) {
        relay.knock().say(relay.client.at(0), pattern(1, 10));
    }
    ASSERT_TRUE(relay.until([&] { return relay.client.stats().associations_refused.read() == 2; }));
    EXPECT_EQ(relay.client.stats().open_sessions.read(), 3u);
    relay.stop();
}

}  // namespace
}  // namespace ferry::sim::udp
