// A reader who does not read, in virtual time, where every buffer between two ends is known to the
// byte.
//
// Promise: what a relay takes from the sender beyond what the network has room for is bounded by
// the policy's bufferSize, in both directions and in each node on the way.
#include <gtest/gtest.h>

#include <array>
#include <optional>

#include "core/core.h"
#include "proto/address.h"
#include "tests/sim/apps.h"
#include "tests/sim/configs.h"
#include "tests/sim/node.h"

namespace ferry::sim {
namespace {

const io::Endpoint kSenderHost = *io::Endpoint::from_literal("10.0.0.7", 0);
constexpr std::uint16_t kSilentPort = 80;

constexpr std::size_t kPieceBytes = 1000;
// One byte more than a slot and three run buffers: whoever may use those is left holding nearly a
// whole one when the reader's buffer is full.
constexpr std::size_t kNetworkBytes = core::kInSlotBytes + 3 * core::kRunBytes + 1;
constexpr auto kStalled = std::chrono::seconds(60);  // less than the idle time, which would end it

Weather network_of_known_size() {
    Weather weather;
    weather.delay_least = weather.delay_most = std::chrono::milliseconds(1);
    weather.buffer_bytes_least = weather.buffer_bytes_most = kNetworkBytes;
    return weather;
}

// Sends for as long as there is room.
io::Task<void> pour(io::Scope& scope, io::Socket socket, std::size_t& poured) {
    (void)scope;  // what the socket lives in
    const Bytes piece = pattern(1, kPieceBytes);
    for (;;) {
        auto sent = co_await socket.send(piece);
        if (!sent) {
            co_return;
        }
        poured += piece.size();
    }
}

// Keeps a connection and never looks at it.
io::Task<void> neglect(io::Scope& scope, Host& host, io::Socket socket) {
    auto slept = co_await host.loop.sleep_for(scope, 2 * kStalled);
    (void)slept;
    (void)socket;  // closed only now
}

io::Task<void> visit_door(Host& host, io::Endpoint at, std::size_t* poured) {
    io::Scope scope(host.loop, &host.root);
    auto socket = co_await io::Socket::connect(scope, at);
    if (socket && poured != nullptr) {
        co_await pour(scope, std::move(*socket), *poured);
    } else if (socket) {
        co_await neglect(scope, host, std::move(*socket));
    }
}

// A listener for one visitor; it pours if it is given a place to count, and else neglects.
class OtherEnd {
public:
    OtherEnd(Host& host, const io::Endpoint& at, std::size_t* poured)
        : host_(host), poured_(poured), scope_(host.loop, &host.root) {
        auto listener = io::Listener::open(scope_, at, io::Sharing::first);
        listener_.emplace(std::move(*listener));
        scope_.spawn(serve());
    }
    void close() { scope_.stop(io::Stop::shutdown); }
    bool closed() const { return scope_.empty(); }

private:
    io::Task<void> serve() {
        auto accepted = co_await listener_->accept();
        if (!accepted) {
            co_return;
        }
        io::Socket socket(scope_, std::move(accepted->descriptor));
        if (poured_ != nullptr) {
            co_await pour(scope_, std::move(socket), *poured_);
        } else {
            co_await neglect(scope_, host_, std::move(socket));
        }
    }

    Host& host_;
    std::size_t* poured_;
    io::Scope scope_;
    std::optional<io::Listener> listener_;
};

// ---- the nodes between

core::config::Config with_buffer(std::optional<std::int64_t> bytes) {
    core::config::Config config;
    core::config::Level level;
    level.buffer_bytes = bytes;
    config.policy.levels.emplace(0, level);
    return config;
}

core::config::Config plain_relay(std::optional<std::int64_t> bytes) {
    core::config::Config config = with_buffer(bytes);
    config.inbounds.push_back(door_inbound(1000, kSilentPort));
    config.outbounds.push_back(freedom_outbound());
    return config;
}

core::config::Config near_node(std::optional<std::int64_t> bytes) {
    core::config::Config config = with_buffer(bytes);
    config.inbounds.push_back(door_inbound(1000, kSilentPort));
    config.outbounds.emplace_back().settings = through_server(user_account());
    return config;
}

core::config::Config far_node(std::optional<std::int64_t> bytes) {
    core::config::Config config = with_buffer(bytes);
    config.inbounds.push_back(vmess_inbound());
    config.outbounds.push_back(freedom_outbound());
    return config;
}

enum class Way : std::uint8_t { up, down };

// What the sender gets rid of in the end, beyond what `connections` of the network take.
//
//   nodes  one relays in plain; two have VMess between them
std::size_t held_by(std::size_t nodes, Way way, std::optional<std::int64_t> bytes) {
    World world(1, network_of_known_size());
    std::size_t poured = 0;
    Host sender(world, kSenderHost);
    Host silent(world, kTargetHost);
    std::optional<Node> far;
    if (nodes == 2) {
        far.emplace(world, kServerHost, far_node(bytes), dispatch(), core::Limits{});
    }
    Node near(world, kClientHost, nodes == 2 ? near_node(bytes) : plain_relay(bytes), dispatch(),
              core::Limits{});
    OtherEnd other_end(silent, kTargetHost.with_port(kSilentPort),
                       way == Way::down ? &poured : nullptr);
    sender.root.spawn(visit_door(sender, near.at(0), way == Way::up ? &poured : nullptr));
    (void)world.run([] { return false; }, kStalled);
    const std::size_t stalled = poured;

    sender.root.stop(io::Stop::shutdown);
    other_end.close();
    near.stop(std::chrono::seconds(0));
    if (far) {
        far->stop(std::chrono::seconds(0));
    }
    (void)world.run([&] {
        return sender.root.empty() && other_end.closed() && near.ended() && (!far || far->ended());
    });
    const std::size_t network = (nodes + 1) * kNetworkBytes;
    EXPECT_GT(stalled + kPieceBytes, network) << "not even the network is full";
    return stalled > network ? stalled - network : 0;
}

struct Row {
    std::int64_t buffer_bytes;
    std::size_t node_most_bytes;
};
// Below a run buffer a node works with one slot, which is the least it can.
constexpr std::array<Row, 6> kBounded{{{0, core::kInSlotBytes},
                                       {4 * 1024, core::kInSlotBytes},
                                       {63 * 1024, core::kInSlotBytes},
                                       {64 * 1024, core::kRunBytes},
                                       {127 * 1024, core::kRunBytes},
                                       {255 * 1024, core::kBulkBytes}}};

TEST(BackPressure, ARelayTakesNoMoreThanItsBufferSizeSays) {
    for (const Way way : {Way::up, Way::down}) {
        for (const Row& row : kBounded) {
            EXPECT_LE(held_by(1, way, row.buffer_bytes), row.node_most_bytes) << row.buffer_bytes;
        }
    }
}

// Whoever has no bound takes more, or the other tests show nothing; but one pipe at most, which a
// plain direction goes through.
TEST(BackPressure, WithoutABoundItIsAPipe) {
    for (const auto bytes : {std::optional<std::int64_t>(-1), std::optional<std::int64_t>()}) {
        for (const Way way : {Way::up, Way::down}) {
            const std::size_t held = held_by(1, way, bytes);
            EXPECT_GT(held, core::kInSlotBytes);
            EXPECT_LE(held, io::PipePool::kPipeBytes);
            EXPECT_GT(held_by(2, way, bytes), 2 * core::kInSlotBytes);
        }
    }
}

// With VMess between them, each of two nodes keeps to it; what chunks add only takes room away.
TEST(BackPressure, SoDoTwoNodesWithVmessBetweenThem) {
    for (const Way way : {Way::up, Way::down}) {
        for (const Row& row : kBounded) {
            EXPECT_LE(held_by(2, way, row.buffer_bytes), 2 * row.node_most_bytes)
                << row.buffer_bytes;
        }
    }
}

}  // namespace
}  // namespace ferry::sim
