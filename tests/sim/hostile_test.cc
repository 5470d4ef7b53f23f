// Strangers in front of a VMess server, in virtual time.
//
// Promise: whoever has not proven to be a user hears nothing, and is let go at the handshake
// deadline, whatever was sent and wherever it failed. Only so many are let go so slowly.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

#include "crypto/dispatch.h"
#include "proto/vmess/auth_id.h"
#include "proto/vmess/body.h"
#include "proto/vmess/keys.h"
#include "tests/sim/apps.h"
#include "tests/sim/node.h"

namespace ferry::sim {
namespace {

const io::Endpoint kProberHost = *io::Endpoint::from_literal("10.0.0.9", 0);
constexpr auto kHandshake = std::chrono::seconds(60);

core::config::Config server_config() {
    core::config::Config config;
    core::config::Inbound inbound;
    inbound.listen = proto::ipv4({10, 0, 0, 2}, 0);
    inbound.ports = {10086, 10086};
    core::config::VmessInbound settings;
    core::config::VmessClient client;
    client.id = user();
    settings.clients.push_back(client);
    inbound.settings = settings;
    config.inbounds.push_back(inbound);
    core::config::Outbound outbound;
    outbound.settings = core::config::FreedomOutbound{};
    config.outbounds.push_back(outbound);
    return config;
}

// What a prober learns.
struct Learned {
    std::size_t heard_bytes = 0;
    io::Duration closed_after{};
    bool over = false;
};

io::Task<void> probe(Host& host, io::Endpoint at, Bytes bytes, Learned& learned) {
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
    explicit Siege(const core::Limits& limits = core::Limits{})
        : world(1),
          prober(world, kProberHost),
          server(world, kServerHost, server_config(), dispatch(), limits) {}
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

// The beginning of a genuine request, which then goes wrong.
Bytes request_of(World& world, const proto::vmess::UserId& id, std::int64_t time) {
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

// A close after the deadline and not long after: the wheel may be a tick late.
void expect_deadline(const Learned& learned) {
    EXPECT_EQ(learned.heard_bytes, 0U);
    EXPECT_GE(learned.closed_after, kHandshake);
    EXPECT_LE(learned.closed_after, kHandshake + std::chrono::milliseconds(10));
}

TEST(Hostile, EveryProbeIsLetGoAtTheSameTime) {
    for (const std::size_t bytes : {0, 1, 15, 16, 41, 42, 61, 100, 373, 374, 1000, 4000, 20'000}) {
        SCOPED_TRACE(bytes);
        Siege siege;
        const Learned& learned = siege.send(pattern(bytes + 1, bytes));
        siege.wait();
        expect_deadline(learned);
    }
}

TEST(Hostile, EveryDamageToAGenuineRequestLooksTheSame) {
    World clock(1);
    const Bytes whole = request_of(clock, user(), 0);
    for (const std::size_t place :
         {std::size_t{0}, std::size_t{15}, std::size_t{16}, std::size_t{33}, std::size_t{34},
          std::size_t{41}, std::size_t{42}, whole.size() - 1}) {
        SCOPED_TRACE(place);
        Siege siege;
        Bytes damaged = whole;
        damaged[place] ^= 1;
        const Learned& learned = siege.send(damaged);
        siege.wait();
        expect_deadline(learned);
    }
}

TEST(Hostile, AClockThatIsOffLooksTheSame) {
    for (const std::int64_t skew : {-121, 121, -100'000, 100'000}) {
        SCOPED_TRACE(skew);
        Siege siege;
        const Learned& learned = siege.send(request_of(siege.world, user(), skew));
        siege.wait();
        expect_deadline(learned);
        EXPECT_EQ(
            siege.server.stats().faults[static_cast<std::size_t>(proto::Fault::bad_time)].read(),
            1U);
    }
}

TEST(Hostile, AReplayLooksTheSame) {
    Siege siege;
    const Bytes bytes = request_of(siege.world, user(), 0);
    const Learned& first = siege.send(bytes);
    const Learned& second = siege.send(bytes);
    siege.wait();
    // One of the two is served (and cannot reach its target), the other is let go.
    EXPECT_NE(first.heard_bytes == 0, second.heard_bytes == 0);
    expect_deadline(first.heard_bytes == 0 ? first : second);
}

TEST(Hostile, AFullReplayFilterRefusesAndSaysSoOnce) {
    Siege siege;
    const core::ReplayTime time{siege.world.now(), siege.world.unix_seconds()};
    // Sixteen times what there is room for: each shard gets its share.
    for (std::size_t number = 0; number < 16 * core::kReplayShards * kReplaySlots; ++number) {
        std::array<std::uint8_t, 16> token{};
        std::ranges::generate(
            token, [&siege] { return static_cast<std::uint8_t>(siege.world.random().below(256)); });
        (void)siege.server.replay().insert(token, time);
    }
    for (std::uint8_t number = 0; number < 3; ++number) {
        siege.send(request_of(siege.world, user(), number));
    }
    siege.wait();
    for (const auto& one : siege.learned) {
        EXPECT_EQ(one->heard_bytes, 0U);
    }
    EXPECT_EQ(siege.server.stats().replay_full.read(), 3U);
    EXPECT_EQ(std::ranges::count_if(siege.server.log(),
                                    [](const std::string& line) {
                                        return line.find("replay filter is full") !=
                                               std::string::npos;
                                    }),
              1);
}

TEST(Hostile, OnlySoManyOfOneAddressAreLetGoSlowly) {
    core::Limits limits;
    Siege siege(limits);
    for (std::uint32_t index = 0; index < limits.drains_per_address + 5; ++index) {
        siege.send(pattern(index + 1, 100));
    }
    siege.wait();
    std::uint32_t slow = 0;
    for (const auto& one : siege.learned) {
        EXPECT_EQ(one->heard_bytes, 0U);
        slow += one->closed_after >= kHandshake ? 1 : 0;
    }
    EXPECT_EQ(slow, limits.drains_per_address);
    EXPECT_EQ(siege.server.stats().drain_overflow.read(), 5U);
}

TEST(Hostile, HandshakesInFlightHaveALimitAndTheNextOneWaits) {
    core::Limits limits;
    limits.handshakes = 3;
    Siege siege(limits);
    for (int index = 0; index < 5; ++index) {
        siege.send({});
    }
    siege.wait();
    std::uint32_t late = 0;
    for (const auto& one : siege.learned) {
        late += one->closed_after > kHandshake + std::chrono::seconds(1) ? 1 : 0;
    }
    EXPECT_EQ(late, 2U) << "the fourth and the fifth are accepted when the first ones have gone";
    EXPECT_GE(siege.server.stats().handshake_waits.read(), 1U);
}

}  // namespace
}  // namespace ferry::sim
