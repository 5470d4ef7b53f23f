// How a core gets its ports at the start, in virtual time.
//
// Promise: a port that is taken is tried again for two seconds, all ports of a core together; if it
// becomes free, the core serves there, else the words say what has always been said. Ports that
// come and go wait for nothing.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/sim/apps.h"
#include "tests/sim/configs.h"
#include "tests/sim/node.h"

namespace ferry::sim {
namespace {

using std::chrono::milliseconds;

core::config::Inbound inbound_at(std::uint16_t first, std::uint16_t last) {
    core::config::Inbound inbound;
    inbound.listen = proto::ipv4({10, 0, 0, 2}, 0);
    inbound.ports = {first, last};
    inbound.settings = core::config::VmessInbound{};
    return inbound;
}

core::config::Config config_of(const core::config::Inbound& inbound) {
    core::config::Config config;
    config.inbounds.push_back(inbound);
    config.outbounds.push_back(freedom_outbound());
    return config;
}

// The machine of the server, where another program has some ports.
class Machine {
public:
    Machine() : world(1), host(world, kServerHost) {}
    ~Machine() {
        if (node && node->claimed()) {
            node->stop(std::chrono::seconds(0));
            (void)world.run([this] { return node->ended(); });
        }
    }

    void take(std::uint16_t port) {
        others.push_back(
            *io::Listener::open(host.root, kServerHost.with_port(port), io::Sharing::first));
    }
    void free_first_after(io::Duration time) {
        world.at(world.now() + time, [this] { others.erase(others.begin()); });
    }
    // Starts the server.
    //
    //   gives  how long it took
    io::Duration start(const core::config::Inbound& inbound) {
        const io::TimePoint before = world.now();
        node.emplace(world, kServerHost, config_of(inbound), dispatch(), core::Limits{});
        return world.now() - before;
    }
    std::ptrdiff_t lines_about_waiting() {
        return std::ranges::count_if(node->log(), [](const std::string& line) {
            return line.find("is taken: trying again") != std::string::npos;
        });
    }

    World world;
    Host host;
    std::vector<io::Listener> others;
    std::optional<Node> node;
};

TEST(ClaimTest, AFreePortIsThereAtOnce) {
    Machine machine;
    EXPECT_EQ(machine.start(inbound_at(443, 445)), io::Duration::zero());
    EXPECT_EQ(machine.node->at(2).port(), 445);
    EXPECT_EQ(machine.lines_about_waiting(), 0);
}

TEST(ClaimTest, APortThatBecomesFreeIsWaitedFor) {
    for (const int taken_ms : {1, 49, 700, 1990}) {
        Machine machine;
        machine.take(443);
        machine.free_first_after(milliseconds(taken_ms));
        const io::Duration took = machine.start(inbound_at(443, 443));
        ASSERT_TRUE(machine.node->claimed()) << machine.node->claimed().error();
        EXPECT_EQ(machine.node->at(0).port(), 443);
        EXPECT_GE(took, milliseconds(taken_ms));
        EXPECT_LE(took, milliseconds(taken_ms) + core::kClaimPause);
        EXPECT_EQ(machine.lines_about_waiting(), 1) << "one line, however often it tries";
    }
}

TEST(ClaimTest, APortThatStaysTakenIsAnErrorAfterTwoSeconds) {
    Machine machine;
    machine.take(444);
    EXPECT_EQ(machine.start(inbound_at(443, 445)), std::chrono::seconds(2));
    ASSERT_FALSE(machine.node->claimed());
    EXPECT_EQ(machine.node->claimed().error(),
              "failed to listen on 10.0.0.2:444: Address already in use; another program has this "
              "port: stop it, or choose another port");
}

TEST(ClaimTest, SeveralPortsShareTheTime) {
    Machine machine;
    machine.take(443);
    machine.take(444);
    machine.free_first_after(milliseconds(1500));
    EXPECT_EQ(machine.start(inbound_at(443, 444)), std::chrono::seconds(2));
    EXPECT_FALSE(machine.node->claimed());
    EXPECT_EQ(machine.lines_about_waiting(), 2);
}

TEST(ClaimTest, PortsThatComeAndGoWaitForNothing) {
    Machine machine;
    machine.take(20000);
    core::config::Inbound changing = inbound_at(20000, 20003);
    changing.allocate = {core::config::Allocate::Strategy::random, 5, 3};
    EXPECT_EQ(machine.start(changing), io::Duration::zero());
    EXPECT_EQ(machine.node->listening(0).size(), 3U) << "the other ones, at once";
    EXPECT_EQ(machine.lines_about_waiting(), 0);
}

}  // namespace
}  // namespace ferry::sim
