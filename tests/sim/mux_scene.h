// Shared: programs that share connections between the real client and the real server.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "core/mux_carrier.h"
#include "tests/sim/apps.h"
#include "tests/sim/configs.h"
#include "tests/sim/node.h"

namespace ferry::sim {

using std::chrono::milliseconds;
using std::chrono::seconds;

inline constexpr std::uint16_t kTargetPort = 80;
inline constexpr std::uint16_t kOtherPort = 81;
// Above what a stream may leave behind: its inbox, and what sockets take on both sides.
inline constexpr std::size_t kMuch = core::MuxCarrier::kInboxBytesMax + 1'000'000;

// Nothing ends by itself unless a test says so.
inline core::config::Config base_config(const core::config::Level& level) {
    core::config::Config config;
    config.policy.levels.emplace(0, level);
    return config;
}

inline core::config::Config server_config(const core::config::Level& level) {
    core::config::Config config = base_config(level);
    config.inbounds.push_back(vmess_inbound());
    config.outbounds.push_back(freedom_outbound());
    return config;
}

inline core::config::Config client_config(std::uint16_t concurrency, std::uint16_t server_port,
                                          const core::config::Level& level) {
    core::config::Config config = base_config(level);
    for (const std::uint16_t port : {kTargetPort, kOtherPort}) {
        config.inbounds.push_back(door_inbound(static_cast<std::uint16_t>(1000 + port), port));
    }
    core::config::Outbound outbound;
    outbound.settings = through_server(user_account(), server_port);
    outbound.mux.streams = concurrency;
    config.outbounds.push_back(outbound);
    return config;
}

struct Choices {
    std::uint16_t concurrency = 8;
    Talk talk;   // at the first door
    Talk other;  // at the second one
    core::Limits limits;
    Weather weather = Weather::calm();
    std::uint64_t seed = 1;
    std::uint16_t server_port = kVmessPort;
    core::config::Level level = patient_level();
};

// Programs, a client, a server, two targets.
class Shared {
public:
    explicit Shared(const Choices& choices)
        : world(choices.seed, choices.weather),
          talk(choices.talk),
          other(choices.other),
          client_host(world, kClientHost),
          target_host(world, kTargetHost),
          server(world, kServerHost, server_config(choices.level), dispatch(), choices.limits),
          client(world, kClientHost,
                 client_config(choices.concurrency, choices.server_port, choices.level), dispatch(),
                 choices.limits),
          target(target_host, kTargetHost.with_port(kTargetPort), talk),
          other_target(target_host, kTargetHost.with_port(kOtherPort), other) {}

    ~Shared() {
        client.stop(seconds(1));
        server.stop(seconds(1));
        target.close();
        other_target.close();
        (void)world.run([this] {
            return client.ended() && server.ended() && target.closed() && other_target.closed() &&
                   client_host.root.empty();
        });
        EXPECT_TRUE(client.ended()) << world.describe();
        EXPECT_TRUE(server.ended()) << world.describe();
        EXPECT_TRUE(client.pools_are_full());
        EXPECT_TRUE(server.pools_are_full());
        EXPECT_EQ(client.stats().open_sessions.read(), 0U);
        EXPECT_EQ(server.stats().open_sessions.read(), 0U);
    }

    // A program that talks to the first target, or to the other one.
    Heard& speak() { return speak_at(client.at(0), talk); }
    Heard& speak_to_other() { return speak_at(client.at(1), other); }

    Ended run() {
        return world.run([this] {
            const auto over = [](const auto& one) { return one->over; };
            return std::ranges::all_of(heard, over) && std::ranges::all_of(target.heard(), over) &&
                   std::ranges::all_of(other_target.heard(), over);
        });
    }
    void run_until_over(const Heard& one) {
        ASSERT_EQ(world.run([&one] { return one.over; }), Ended::satisfied) << world.describe();
    }
    void pass(io::Duration time) {
        const io::TimePoint until = world.now() + time;
        world.at(until, [] {});
        (void)world.run([&] { return world.now() >= until; });
    }

    // Of the server: connections that ever came; connections and streams that are open.
    std::uint64_t carriers() { return server.stats().accepted.read(); }
    std::uint64_t open_sessions() { return server.stats().open_sessions.read(); }

    // Everybody heard everything, and its end.
    void expect_whole() {
        for (const auto& one : heard) {
            EXPECT_TRUE(one->bytes == talk.down);
            EXPECT_TRUE(one->ended);
        }
        ASSERT_EQ(target.heard().size(), heard.size());
        for (const auto& one : target.heard()) {
            EXPECT_TRUE(one->bytes == talk.up);
            EXPECT_TRUE(one->ended);
        }
    }
    // Everybody heard everything, or the beginning of it and then an error.
    void expect_honest() {
        for (const auto& one : heard) {
            expect_honest(*one, talk.down);
        }
        for (const auto& one : target.heard()) {
            expect_honest(*one, talk.up);
        }
    }

    World world;
    const Talk talk;
    const Talk other;
    Host client_host;
    Host target_host;
    Node server;
    Node client;
    Target target;
    Target other_target;
    std::vector<std::unique_ptr<Heard>> heard;

private:
    static void expect_honest(const Heard& one, const Bytes& all) {
        ASSERT_LE(one.bytes.size(), all.size());
        EXPECT_TRUE(std::equal(one.bytes.begin(), one.bytes.end(), all.begin()));
        if (one.ended && !one.bytes.empty()) {
            EXPECT_EQ(one.bytes.size(), all.size()) << "a cut was taken for an end";
        }
    }
    Heard& speak_at(const io::Endpoint& at, const Talk& words) {
        heard.push_back(std::make_unique<Heard>());
        client_host.root.spawn(sim::speak(client_host, at, words, {}, 0, *heard.back()));
        return *heard.back();
    }
};

inline Talk short_talk() {
    return Talk{pattern(1, 300), pattern(2, 500)};
}
inline Talk long_talk() {
    return Talk{pattern(1, 100'000), pattern(2, 100'000)};
}

}  // namespace ferry::sim
