// Users among strangers, in virtual time.
//
// Promise: a flood of strangers stops no user, whether they are known at their address or new; a
// user whose clock is off is named in the log, once a minute; a user who is removed is cut at once,
// and nobody else is.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>

#include "crypto/dispatch.h"
#include "proto/vmess/body.h"
#include "proto/vmess/keys.h"
#include "tests/sim/apps.h"
#include "tests/sim/configs.h"
#include "tests/sim/node.h"

namespace ferry::sim {
namespace {

constexpr std::uint32_t kUsers = 200;              // a search is 256 trials
constexpr std::uint32_t kSearchesPerSecond = 100;  // 75 for newcomers

proto::vmess::UserId id_of(std::uint32_t number) {
    proto::vmess::UserId id = user();
    crypto::store_be(id.bytes.data() + 4, number);
    return id;
}

core::config::Config config_with(std::uint32_t users) {
    core::config::Config config;
    core::config::VmessInbound settings;
    for (std::uint32_t number = 0; number < users; ++number) {
        core::config::VmessClient client;
        client.id = id_of(number);
        client.email = number % 2 == 0 ? "user" + std::to_string(number) : "";
        settings.clients.push_back(client);
    }
    core::config::Inbound inbound = vmess_inbound();
    inbound.settings = settings;
    config.inbounds.push_back(inbound);
    config.outbounds.push_back(freedom_outbound());
    return config;
}

core::Limits limits_of_a_slow_machine() {
    core::Limits limits;
    limits.trials.per_second = kSearchesPerSecond * 256;
    limits.trials.per_second_per_address = kSearchesPerSecond * 256 / 10;
    limits.trials.waiting = 2000;
    return limits;
}

// What somebody who connects is told, and when.
struct Visit {
    bool is_served = false;  // the response header has come
    io::Duration served_after{};
    bool is_over = false;
};

io::Task<void> visit(Host& host, io::Endpoint at, Bytes bytes, Visit& seen) {
    io::Scope scope(host.loop, &host.root);
    const io::TimePoint start = host.loop.now();
    auto socket = co_await io::Socket::connect(scope, at);
    if (!socket) {
        seen.is_over = true;
        co_return;
    }
    auto sent = co_await socket->send(bytes);
    (void)sent;  // a server that closes early shows in what is received
    for (;;) {
        io::Buffer in;
        auto got = co_await socket->recv(in);
        if (!got || *got == 0) {
            break;
        }
        if (!std::exchange(seen.is_served, true)) {
            seen.served_after = host.loop.now() - start;
        }
    }
    seen.is_over = true;
}

// A server with many users, and hosts that visit it.
class Town {
public:
    // A target that waits keeps its connections open; the other one answers at once.
    explicit Town(std::uint32_t users = kUsers, bool target_waits = false,
                  const crypto::Dispatch& rows = dispatch())
        : world(1),
          server(world, kServerHost, config_with(users), rows, limits_of_a_slow_machine()),
          target_host(world, kTargetHost),
          target(target_host, kTargetHost.with_port(80),
                 {.up = {}, .down = pattern(2, 10), .target_waits = target_waits}) {}
    ~Town() {
        server.stop(std::chrono::seconds(0));
        target.close();
        (void)world.run([this] { return server.ended() && target.closed() && all_over(); });
    }

    Host& host(const std::string& at) {
        hosts.push_back(std::make_unique<Host>(world, *io::Endpoint::from_literal(at, 0)));
        return *hosts.back();
    }
    Visit& go(Host& from, Bytes bytes) {
        visits.push_back(std::make_unique<Visit>());
        from.root.spawn(visit(from, server.at(0), std::move(bytes), *visits.back()));
        return *visits.back();
    }
    // A genuine request, a new one with each call.
    Bytes request_of(std::uint32_t number, std::int64_t ahead = 0) {
        std::array<std::uint8_t, 32> seed{};
        crypto::store_be(seed.data(), ++requests);
        crypto::Random random(seed);
        proto::vmess::Request request;
        const auto offer =
            proto::vmess::offer_for(proto::vmess::BodyChoice::aes128_gcm,
                                    proto::vmess::Command::tcp, proto::vmess::SealedLengths::off);
        request.security = offer.security;
        request.options = offer.options;
        request.target = proto::ipv4({10, 0, 0, 3}, 80);
        proto::vmess::draw_secrets(request, random);
        Bytes wire(proto::vmess::kSealedRequestBytesMax);
        wire.resize(proto::vmess::seal_new_request(dispatch(), random,
                                                   proto::vmess::CommandKey(id_of(number)),
                                                   world.unix_seconds() + ahead, request, wire));
        return wire;
    }
    bool all_over() const {
        return std::ranges::all_of(visits, [](const auto& one) { return one->is_over; });
    }
    void pass(io::Duration time) {
        (void)world.run([] { return false; }, time);
    }
    std::size_t lines_with(std::string_view words) {
        return static_cast<std::size_t>(std::ranges::count_if(
            server.log(), [words](const std::string& line) { return line.contains(words); }));
    }

    World world;
    std::vector<std::unique_ptr<Host>> hosts;
    Node server;
    Host target_host;
    Target target;
    std::vector<std::unique_ptr<Visit>> visits;
    std::uint64_t requests = 0;
};

TEST(Users, AFloodStopsNeitherAKnownUserNorANewOne) {
    Town town;
    Host& home = town.host("10.0.0.8");
    const Visit& first = town.go(home, town.request_of(5));
    ASSERT_EQ(town.world.run([&] { return first.is_served; }), Ended::satisfied);
    EXPECT_EQ(town.server.stats().searches.read(), 1U);

    // Five times as many searches as there is room for, again and again from the same addresses.
    std::vector<Host*> crowd;
    for (int number = 0; number < 20; ++number) {
        crowd.push_back(&town.host("10.0.1." + std::to_string(number)));
    }
    const auto flood = [&] {
        for (std::size_t index = 0; index < crowd.size(); ++index) {
            for (int times = 0; times < 25; ++times) {
                town.go(*crowd[index], pattern(town.visits.size(), 100));
            }
        }
    };
    for (int second = 0; second < 5; ++second) {
        flood();
        town.pass(std::chrono::seconds(1));
    }
    core::StatsShard& stats = town.server.stats();
    EXPECT_GT(stats.search_waits.read(), 100U);
    EXPECT_GT(stats.search_refusals.read(), 100U);

    flood();
    const Visit& known = town.go(home, town.request_of(5));
    const Visit& fresh = town.go(town.host("10.0.0.7"), town.request_of(77));
    ASSERT_EQ(town.world.run([&] { return known.is_served && fresh.is_served; },
                             std::chrono::seconds(30)),
              Ended::satisfied);
    EXPECT_EQ(known.served_after, io::Duration::zero());
    EXPECT_EQ(stats.known_callers.read(), 1U);
    // Some time goes by in the queue of the listener, which a flood fills; none in ours.
    EXPECT_LE(fresh.served_after, std::chrono::seconds(1));
}

TEST(Users, ANewcomerIsServedAmongNewcomers) {
    Town town;
    for (int number = 0; number < 200; ++number) {
        town.go(town.host("10.0.2." + std::to_string(number)), pattern(1 + number, 100));
    }
    const Visit& fresh = town.go(town.host("10.0.0.7"), town.request_of(77));
    ASSERT_EQ(town.world.run([&] { return fresh.is_served; }), Ended::satisfied);
    EXPECT_GT(fresh.served_after, std::chrono::seconds(1)) << "behind 200 searches, 75 a second";
    EXPECT_LE(fresh.served_after, std::chrono::seconds(4));
}

TEST(Users, OfOneAddressAUserIsFoundThoughStrangersComeFromThereToo) {
    Town town;
    Host& home = town.host("10.0.0.8");
    for (int number = 0; number < 40; ++number) {
        town.go(home, pattern(1 + number, 100));
    }
    const Visit& fresh = town.go(home, town.request_of(77));
    ASSERT_EQ(town.world.run([&] { return fresh.is_served; }), Ended::satisfied);
    const Visit& again = town.go(home, town.request_of(77));
    ASSERT_EQ(town.world.run([&] { return again.is_served; }), Ended::satisfied);
    EXPECT_EQ(again.served_after, io::Duration::zero());
}

TEST(Users, ManyConnectionsOfOneNewUserAreAllServed) {
    Town town;
    Host& home = town.host("10.0.0.8");
    for (int number = 0; number < 60; ++number) {
        town.go(home, town.request_of(9));
    }
    (void)town.world.run([&] { return town.all_over(); }, std::chrono::seconds(20));
    EXPECT_TRUE(std::ranges::all_of(town.visits, [](const auto& one) { return one->is_served; }));
}

TEST(Users, AnotherUserOfAKnownAddressIsFound) {
    Town town;
    Host& home = town.host("10.0.0.8");
    for (const std::uint32_t number : {5U, 180U, 5U, 180U, 70U, 6U, 130U, 5U}) {
        const Visit& one = town.go(home, town.request_of(number));
        ASSERT_EQ(town.world.run([&] { return one.is_served; }), Ended::satisfied) << number;
    }
    EXPECT_EQ(town.server.stats().searches.read(), 3U) << "once per block of 64";
}

// A row that takes every key for one that fits, as it happens by chance once in 2^32.
std::uint64_t find_everybody(const crypto::TrialKeys&, std::size_t count, const std::uint8_t*) {
    return (std::uint64_t{1} << count) - 1;
}

TEST(Users, KeysThatFitByChanceDoNotHideWhoIsMeant) {
    crypto::TrialRow row = *dispatch().aes128_trial;
    row.find = find_everybody;
    crypto::Dispatch careless = dispatch();
    careless.aes128_trial = &row;
    Town town(4, false, careless);
    for (std::uint32_t number = 0; number < 4; ++number) {
        // From an address that is new, and from one that is known for others.
        const std::string mine = "10.0.3." + std::to_string(number);
        for (const std::string& address : {mine, std::string("10.0.0.8")}) {
            const Visit& one = town.go(town.host(address), town.request_of(number));
            ASSERT_EQ(town.world.run([&] { return one.is_served || one.is_over; }),
                      Ended::satisfied);
            EXPECT_TRUE(one.is_served) << number << " from " << address;
        }
    }
    EXPECT_EQ(town.lines_with("email: user0"), 2U);
    EXPECT_EQ(town.lines_with("email: user2"), 2U);
    EXPECT_EQ(town.lines_with("accepted"), 8U);
}

TEST(Users, AClockThatIsOffIsNamedOnceAMinute) {
    Town town;
    Host& home = town.host("10.0.0.8");
    const auto send = [&](std::uint32_t number, std::int64_t ahead) {
        town.go(home, town.request_of(number, ahead));
        town.pass(std::chrono::milliseconds(10));
    };
    send(4, 600);
    send(4, 601);
    send(4, -300);
    send(5, -121);
    EXPECT_EQ(town.lines_with("[Warning]"), 2U);
    EXPECT_EQ(town.lines_with("the clock of user user4 at 10.0.0.8:"), 1U);
    EXPECT_EQ(town.lines_with("is 600 s ahead of ours; 120 s are allowed"), 1U);
    EXPECT_EQ(town.lines_with("the clock of user number 6, without e-mail at 10.0.0.8:"), 1U);
    EXPECT_EQ(town.lines_with("is 121 s behind ours; 120 s are allowed"), 1U);
    EXPECT_EQ(town.server.stats().wrong_clocks.read(), 4U);
    town.pass(std::chrono::seconds(61));
    send(4, 700);
    EXPECT_EQ(town.lines_with("is 700 s ahead of ours"), 1U);
    send(5, 120);
    send(5, -120);
    EXPECT_EQ(town.server.stats().wrong_clocks.read(), 5U) << "that is in the window";
}

TEST(Users, WhoeverIsRemovedIsCutAtOnceAndNobodyElse) {
    Town town(10, true);
    Host& home = town.host("10.0.0.8");
    const Visit& kept = town.go(home, town.request_of(3));
    const Visit& gone = town.go(home, town.request_of(9));
    const Bytes whole = town.request_of(9);
    const Visit& halfway = town.go(home, Bytes(whole.begin(), whole.end() - 1));
    town.pass(std::chrono::seconds(1));
    EXPECT_FALSE(kept.is_over || gone.is_over || halfway.is_over);
    EXPECT_EQ(town.target.heard().size(), 2U);

    const io::TimePoint before = town.world.now();
    town.server.install(config_with(9));
    (void)town.world.run([&] { return gone.is_over && halfway.is_over; });
    EXPECT_EQ(town.world.now() - before, io::Duration::zero());
    const auto removed = static_cast<std::size_t>(core::Outcome::removed);
    EXPECT_EQ(town.server.stats().outcomes[removed].read(), 2U);
    EXPECT_EQ(town.server.stats().open_sessions.read(), 1U);

    const Visit& back = town.go(home, town.request_of(9));
    const Visit& other = town.go(home, town.request_of(3));
    town.pass(std::chrono::seconds(1));
    EXPECT_FALSE(kept.is_over);
    EXPECT_FALSE(other.is_over);
    EXPECT_FALSE(back.is_served);
    EXPECT_EQ(town.target.heard().size(), 3U) << "the removed one has not come through again";
}

// A request that comes in two parts, the snapshot being replaced between them.
io::Task<void> dawdle(Host& host, io::Endpoint at, Bytes bytes, std::size_t first, Visit& seen) {
    io::Scope scope(host.loop, &host.root);
    auto socket = co_await io::Socket::connect(scope, at);
    auto sent = co_await socket->send(ByteView(bytes).first(first));
    auto slept = co_await host.loop.sleep_for(scope, std::chrono::seconds(2));
    auto rest = co_await socket->send(ByteView(bytes).subspan(first));
    io::Buffer in;
    auto got = co_await socket->recv(in);
    seen.is_served = sent && slept && rest && got && *got > 0;
    seen.is_over = true;
}

TEST(Users, ANewSnapshotHoldsAlsoForThoseWhoHaveNotSaidWhoTheyAre) {
    for (const std::uint32_t number : {3U, 9U}) {
        Town town(10);
        Host& home = town.host("10.0.0.8");
        town.visits.push_back(std::make_unique<Visit>());
        home.root.spawn(
            dawdle(home, town.server.at(0), town.request_of(number), 5, *town.visits.back()));
        town.pass(std::chrono::seconds(1));
        town.server.install(config_with(9));
        (void)town.world.run([&] { return town.all_over(); });
        EXPECT_EQ(town.visits.back()->is_served, number == 3U) << number;
    }
}

}  // namespace
}  // namespace ferry::sim
