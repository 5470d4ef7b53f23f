// UdpRelay: two nodes that carry datagrams, and the programs on either side of them.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <ostream>
#include <vector>

#include "tests/sim/apps.h"
#include "tests/sim/mail.h"
#include "tests/sim/node.h"

namespace ferry::sim::udp {

using core::config::PacketEncoding;
using core::config::Security;

inline const io::Endpoint kClientHost = *io::Endpoint::from_literal("10.0.0.1", 0);
inline const io::Endpoint kTargetHost = *io::Endpoint::from_literal("10.0.0.3", 0);
inline constexpr std::uint16_t kVmessPort = 10086;
inline constexpr std::uint16_t kTargetPort = 53;
inline constexpr auto kIdle = core::config::Seconds(30);

struct Choices {
    Security security = Security::automatic;
    bool sealed_lengths = false;
    std::uint16_t alter_id = 0;
    PacketEncoding encoding = PacketEncoding::none;
    core::config::Mux mux = {};
};

// How GoogleTest names them.
inline std::ostream& operator<<(std::ostream& out, const Choices& choices) {
    return out << static_cast<int>(choices.security) << '/' << choices.sealed_lengths << '/'
               << choices.alter_id << '/' << static_cast<int>(choices.encoding);
}

inline void set_times(core::config::Config& config) {
    core::config::Level level;
    level.idle = kIdle;
    config.policy.levels.emplace(0, level);
}

inline core::config::Config server_config(const Choices& choices) {
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

inline core::config::Config client_config(const Choices& choices) {
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
    outbound.mux = choices.mux;
    config.outbounds.push_back(outbound);
    return config;
}

// Few, but a large datagram may wait in a slot while another one comes.
inline core::Limits few_slots() {
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
    Mailer& knock() { return *mailers.emplace_back(std::make_unique<Mailer>(here, kClientHost)); }
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

}  // namespace ferry::sim::udp
