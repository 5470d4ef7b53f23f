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
#include "tests/sim/configs.h"
#include "tests/sim/mail.h"
#include "tests/sim/node.h"

namespace ferry::sim::udp {

using core::config::PacketEncoding;
using core::config::Security;

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

inline core::config::Config base_config() {
    core::config::Level level;
    level.idle = kIdle;
    core::config::Config config;
    config.policy.levels.emplace(0, level);
    return config;
}

inline core::config::Config server_config(const Choices& choices) {
    core::config::Config config = base_config();
    config.inbounds.push_back(vmess_inbound(choices.alter_id));
    config.outbounds.push_back(freedom_outbound());
    return config;
}

inline core::config::Config client_config(const Choices& choices) {
    core::config::Config config = base_config();
    core::config::Inbound door = door_inbound(0, kTargetPort);  // one number for both
    std::get<core::config::DokodemoInbound>(door.settings).networks = {.tcp = true, .udp = true};
    core::config::SocksInbound associations;
    associations.udp = true;
    config.inbounds = {door, socks_inbound(associations)};

    core::config::VmessAccount as_user = user_account(choices.alter_id);
    as_user.security = choices.security;
    as_user.authenticated_length = choices.sealed_lengths;
    core::config::VmessOutbound vmess = through_server(as_user);
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
