// Datagrams through the real client and the real server between two programs, in virtual time.
//
// Promise: a program hears datagrams that were sent to it, each whole, from whom they say they are;
// whatever the network does. Associations end, and afterwards every slot is back and nothing waits.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <ostream>

#include "tests/sim/apps.h"
#include "tests/sim/mail.h"
#include "tests/sim/node.h"

namespace ferry::sim {
namespace {

using core::config::PacketEncoding;
using core::config::Security;

const io::Endpoint kClientHost = *io::Endpoint::from_literal("10.0.0.1", 0);
const io::Endpoint kTargetHost = *io::Endpoint::from_literal("10.0.0.3", 0);
constexpr std::uint16_t kVmessPort = 10086;
constexpr std::uint16_t kTargetPort = 53;
constexpr auto kIdle = core::config::Seconds(30);

struct Choices {
    Security security = Security::automatic;
    bool sealed_lengths = false;
    std::uint16_t alter_id = 0;
    PacketEncoding encoding = PacketEncoding::none;
};

void set_times(core::config::Config& config) {
    core::config::Level level;
    level.idle = kIdle;
    config.policy.levels.emplace(0, level);
}

core::config::Config server_config(const Choices& choices) {
    core::config::Config config;
    set_times(config);
    core::config::Inbound inbound;
    inbound.listen = proto::ipv4({10, 0, 0, 2}, 0);
    inbound.ports = {kVmessPort, kVmessPort};
    core::config::VmessInbound settings;
    core::config::VmessClient client;
    client.id = user();
    client.alter_id = choices.alter_id;
    settings.clients.push_back(client);
    inbound.settings = settings;
    config.inbounds.push_back(inbound);
    core::config::Outbound outbound;
    outbound.settings = core::config::FreedomOutbound{};
    config.outbounds.push_back(outbound);
    return config;
}

core::config::Config client_config(const Choices& choices) {
    core::config::Config config;
    set_times(config);
    core::config::Inbound door;
    door.listen = proto::ipv4({10, 0, 0, 1}, 0);
    door.ports = {0, 0};  // one number for both
    core::config::DokodemoInbound to_target;
    to_target.target = proto::ipv4({10, 0, 0, 3}, kTargetPort);
    to_target.networks = {.tcp = true, .udp = true};
    door.settings = to_target;
    config.inbounds.push_back(door);
    core::config::Inbound socks;
    socks.listen = proto::ipv4({10, 0, 0, 1}, 0);
    socks.ports = {1080, 1080};
    core::config::SocksInbound associations;
    associations.udp = true;
    socks.settings = associations;
    config.inbounds.push_back(socks);

    core::config::VmessAccount account;
    account.id = user();
    account.security = choices.security;
    account.authenticated_length = choices.sealed_lengths;
    account.alter_id = choices.alter_id;
    core::config::VmessServer server;
    server.address = proto::ipv4({10, 0, 0, 2}, kVmessPort);
    server.users.push_back(account);
    core::config::VmessOutbound vmess;
    vmess.servers.push_back(server);
    vmess.packet_encoding = choices.encoding;
    core::config::Outbound outbound;
    outbound.settings = vmess;
    config.outbounds.push_back(outbound);
    return config;
}

// Few, but a large datagram may wait in a slot while another one comes.
core::Limits few_slots() {
    core::Limits limits = tight_limits();
    limits.run_buffers = 6;
    return limits;
}

// A relay of two nodes, with a program on either side.
class Relay {
public:
    explicit Relay(std::uint64_t seed, Weather weather = Weather::calm(), Choices choices = {},
                   const core::Limits& limits = few_slots())
        : world(seed, weather),
          here(world, kClientHost),
          there(world, kTargetHost),
          server(world, kServerHost, server_config(choices), dispatch(), limits),
          client(world, kClientHost, client_config(choices), dispatch(), limits),
          target(there, kTargetHost.with_port(kTargetPort), Mailer::Answer::echo) {
        server.make_tokens();
    }

    SocksMailer& associate() {
        return *callers.emplace_back(std::make_unique<SocksMailer>(here, client.at(1)));
    }
    Mailer& knock() {
        return *mailers.emplace_back(std::make_unique<Mailer>(here, kClientHost));
    }
    bool until(const std::function<bool()>& there_is) {
        return world.run(there_is, std::chrono::minutes(10)) == Ended::satisfied;
    }
    void sleep(io::Duration time) {
        (void)world.run([] { return false; }, time);
    }

    // Everything ends, and everything is back where it belongs.
    void stop() {
        target.close();
        for (const auto& caller : callers) {
            caller->close();
        }
        for (const auto& mailer : mailers) {
            mailer->close();
        }
        server.stop(io::Duration::zero());
        client.stop(io::Duration::zero());
        const bool ended = until([this] {
            const auto closed = [](const auto& one) { return one->closed(); };
            return server.ended() && client.ended() && target.closed() &&
                   std::ranges::all_of(callers, closed) && std::ranges::all_of(mailers, closed);
        });
        EXPECT_TRUE(ended) << world.describe();
        EXPECT_TRUE(server.pools_are_full());
        EXPECT_TRUE(client.pools_are_full());
        EXPECT_EQ(server.stats().open_sessions.read(), 0u);
        EXPECT_EQ(client.stats().open_sessions.read(), 0u);
    }

    World world;
    Host here;
    Host there;
    Node server;
    Node client;
    Mailer target;
    std::vector<std::unique_ptr<SocksMailer>> callers;
    std::vector<std::unique_ptr<Mailer>> mailers;
};

// 65 437: with an address of 19 bytes, a tag of 16 and a padding of 63 it fills a chunk of 65 535.
constexpr std::array<std::size_t, 11> kSizes = {1,    15,   16,    17,    512,   1350,
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

std::ostream& operator<<(std::ostream& out, const Choices& choices) {
    return out << static_cast<int>(choices.security) << '/' << choices.sealed_lengths << '/'
               << choices.alter_id << '/' << static_cast<int>(choices.encoding);
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
    ASSERT_TRUE(
        relay.until([&] { return relay.client.stats().datagrams_unsent.read() == 1; }));
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
    ASSERT_TRUE(
        relay.until([&] { return relay.server.stats().datagrams_strange.read() == 1; }));
    // And the relay itself takes datagrams from its client alone.
    stranger.say(*app.relay(), {0, 0, 0, 1, 10, 0, 0, 3, 0, 53, 1, 2, 3});
    ASSERT_TRUE(
        relay.until([&] { return relay.client.stats().datagrams_strange.read() == 1; }));
    app.mailer.say(*app.relay(), {0, 0, 1, 1, 10, 0, 0, 3, 0, 53, 1, 2, 3});  // a piece
    app.mailer.say(*app.relay(), {0, 0, 0, 7, 10, 0, 0, 3, 0, 53, 1, 2, 3});  // what is 7?
    app.mailer.say(*app.relay(), {0, 0});
    app.mailer.say(*app.relay(), {});
    ASSERT_TRUE(
        relay.until([&] { return relay.client.stats().datagrams_malformed.read() == 4; }));
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
    ASSERT_TRUE(relay.until(
        [&] { return relay.client.stats().associations_refused.read() == 2; }));
    EXPECT_EQ(relay.client.stats().open_sessions.read(), 3u);
    relay.stop();
}

// ---- any weather

std::uint64_t seeds() {
    const char* wanted = std::getenv("FERRY_SEEDS");
    return wanted == nullptr ? 300 : std::strtoull(wanted, nullptr, 10);
}

std::vector<std::uint64_t> chosen_seeds() {
    if (const char* one = std::getenv("FERRY_SEED")) {
        return {std::strtoull(one, nullptr, 10)};
    }
    std::vector<std::uint64_t> all(seeds());
    for (std::uint64_t index = 0; index < all.size(); ++index) {
        all[index] = index + 1;
    }
    return all;
}

Choices some_choices(std::uint64_t seed) {
    constexpr std::array kSecurities = {Security::aes_128_gcm, Security::chacha20_poly1305,
                                        Security::none};
    return {.security = kSecurities[seed % kSecurities.size()],
            .sealed_lengths = seed % 5 == 0,
            .alter_id = static_cast<std::uint16_t>(seed % 7 == 0 ? 2 : 0),
            .encoding = seed % 2 == 0 ? PacketEncoding::packet : PacketEncoding::none};
}

constexpr std::size_t kBurst = 25;

std::size_t some_size(std::uint64_t seed, std::size_t index) {
    const std::uint64_t drawn = (seed * 31 + index) * 0x9e3779b97f4a7c15 >> 40;
    return 1 + (index % 5 == 0 ? drawn % 60'000 : drawn % 1500);
}

// Says a few things in both ways, if there are any.
void chat(Relay& relay, std::uint64_t seed) {
    SocksMailer& app = relay.associate();
    Mailer& other = relay.knock();
    for (std::size_t index = 0; index < kBurst; ++index) {
        other.say(relay.client.at(0), pattern(index, some_size(seed, index)));
    }
    if (relay.until([&] { return app.relay().has_value() || app.hung_up(); }) && app.relay() &&
        app.relay()->port() != 0) {
        for (std::size_t index = 0; index < kBurst; ++index) {
            app.say(relay.target.at(), pattern(100 + index, some_size(seed, index)));
        }
    }
}

// Whatever was heard was said.
void judge(const Relay& relay, std::uint64_t seed) {
    const auto is_said = [&](const Bytes& heard, std::size_t first) {
        for (std::size_t index = 0; index < kBurst; ++index) {
            if (heard == pattern(first + index, some_size(seed, index))) {
                return true;
            }
        }
        return false;
    };
    for (const Mailer::Letter& letter : relay.mailers.at(0)->heard()) {
        EXPECT_TRUE(is_said(letter.bytes, 0)) << "seed " << seed;
    }
    for (const Mailer::Letter& letter : relay.callers.at(0)->heard()) {
        EXPECT_TRUE(is_said(letter.bytes, 100)) << "seed " << seed;
        EXPECT_EQ(letter.peer, relay.target.at()) << "seed " << seed;
    }
    for (const Mailer::Letter& letter : relay.target.heard()) {
        EXPECT_TRUE(is_said(letter.bytes, 0) || is_said(letter.bytes, 100)) << "seed " << seed;
    }
}

TEST(UdpWeather, WhatIsHeardWasSaid) {
    std::size_t heard = 0;
    for (const std::uint64_t seed : chosen_seeds()) {
        const Weather weather = seed % 2 == 0 ? Weather::windy() : Weather::stormy();
        Relay relay(seed, weather, some_choices(seed));
        chat(relay, seed);
        relay.sleep(std::chrono::seconds(20));
        judge(relay, seed);
        heard += relay.mailers.at(0)->heard().size() + relay.callers.at(0)->heard().size();
        relay.stop();
        ASSERT_FALSE(testing::Test::HasFailure()) << "seed " << seed;
    }
    // More than half of all, although some queues are short and some connections break.
    EXPECT_GT(heard, chosen_seeds().size() * kBurst);
}

TEST(UdpWeather, MayStopAtAnyTime) {
    for (const std::uint64_t seed : chosen_seeds()) {
        Relay relay(seed, Weather::windy(), some_choices(seed));
        chat(relay, seed);
        relay.sleep(std::chrono::milliseconds(seed * 7 % 400));
        relay.stop();
        ASSERT_FALSE(testing::Test::HasFailure()) << "seed " << seed;
    }
}

TEST(UdpWeather, SurvivesTheFailureOfAnyOperation) {
    constexpr std::array kKinds = {io::Op::Kind::connect, io::Op::Kind::recv_slot,
                                   io::Op::Kind::recv, io::Op::Kind::send, io::Op::Kind::poll};
    for (const io::Op::Kind kind : kKinds) {
        for (std::uint64_t nth = 0;; ++nth) {
            Relay relay(7, Weather::calm(), some_choices(nth));
            relay.world.fail_nth(kind, nth, EIO);
            chat(relay, 7);
            relay.sleep(std::chrono::seconds(5));
            judge(relay, 7);
            const bool all = relay.world.count(kind) <= nth;
            relay.stop();
            ASSERT_FALSE(testing::Test::HasFailure())
                << "kind " << static_cast<int>(kind) << ", number " << nth;
            if (all || nth > 400) {
                break;
            }
        }
    }
}

}  // namespace
}  // namespace ferry::sim
