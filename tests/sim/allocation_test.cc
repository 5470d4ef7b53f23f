// Ports that come and go, over hours of virtual time.
//
// Promise: every `refresh` minutes `concurrency` new ports open, none of which listens already;
// each listens for twice that time, and what was connected through it lives on.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "tests/sim/apps.h"
#include "tests/sim/configs.h"
#include "tests/sim/node.h"

namespace ferry::sim {
namespace {

constexpr std::uint16_t kFirst = 20000;
constexpr std::uint16_t kLast = 20029;
constexpr auto kRefresh = std::chrono::minutes(5);
constexpr std::size_t kConcurrency = 4;

core::config::Config changing_config(std::uint16_t last = kLast) {
    core::config::Config config;
    core::config::Inbound inbound;
    inbound.listen = proto::ipv4({10, 0, 0, 2}, 0);
    inbound.ports = {kFirst, last};
    inbound.allocate = {core::config::Allocate::Strategy::random, 5, kConcurrency};
    inbound.settings = core::config::VmessInbound{};
    config.inbounds.push_back(inbound);
    config.outbounds.push_back(freedom_outbound());
    return config;
}

// Does somebody accept at this port?
io::Task<void> knock(Host& host, std::uint16_t port, std::optional<bool>& answered) {
    io::Scope scope(host.loop, &host.root);
    auto socket = co_await io::Socket::connect(scope, kServerHost.with_port(port));
    answered = socket.has_value();
}

// Holds a connection until the peer ends it.
io::Task<void> hold(Host& host, std::uint16_t port, bool& ended) {
    io::Scope scope(host.loop, &host.root);
    auto socket = co_await io::Socket::connect(scope, kServerHost.with_port(port));
    if (socket) {
        io::Buffer in;
        auto got = co_await socket->recv(in);
        (void)got;
    }
    ended = true;
}

class Ports {
public:
    explicit Ports(std::uint64_t seed, std::uint16_t last = kLast)
        : world(seed),
          host(world, *io::Endpoint::from_literal("10.0.0.9", 0)),
          server(world, kServerHost, changing_config(last), dispatch(), core::Limits{}) {}
    ~Ports() {
        server.stop(std::chrono::seconds(0));
        (void)world.run([this] { return server.ended(); });
    }

    bool answers(std::uint16_t port) {
        std::optional<bool> answered;
        host.root.spawn(knock(host, port, answered));
        (void)world.run([&] { return answered.has_value(); });
        return answered.value_or(false);
    }
    void pass(io::Duration time) {
        const io::TimePoint until = world.now() + time;
        world.at(until, [] {});
        (void)world.run([&] { return world.now() >= until; });
    }
    std::set<std::uint16_t> listening() const {
        const std::vector<std::uint16_t> ports = server.listening(0);
        return {ports.begin(), ports.end()};
    }

    World world;
    Host host;
    Node server;
};

TEST(AllocationTest, OpensNewPortsEveryRefreshAndClosesThemAfterTwo) {
    Ports ports(1);
    ports.pass(std::chrono::seconds(1));
    std::set<std::uint16_t> before = ports.listening();
    ASSERT_EQ(before.size(), kConcurrency);
    std::set<std::uint16_t> young = before;
    for (int turn = 1; turn <= 40; ++turn) {
        ports.pass(kRefresh);
        const std::set<std::uint16_t> now = ports.listening();
        ASSERT_EQ(now.size(), 2 * kConcurrency) << turn;
        EXPECT_TRUE(std::ranges::includes(now, young)) << "closed before its time, turn " << turn;
        std::set<std::uint16_t> next;
        std::ranges::set_difference(now, young, std::inserter(next, next.end()));
        EXPECT_EQ(next.size(), kConcurrency) << turn;
        for (const std::uint16_t port : now) {
            EXPECT_TRUE(port >= kFirst && port <= kLast) << port;
        }
        young = next;
    }
}

TEST(AllocationTest, WhatIsOpenAnswersAndNothingElseDoes) {
    Ports ports(2);
    for (int turn = 0; turn < 3; ++turn) {
        ports.pass(std::chrono::seconds(30));
        const std::set<std::uint16_t> open = ports.listening();
        for (std::uint16_t port = kFirst; port <= kLast; ++port) {
            EXPECT_EQ(ports.answers(port), open.contains(port)) << port << " in turn " << turn;
        }
        ports.pass(kRefresh);
    }
}

// The handshake's deadline alone ends the connection, a minute after it began; its port may be gone
// by then.
TEST(AllocationTest, ConnectionsOutliveTheirPort) {
    Ports ports(3);
    ports.pass(std::chrono::seconds(1));
    const std::uint16_t port = *ports.listening().begin();
    ports.pass(2 * kRefresh - std::chrono::seconds(31));
    bool ended = false;
    ports.host.root.spawn(hold(ports.host, port, ended));
    ports.pass(std::chrono::seconds(50));
    EXPECT_FALSE(ports.listening().contains(port));
    EXPECT_FALSE(ports.answers(port));
    EXPECT_FALSE(ended) << "the connection went with its port";
    ports.pass(std::chrono::seconds(30));
    EXPECT_TRUE(ended);
}

// Twice the concurrency is all there is: every port is in use, and each turn finds those that have
// just closed.
TEST(AllocationTest, WorksWithTheLeastRangeThatIsAllowed) {
    Ports ports(4, kFirst + 2 * kConcurrency - 1);
    ports.pass(std::chrono::seconds(1));
    for (int turn = 0; turn < 12; ++turn) {
        ports.pass(kRefresh);
        EXPECT_EQ(ports.listening().size(), 2 * kConcurrency) << turn;
    }
}

TEST(AllocationTest, EveryPortHasItsTurn) {
    Ports ports(5);
    std::set<std::uint16_t> seen;
    for (int turn = 0; turn < 100; ++turn) {
        ports.pass(kRefresh);
        seen.merge(ports.listening());
    }
    EXPECT_EQ(seen.size(), std::size_t{kLast - kFirst + 1});
}

}  // namespace
}  // namespace ferry::sim
