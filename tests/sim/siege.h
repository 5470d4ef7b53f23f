// Siege: a VMess server in virtual time, and a host full of strangers in front of it.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "crypto/dispatch.h"
#include "proto/vmess/body.h"
#include "proto/vmess/keys.h"
#include "proto/vmess/legacy_request.h"
#include "tests/sim/apps.h"
#include "tests/sim/configs.h"
#include "tests/sim/node.h"

namespace ferry::sim {

inline const io::Endpoint kProberHost = *io::Endpoint::from_literal("10.0.0.9", 0);
inline constexpr auto kHandshake = std::chrono::seconds(60);

// `alter_id` is of the only user, user().
inline core::config::Config siege_config(std::uint16_t alter_id = 0) {
    core::config::Config config;
    config.inbounds.push_back(vmess_inbound(alter_id));
    config.outbounds.push_back(freedom_outbound());
    return config;
}

// What a prober learns.
struct Learned {
    std::size_t heard_bytes = 0;
    io::Duration closed_after{};
    bool over = false;
};

inline io::Task<void> probe(Host& host, io::Endpoint at, Bytes bytes, Learned& learned) {
    io::Scope scope(host.loop, &host.root);
    auto socket = co_await io::Socket::connect(scope, at);
    if (!socket) {
        learned.over = true;
        co_return;
    }
    const io::TimePoint start = host.loop.now();
    if (!bytes.empty()) {
        auto sent = co_await socket->send(bytes);
        (void)sent;  // a server that closes early shows in the time
    }
    for (;;) {
        io::Buffer in;
        auto got = co_await socket->recv(in);
        if (!got || *got == 0) {
            break;
        }
        learned.heard_bytes += *got;
    }
    learned.closed_after = host.loop.now() - start;
    learned.over = true;
}

// A server, and a host full of probers.
class Siege {
public:
    explicit Siege(const core::Limits& limits = core::Limits{}, std::uint16_t alter_id = 0)
        : world(1),
          prober(world, kProberHost),
          server(world, kServerHost, siege_config(alter_id), dispatch(), limits) {
        server.make_tokens();
    }
    ~Siege() {
        server.stop(std::chrono::seconds(0));
        (void)world.run([this] { return server.ended(); });
    }

    Learned& send(Bytes bytes) {
        learned.push_back(std::make_unique<Learned>());
        prober.root.spawn(probe(prober, server.at(0), std::move(bytes), *learned.back()));
        return *learned.back();
    }
    void wait() {
        (void)world.run([this] {
            return std::ranges::all_of(learned, [](const auto& one) { return one->over; });
        });
    }

    World world;
    Host prober;
    Node server;
    std::vector<std::unique_ptr<Learned>> learned;
};

// Sixteen times what there is room for: each shard gets its share.
inline void fill(Siege& siege, core::ReplayFilter& filter) {
    const core::ReplayTime time{siege.world.now(), siege.world.unix_seconds()};
    for (std::size_t number = 0; number < 16 * core::kReplayShards * kReplaySlots; ++number) {
        std::array<std::uint8_t, 16> token{};
        std::ranges::generate(
            token, [&siege] { return static_cast<std::uint8_t>(siege.world.random().below(256)); });
        (void)filter.insert(token, time);
    }
}

// The beginning of a genuine request, which then goes wrong.
inline Bytes request_of(World& world, const proto::vmess::UserId& id, std::int64_t time) {
    crypto::Random random(std::array<std::uint8_t, 32>{1, 2, 3});
    proto::vmess::Request request;
    const auto offer =
        proto::vmess::offer_for(proto::vmess::BodyChoice::aes128_gcm, proto::vmess::Command::tcp,
                                proto::vmess::SealedLengths::off);
    request.security = offer.security;
    request.options = offer.options;
    request.target = proto::ipv4({10, 0, 0, 3}, 80);
    proto::vmess::draw_secrets(request, random);
    Bytes wire(proto::vmess::kSealedRequestBytesMax);
    wire.resize(proto::vmess::seal_new_request(dispatch(), random, proto::vmess::CommandKey(id),
                                               world.unix_seconds() + time, request, wire));
    return wire;
}

// The same in the older form, signed by the user's first alternative id.
inline Bytes older_request_of(World& world, std::int64_t time, std::uint8_t seed = 1) {
    crypto::Random random(std::array<std::uint8_t, 32>{seed, 2, 3});
    proto::vmess::Request request;
    request.form = proto::vmess::HeaderForm::legacy;
    request.security = proto::vmess::Security::aes128_gcm;
    request.options = proto::vmess::kOptionChunks | proto::vmess::kOptionMask;
    request.target = proto::ipv4({10, 0, 0, 3}, 80);
    proto::vmess::draw_secrets(request, random);
    const proto::vmess::LegacyStamp stamp{proto::vmess::AlternativeIds(user()).next(),
                                          world.unix_seconds() + time};
    Bytes wire(proto::vmess::kLegacyRequestBytesMax);
    wire.resize(proto::vmess::seal_new_legacy_request(
        dispatch(), random, proto::vmess::CommandKey(user()), stamp, request, wire));
    return wire;
}

// A close after the deadline and not long after: the wheel may be a tick late.
inline void expect_deadline(const Learned& learned) {
    EXPECT_EQ(learned.heard_bytes, 0U);
    EXPECT_GE(learned.closed_after, kHandshake);
    EXPECT_LE(learned.closed_after, kHandshake + std::chrono::milliseconds(10));
}

}  // namespace ferry::sim
