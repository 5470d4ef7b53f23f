// What the simulated network promises about datagrams: the seed decides everything, each kind of
// weather does what its name says and nothing else, queues have an end, and a wait can be made to
// fail.
#include "io/datagram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <numeric>
#include <vector>

#include "io/listener.h"
#include "tests/sim/sim_backend.h"
#include "tests/sim/world.h"

namespace ferry::sim {

namespace {

using io::DatagramBatch;
using io::DatagramSocket;

constexpr std::size_t kCount = 300;
constexpr std::uint16_t kPort = 53;

class Host {
public:
    Host(World& world, std::uint8_t number)
        : backend(world, io::Endpoint::ipv4(std::array<std::uint8_t, 4>{10, 0, 0, number}, 0)),
          in(1000, 1),
          pool(DatagramBatch::kSlotBytes, 3),
          loop(backend, in),
          root(loop),
          world_(world) {
        world.drive(loop);
    }
    Host(const Host&) = delete;
    ~Host() {
        world_.release(loop);
        EXPECT_EQ(pool.free_slots(), pool.slots());
        EXPECT_EQ(backend.descriptors(), 0U);
    }

    SimBackend backend;
    io::BufferPool in;
    io::BufferPool pool;
    io::Loop loop;
    io::Scope root;

private:
    World& world_;
};

// Which of the numbered datagrams came, in the order of their arrival.
using Numbers = std::vector<std::size_t>;

io::Task<void> note_all(io::Scope& scope, DatagramSocket& socket, io::BufferPool& pool,
                        Numbers& came) {
    DatagramBatch batch;
    for (;;) {
        auto heard = co_await socket.recv(scope, pool, batch);
        if (!heard) {
            EXPECT_EQ(heard.error(), std::errc::operation_canceled);
            co_return;
        }
        for (const io::Datagram& one : batch.all()) {
            EXPECT_EQ(one.bytes.size(), 2U);
            came.push_back(one.bytes[0] * std::size_t{256} + one.bytes[1]);
        }
    }
}

io::Task<void> send_numbers(io::Scope& scope, DatagramSocket& socket, io::Endpoint to,
                            std::size_t count) {
    std::vector<std::array<std::uint8_t, 2>> bytes(count);
    std::vector<io::Datagram> all;
    for (std::size_t i = 0; i < count; ++i) {
        bytes[i] = {static_cast<std::uint8_t>(i / 256), static_cast<std::uint8_t>(i % 256)};
        all.push_back({to, bytes[i]});
    }
    auto sent = co_await socket.send(scope, all);
    EXPECT_EQ(sent, std::size_t{0});
}

// Sends numbered datagrams from one host to another.
Numbers play(World& world) {
    Host server(world, 1);
    Host client(world, 2);
    auto door = DatagramSocket::open(server.root, io::Endpoint::any(kPort));
    auto socket = DatagramSocket::open(client.root, io::Endpoint::any());
    EXPECT_TRUE(door);
    EXPECT_TRUE(socket);
    Numbers came;
    server.root.spawn(note_all(server.root, *door, server.pool, came));
    const auto to = server.backend.host().with_port(kPort);
    client.root.spawn(send_numbers(client.root, *socket, to, kCount));
    EXPECT_EQ(world.run(), Ended::idle);
    EXPECT_TRUE(client.root.empty());
    server.root.stop(io::Stop::shutdown);
    EXPECT_EQ(world.run([&] { return server.root.empty(); }), Ended::satisfied);
    return came;
}

Numbers all_numbers() {
    Numbers all(kCount);
    std::iota(all.begin(), all.end(), std::size_t{0});
    return all;
}

TEST(SimDatagrams, TheSeedDecidesEverything) {
    std::array<Numbers, 3> came;
    std::array<std::uint64_t, 3> prints{};
    for (std::size_t i = 0; i < came.size(); ++i) {
        World world(i == 2 ? 8 : 7, Weather::stormy());
        came[i] = play(world);
        prints[i] = world.fingerprint();
    }
    EXPECT_EQ(came[0], came[1]);
    EXPECT_EQ(prints[0], prints[1]);
    EXPECT_NE(came[0], came[2]);
    EXPECT_NE(prints[0], prints[2]);
}

TEST(SimDatagrams, CalmWeatherKeepsAllInOrder) {
    World world(1);
    EXPECT_EQ(play(world), all_numbers());
}

TEST(SimDatagrams, WindyWeatherChangesTheOrderOnly) {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        SCOPED_TRACE(seed);
        World world(seed, Weather::windy());
        Numbers came = play(world);
        EXPECT_FALSE(std::ranges::is_sorted(came));
        std::ranges::sort(came);
        EXPECT_EQ(came, all_numbers());
    }
}

TEST(SimDatagrams, DelayAloneKeepsTheOrder) {
    Weather weather;
    weather.delay_most = std::chrono::milliseconds(20);
    World world(1, weather);
    EXPECT_EQ(play(world), all_numbers());
}

TEST(SimDatagrams, SomeAreLost) {
    Weather weather;
    weather.loss = 100;
    World world(1, weather);
    const Numbers came = play(world);
    EXPECT_TRUE(std::ranges::is_sorted(came, std::ranges::less_equal())) << "none comes twice";
    EXPECT_GT(came.size(), kCount / 2);
    EXPECT_LT(came.size(), kCount);
}

TEST(SimDatagrams, SomeComeTwice) {
    Weather weather;
    weather.duplicate = 100;
    World world(1, weather);
    Numbers came = play(world);
    EXPECT_GT(came.size(), kCount);
    EXPECT_LT(came.size(), kCount * 3 / 2);
    EXPECT_TRUE(std::ranges::is_sorted(came));
    const auto twice = std::ranges::unique(came);
    came.erase(twice.begin(), twice.end());
    EXPECT_EQ(came, all_numbers());
}

// Nobody receives: what does not fit the queue is lost, and a sender waits for its own queue only.
TEST(SimDatagrams, QueuesHaveAnEnd) {
    World world(1);
    Host host(world, 1);
    auto door = DatagramSocket::open(host.root, io::Endpoint::any(kPort));
    auto socket = DatagramSocket::open(host.root, io::Endpoint::any());
    std::vector<std::uint8_t> bytes(65'507);
    const std::vector<io::Datagram> all(50, {io::Endpoint::loopback(kPort), bytes});
    const io::Sent sent = socket->try_send(all);
    EXPECT_EQ(sent.taken, Port::kLeavingMax);
    EXPECT_EQ(sent.skipped, 0U);
    EXPECT_EQ(socket->try_send(all).taken, 0U);
    EXPECT_EQ(world.run(), Ended::idle);
    EXPECT_EQ(socket->try_send(all).taken, Port::kLeavingMax);
    EXPECT_EQ(world.run(), Ended::idle);

    std::vector<std::uint8_t> memory(10 * 100);
    std::array<io::Incoming, 10> into;
    for (std::size_t i = 0; i < into.size(); ++i) {
        into[i].place = std::span(memory).subspan(i * 100, 100);
    }
    const auto came = host.backend.receive_datagrams(door->fd(), into);
    EXPECT_EQ(came, Port::kQueueBytes / (65'507 + Port::kOverheadBytes));
    EXPECT_EQ(into[0].head_bytes, 100U);
    EXPECT_EQ(into[0].tail.size(), 65'407U);
    EXPECT_EQ(into[0].peer.ip_text(), "127.0.0.1");
}

TEST(SimDatagrams, PortsAreNotThoseOfStreams) {
    World world(1);
    Host host(world, 1);
    Host other(world, 2);
    auto stream = io::Listener::open(host.root, io::Endpoint::any(kPort), io::Sharing::first);
    auto door = DatagramSocket::open(host.root, io::Endpoint::any(kPort));
    EXPECT_TRUE(stream);
    EXPECT_TRUE(door);
    EXPECT_TRUE(DatagramSocket::open(other.root, io::Endpoint::any(kPort)));
    auto second = DatagramSocket::open(host.root, io::Endpoint::loopback(kPort));
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error(), std::errc::address_in_use);
    host.backend.limit_descriptors(2);
    auto third = DatagramSocket::open(host.root, io::Endpoint::any());
    ASSERT_FALSE(third);
    EXPECT_EQ(third.error(), std::errc::too_many_files_open);
}

io::Task<void> give_up(io::Scope& scope, DatagramSocket& socket, std::vector<std::uint8_t>& bytes) {
    const std::vector<io::Datagram> all(Port::kLeavingMax + 1, {io::Endpoint::loopback(9), bytes});
    for (int i = 0; i < 2; ++i) {
        auto sent = co_await socket.send(scope, all);
        EXPECT_FALSE(sent);
        EXPECT_EQ(sent.error(), std::errc::operation_canceled);
    }
}

TEST(SimDatagrams, AWaitForRoomCanBeGivenUp) {
    World world(1);
    Host host(world, 1);
    auto socket = DatagramSocket::open(host.root, io::Endpoint::any());
    std::vector<std::uint8_t> bytes(10);
    host.root.spawn(give_up(host.root, *socket, bytes));
    EXPECT_FALSE(host.root.empty());
    host.root.stop(io::Stop::shutdown);
    EXPECT_EQ(world.run([&] { return host.root.empty(); }), Ended::satisfied);
}

io::Task<void> fail_once(io::Scope& scope, DatagramSocket& socket, io::BufferPool& pool) {
    DatagramBatch batch;
    auto failed = co_await socket.recv(scope, pool, batch);
    EXPECT_FALSE(failed);
    EXPECT_EQ(failed.error(), std::errc::io_error);
    EXPECT_TRUE(batch.empty());
    co_await send_numbers(scope, socket, io::Endpoint::loopback(kPort), 1);
    auto heard = co_await socket.recv(scope, pool, batch);
    EXPECT_TRUE(heard);
    EXPECT_EQ(batch.all().size(), 1U);
}

TEST(SimDatagrams, AWaitMayFail) {
    World world(1);
    world.fail_nth(io::Op::Kind::poll, 0, EIO);
    Host host(world, 1);
    auto door = DatagramSocket::open(host.root, io::Endpoint::any(kPort));
    host.root.spawn(fail_once(host.root, *door, host.pool));
    EXPECT_EQ(world.run([&] { return host.root.empty(); }), Ended::satisfied);
}

}  // namespace

}  // namespace ferry::sim
