// Datagrams for names, in an association that has one far end for all of its targets.
//
// Promise: who waits for a name makes nobody else wait. What is for that name comes in its order,
// or is lost and counted where it is too much; and an association that ends leaves nothing behind.
#include <gtest/gtest.h>

#include <string>

#include "tests/sim/seeds.h"
#include "tests/sim/udp_relay.h"

namespace ferry::sim::udp {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const std::string kSlow = "slow.example";  // the servers for it are silent until it is told

// Time passes with what happens only, so that something has to.
void let_pass(Relay& relay, io::Duration time) {
    relay.world.at(relay.world.now() + time, [] {});
    relay.sleep(time);
}

// Two nodes between which datagrams carry names.
class Names : public testing::Test {
protected:
    Names() : relay(1, Weather::calm(), {.encoding = PacketEncoding::xudp}) {
        relay.server.resolver().add(kSlow, kTargetHost);
        relay.server.resolver().hold(kSlow);
    }

    void SetUp() override {
        ASSERT_TRUE(relay.until([this] { return app.relay().has_value(); }));
    }

    FixedResolver& resolver() { return relay.server.resolver(); }
    core::StatsShard& stats() { return relay.server.stats(); }
    // One after the other, so that no queue but that of the name is ever full.
    void say_apart(const std::string& name, std::size_t bytes, std::size_t from, std::size_t to) {
        for (std::size_t each = from; each < to; ++each) {
            app.say(name, kTargetPort, pattern(each, bytes));
            relay.sleep(milliseconds(20));
        }
    }
    bool hears(std::size_t count) {
        return relay.until([&] { return relay.target.heard().size() >= count; });
    }
    // Is what the target has heard, from the first one on, what was said as from, from + 1, ...?
    void expect_in_order(std::size_t first, std::size_t bytes, std::size_t from) {
        const auto& heard = relay.target.heard();
        for (std::size_t each = first; each < heard.size(); ++each) {
            EXPECT_EQ(heard[each].bytes, pattern(from + each - first, bytes)) << each;
        }
    }

    Relay relay;
    SocksMailer& app = relay.associate();
};

TEST_F(Names, OthersGoOnWhileOneIsAskedFor) {
    resolver().add("quick.example", kTargetHost);
    app.say(kSlow, kTargetPort, pattern(1, 10));
    app.say(relay.target.at(), pattern(2, 10));
    app.say("quick.example", kTargetPort, pattern(3, 10));
    ASSERT_TRUE(hears(2));
    expect_in_order(0, 10, 2);
    EXPECT_EQ(resolver().waiting(), 1u);
    resolver().tell(kSlow);
    ASSERT_TRUE(hears(3));
    EXPECT_EQ(relay.target.heard().back().bytes, pattern(1, 10));
    EXPECT_EQ(relay.target.heard().back().peer, relay.target.heard().front().peer);
    EXPECT_EQ(stats().datagrams_overrun.read(), 0u);
    relay.stop();
}

TEST_F(Names, TheOrderIsKept) {
    constexpr std::size_t kCount = core::kPacketsMax;
    say_apart(kSlow, 100, 0, kCount);
    EXPECT_EQ(relay.target.heard().size(), 0u);
    resolver().tell(kSlow);
    ASSERT_TRUE(hears(kCount));
    say_apart(kSlow, 100, kCount, kCount + 5);
    ASSERT_TRUE(hears(kCount + 5));
    expect_in_order(0, 100, 0);
    EXPECT_EQ(resolver().lookups(), 1u);
    EXPECT_EQ(stats().datagrams_overrun.read(), 0u);
    EXPECT_TRUE(relay.server.pools_are_full());
    relay.stop();
}

TEST_F(Names, EachPortHasItsOwn) {
    Mailer second(relay.there, kTargetHost.with_port(54));
    app.say(kSlow, kTargetPort, pattern(1, 10));
    app.say(kSlow, 54, pattern(2, 10));
    ASSERT_TRUE(relay.until([&] { return resolver().waiting() == 1; }));
    relay.sleep(milliseconds(100));
    resolver().tell(kSlow);
    ASSERT_TRUE(relay.until([&] { return second.heard().size() == 1; }));
    ASSERT_TRUE(hears(1));
    EXPECT_EQ(relay.target.heard().back().bytes, pattern(1, 10));
    EXPECT_EQ(second.heard().back().bytes, pattern(2, 10));
    EXPECT_EQ(resolver().lookups(), 1u);
    second.close();
    relay.stop();
    EXPECT_TRUE(relay.until([&] { return second.closed(); }));
}

TEST_F(Names, AFloodForOneIsBounded) {
    constexpr std::size_t kFlood = 200;
    say_apart(kSlow, 100, 0, kFlood);
    EXPECT_EQ(stats().datagrams_overrun.read(), kFlood - core::kPacketsMax);
    resolver().tell(kSlow);
    ASSERT_TRUE(hears(core::kPacketsMax));
    relay.sleep(seconds(1));
    EXPECT_EQ(relay.target.heard().size(), core::kPacketsMax);
    expect_in_order(0, 100, kFlood - core::kPacketsMax);
    relay.stop();
}

TEST_F(Names, AFloodOfBytesForOneIsBounded) {
    constexpr std::size_t kFlood = 40;
    constexpr std::size_t kBytes = 5000;
    say_apart(kSlow, kBytes, 0, kFlood);
    const std::size_t lost = stats().datagrams_overrun.read();
    EXPECT_LE((kFlood - lost) * kBytes, core::kRunBytes);
    EXPECT_GT((kFlood - lost) * kBytes, core::kRunBytes / 2 - kBytes);
    resolver().tell(kSlow);
    ASSERT_TRUE(hears(kFlood - lost));
    expect_in_order(0, kBytes, lost);
    relay.stop();
}

// So many at a time and no more: who asks for further ones is not served until some are known.
TEST(ManyNames, AreBounded) {
    constexpr std::size_t kFlood = 20;
    Relay relay(1, Weather::calm(), {.encoding = PacketEncoding::xudp}, core::Limits{});
    FixedResolver& resolver = relay.server.resolver();
    SocksMailer& app = relay.associate();
    ASSERT_TRUE(relay.until([&] { return app.relay().has_value(); }));
    const auto name = [](std::size_t each) { return std::to_string(each) + ".example"; };
    for (std::size_t each = 0; each < kFlood; ++each) {
        resolver.add(name(each), kTargetHost);
        resolver.hold(name(each));
        app.say(name(each), kTargetPort, pattern(each, 10));
        relay.sleep(milliseconds(20));
    }
    EXPECT_EQ(resolver.waiting(), 8u);
    EXPECT_EQ(relay.server.stats().datagrams_overrun.read(), kFlood - 8);
    app.say(relay.target.at(), pattern(1, 20));
    ASSERT_TRUE(relay.until([&] { return relay.target.heard().size() == 1; }));
    resolver.tell(name(3));
    ASSERT_TRUE(relay.until([&] { return relay.target.heard().size() == 2; }));
    EXPECT_EQ(relay.target.heard().back().bytes, pattern(3, 10));
    app.say(name(kFlood - 1), kTargetPort, pattern(2, 20));
    ASSERT_TRUE(relay.until([&] { return resolver.lookups() == 9; }));
    EXPECT_EQ(resolver.waiting(), 8u);
    relay.stop();
}

// Eight slots: what waits for names leaves a quarter of them to those who receive.
TEST_F(Names, LeaveSlotsToOthers) {
    for (std::size_t each = 0; each < 8; ++each) {
        const std::string name = std::to_string(each) + ".example";
        resolver().hold(name);
        say_apart(name, 100, 0, 1);
    }
    const core::Pools& pools = relay.server.pools();
    EXPECT_GE(pools.in.free_slots(), pools.in.slots() / 4);
    EXPECT_GE(pools.run.free_slots(), pools.run.slots() / 4);
    const std::size_t kept = pools.in.used_slots() + pools.run.used_slots();
    EXPECT_LT(kept, 8u);
    EXPECT_EQ(stats().datagrams_overrun.read(), 8 - kept);
    app.say(relay.target.at(), pattern(1, 20));
    ASSERT_TRUE(hears(1));
    relay.stop();
}

// There is no such name: what has waited is dropped, and for a while nobody asks again.
TEST_F(Names, OneThatIsNotThereIsRemembered) {
    resolver().hold("nobody.example");
    say_apart("nobody.example", 10, 0, 3);
    EXPECT_EQ(stats().datagrams_unsent.read(), 0u);
    resolver().tell("nobody.example");
    ASSERT_TRUE(relay.until([&] { return stats().datagrams_unsent.read() == 3; }));
    say_apart("nobody.example", 10, 3, 4);
    EXPECT_EQ(stats().datagrams_unsent.read(), 4u);
    EXPECT_EQ(resolver().lookups(), 1u);
    EXPECT_TRUE(relay.server.pools_are_full());
    resolver().add("nobody.example", kTargetHost);
    let_pass(relay, seconds(6));
    say_apart("nobody.example", 10, 4, 5);
    ASSERT_TRUE(hears(1));
    EXPECT_EQ(resolver().lookups(), 2u);
    relay.stop();
}

// Nobody answers, ever; the association stays, and the name counts as one that is not there.
TEST_F(Names, AQuestionHasADeadline) {
    say_apart(kSlow, 10, 0, 1);
    EXPECT_EQ(resolver().waiting(), 1u);
    let_pass(relay, seconds(17));
    EXPECT_EQ(resolver().waiting(), 0u);
    EXPECT_EQ(stats().datagrams_unsent.read(), 1u);
    EXPECT_TRUE(relay.server.pools_are_full());
    app.say(relay.target.at(), pattern(1, 10));
    ASSERT_TRUE(hears(1));
    relay.stop();
}

TEST_F(Names, AServerThatStopsAsksNoMore) {
    say_apart(kSlow, 100, 0, 3);
    ASSERT_EQ(resolver().waiting(), 1u);
    relay.stop();
    EXPECT_EQ(resolver().waiting(), 0u);
}

// The client goes away; its association ends in the middle of a question.
TEST_F(Names, AnAssociationThatEndsAsksNoMore) {
    resolver().hold("other.example");
    say_apart(kSlow, 100, 0, 3);
    say_apart("other.example", 7000, 0, 3);
    ASSERT_EQ(resolver().waiting(), 2u);
    EXPECT_FALSE(relay.server.pools_are_full());
    app.hang_up();
    ASSERT_TRUE(relay.until([&] { return stats().open_sessions.read() == 0; }));
    EXPECT_EQ(resolver().waiting(), 0u);
    EXPECT_TRUE(relay.server.pools_are_full());
    resolver().tell(kSlow);
    relay.sleep(seconds(1));
    EXPECT_EQ(relay.target.heard().size(), 0u);
    relay.stop();
}

// As windy as it gets without datagrams that overtake each other. They leave slowly, and come to
// the server as they are said.
Weather late() {
    Weather made = Weather::windy();
    made.delay_least = milliseconds(10);
    made.buffer_bytes_least = 50'000;
    made.overtake = 0;
    return made;
}

// More comes while those that have waited leave, of which a port takes some at a time. In the sizes
// is their order.
constexpr std::size_t kStream = 120;

void say_stream(Relay& relay, SocksMailer& app, std::uint64_t seed) {
    for (std::size_t each = 0; each < kStream; ++each) {
        app.say(kSlow, kTargetPort, pattern(each, 100 + each));
        let_pass(relay, milliseconds(1));
        if (each == 60 + seed % 30) {
            relay.server.resolver().tell(kSlow);
        }
    }
}

void prepare(Relay& relay) {
    relay.server.resolver().add(kSlow, kTargetHost);
    relay.server.resolver().hold(kSlow);
}

TEST(LateNames, KeepTheOrder) {
    for_each_seed(60, [](std::uint64_t seed) {
        Relay relay(seed, late(), {.encoding = PacketEncoding::xudp}, core::Limits{});
        prepare(relay);
        SocksMailer& app = relay.associate();
        ASSERT_TRUE(relay.until([&] { return app.relay().has_value(); }));
        say_stream(relay, app, seed);
        const auto& heard = relay.target.heard();
        const bool all = relay.until([&] {
            return heard.size() + relay.server.stats().datagrams_overrun.read() >= kStream;
        });
        EXPECT_TRUE(all) << heard.size();
        EXPECT_TRUE(std::ranges::is_sorted(
            heard, {}, [](const Mailer::Letter& one) { return one.bytes.size(); }));
        relay.stop();
    });
}

// In the middle of sending what has waited, for which the port has no room at once.
TEST(LateNames, EndAtAnyTime) {
    for_each_seed(60, [](std::uint64_t seed) {
        Relay relay(seed, late(), {.encoding = PacketEncoding::xudp}, core::Limits{});
        prepare(relay);
        FixedResolver& resolver = relay.server.resolver();
        SocksMailer& app = relay.associate();
        ASSERT_TRUE(relay.until([&] { return app.relay().has_value(); }));
        for (std::size_t each = 0; each < core::kPacketsMax; ++each) {
            app.say(kSlow, kTargetPort, pattern(each, 100));
            let_pass(relay, milliseconds(1));
        }
        let_pass(relay, milliseconds(100));
        resolver.tell(kSlow);
        ASSERT_TRUE(relay.until([&] { return resolver.waiting() == 0; }));
        const std::size_t enough = seed % 3;
        ASSERT_TRUE(relay.until([&] { return relay.target.heard().size() >= enough; }));
        relay.stop();
    });
}

}  // namespace
}  // namespace ferry::sim::udp
