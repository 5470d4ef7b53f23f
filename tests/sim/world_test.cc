// What the simulator promises to the scenarios that run in it: the seed decides everything, no
// weather loses a byte that is not lost on purpose, whatever fails ends the operations that it
// concerns, and a program that hangs or spins is noticed.
#include "tests/sim/world.h"

#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <coroutine>
#include <memory>
#include <vector>

#include "io/both.h"
#include "io/listener.h"
#include "io/socket.h"
#include "tests/io/yield.h"
#include "tests/sim/sim_backend.h"

namespace ferry::sim {

namespace {

using io::Op;

// The i-th byte of a stream that no shift of itself resembles.
std::uint8_t byte_at(std::uint64_t index) {
    return static_cast<std::uint8_t>((index * 0x9e3779b97f4a7c15) >> 56);
}

// One core of a simulated host.
class Machine {
public:
    Machine(World& world, std::uint8_t number)
        : backend(world, io::Endpoint::ipv4(std::array<std::uint8_t, 4>{10, 0, 0, number}, 0)),
          in(700, 5),
          loop(backend, in),
          root(loop),
          world_(world) {
        world.drive(loop);
    }
    Machine(const Machine&) = delete;
    ~Machine() {
        world_.release(loop);
        EXPECT_EQ(in.free_slots(), in.slots());
        EXPECT_EQ(backend.descriptors(), 0U);
        EXPECT_TRUE(loop.timers().empty());
    }

    SimBackend backend;
    io::BufferPool in;
    io::Loop loop;
    io::Scope root;

private:
    World& world_;
};

struct Tally {
    int dialed = 0;
    int failed = 0;    // connections that broke, at either end
    int complete = 0;  // that received every byte
};

io::Task<void> echo(io::Scope& parent, io::Accepted accepted, Tally& tally) {
    io::Scope scope(parent.loop(), &parent);
    scope.idle_after(std::chrono::minutes(5));
    io::Socket socket(scope, std::move(accepted.descriptor));
    for (;;) {
        io::Buffer buffer;
        auto got = co_await socket.recv(buffer);
        if (!got || *got == 0) {
            tally.failed += got ? 0 : 1;
            break;
        }
        auto sent = co_await socket.send(buffer.data());
        if (!sent) {
            ++tally.failed;
            break;
        }
    }
    auto ended = co_await socket.shutdown_write();
    static_cast<void>(ended);  // the peer may be gone
}

io::Task<void> serve(io::Scope& scope, io::Endpoint at, io::Sharing sharing, Tally& tally) {
    auto listener = io::Listener::open(scope, at, sharing);
    EXPECT_TRUE(listener);
    for (;;) {
        auto accepted = co_await listener->accept();
        if (!accepted && accepted.error() == std::errc::operation_canceled) {
            co_return;
        }
        if (accepted) {
            scope.spawn(echo(scope, std::move(*accepted), tally));
        }
    }
}

io::Task<void> send_all(io::Socket& socket, std::size_t count) {
    std::vector<std::uint8_t> bytes(count);
    for (std::size_t i = 0; i < count; ++i) {
        bytes[i] = byte_at(i);
    }
    auto sent = co_await socket.send(bytes);
    if (sent) {
        auto ended = co_await socket.shutdown_write();
        static_cast<void>(ended);
    }
}

// What arrives is what was sent, from its first byte on, also where it is cut.
io::Task<void> receive_all(io::Socket& socket, std::size_t& count) {
    std::size_t wrong = 0;
    for (;;) {
        io::Buffer buffer;
        auto got = co_await socket.recv(buffer);
        if (!got || *got == 0) {
            break;
        }
        for (const std::uint8_t byte : buffer.data()) {
            wrong += byte == byte_at(count++) ? 0 : 1;
        }
    }
    EXPECT_EQ(wrong, 0U);
}

io::Task<void> call(io::Scope& parent, io::Endpoint to, std::size_t bytes, Tally& tally) {
    io::Scope scope(parent.loop(), &parent);
    scope.expire_at(scope.loop().now() + std::chrono::minutes(30));
    auto socket = co_await io::Socket::connect(scope, to);
    ++tally.dialed;
    if (!socket) {
        ++tally.failed;
        co_return;
    }
    std::size_t received = 0;
    co_await io::both(send_all(*socket, bytes), receive_all(*socket, received));
    EXPECT_LE(received, bytes);
    tally.complete += received == bytes ? 1 : 0;
    EXPECT_FALSE(scope.stopping()) << "it hung";
}

constexpr std::uint16_t kPort = 7;

// Two servers that share a port, on one host, and two clients: everything the simulator has. Gives
// the fingerprint of the run.
std::uint64_t play(World& world, int calls, Tally& tally) {
    auto first = std::make_unique<Machine>(world, 1);
    auto second = std::make_unique<Machine>(world, 1);
    auto client = std::make_unique<Machine>(world, 2);
    auto other = std::make_unique<Machine>(world, 3);
    const auto door = first->backend.host().with_port(kPort);
    first->root.spawn(serve(first->root, io::Endpoint::any(kPort), io::Sharing::first, tally));
    second->root.spawn(serve(second->root, io::Endpoint::any(kPort), io::Sharing::joining, tally));
    for (int i = 0; i < calls; ++i) {
        const auto bytes = static_cast<std::size_t>(i) * 977;
        Machine& from = i % 2 == 0 ? *client : *other;
        from.root.spawn(call(from.root, door, bytes, tally));
    }
    const auto called = world.run([&] { return client->root.empty() && other->root.empty(); });
    EXPECT_EQ(called, Ended::satisfied) << world.describe();
    first->root.stop(io::Stop::shutdown);
    second->root.stop(io::Stop::shutdown);
    const auto stopped = world.run([&] { return first->root.empty() && second->root.empty(); });
    EXPECT_EQ(stopped, Ended::satisfied) << world.describe();
    return world.fingerprint();
}

TEST(World, TheSeedDecidesEverything) {
    std::array<std::uint64_t, 3> prints{};
    for (std::size_t i = 0; i < prints.size(); ++i) {
        World world(i == 2 ? 8 : 7, Weather::stormy());
        Tally tally;
        prints[i] = play(world, 10, tally);
    }
    EXPECT_EQ(prints[0], prints[1]);
    EXPECT_NE(prints[0], prints[2]);
}

TEST(World, CalmAndWindyWeatherLoseNothing) {
    constexpr int kCalls = 12;
    for (std::uint64_t seed = 0; seed < 30; ++seed) {
        SCOPED_TRACE(seed);
        World world(seed, seed == 0 ? Weather::calm() : Weather::windy());
        Tally tally;
        play(world, kCalls, tally);
        EXPECT_EQ(tally.dialed, kCalls);
        EXPECT_EQ(tally.complete, kCalls);
        EXPECT_EQ(tally.failed, 0);
    }
}

TEST(World, StormsBreakConnectionsAndNothingElse) {
    constexpr int kCalls = 12;
    Tally all;
    for (std::uint64_t seed = 0; seed < 30; ++seed) {
        SCOPED_TRACE(seed);
        World world(seed, Weather::stormy());
        Tally tally;
        play(world, kCalls, tally);
        EXPECT_EQ(tally.dialed, kCalls);
        all.complete += tally.complete;
        all.failed += tally.failed;
    }
    EXPECT_GT(all.complete, 0);
    EXPECT_GT(all.failed, 0);
}

// Each operation of each kind fails once: nothing hangs, nothing is left, and at most the one
// connection that it belongs to suffers.
TEST(World, EveryOperationMayFail) {
    constexpr int kCalls = 3;
    constexpr std::array kKinds = {Op::Kind::accept,    Op::Kind::connect, Op::Kind::recv,
                                   Op::Kind::recv_slot, Op::Kind::send,    Op::Kind::shutdown};
    for (const Op::Kind kind : kKinds) {
        bool reached = true;
        for (std::uint64_t nth = 0; reached; ++nth) {
            SCOPED_TRACE(testing::Message() << "kind " << static_cast<int>(kind) << " nth " << nth);
            World world(nth);
            world.fail_nth(kind, nth, kind == Op::Kind::accept ? ECONNABORTED : EIO);
            Tally tally;
            play(world, kCalls, tally);
            EXPECT_GE(tally.complete, kCalls - 1);
            reached = world.count(kind) > nth;
        }
    }
}

io::Task<void> hear_nothing(io::Scope& scope) {
    auto listener = io::Listener::open(scope, io::Endpoint::any(kPort), io::Sharing::first);
    auto accepted = co_await listener->accept();
    EXPECT_FALSE(accepted);
}

TEST(World, NoticesThatNothingWillHappen) {
    World world(1);
    Machine machine(world, 1);
    machine.root.spawn(hear_nothing(machine.root));
    EXPECT_EQ(world.run([&] { return machine.root.empty(); }), Ended::idle);
    EXPECT_NE(world.describe().find("accept"), std::string::npos) << world.describe();
    machine.root.stop(io::Stop::shutdown);
    EXPECT_EQ(world.run([&] { return machine.root.empty(); }), Ended::satisfied);
}

io::Task<void> spin(io::Loop& loop, const bool& stop) {
    while (!stop) {
        co_await test::Yield(loop);
    }
}

TEST(World, NoticesThatSomethingSpins) {
    World world(1);
    world.set_passes_per_moment(1000);
    Machine machine(world, 1);
    bool stop = false;
    machine.root.spawn(spin(machine.loop, stop));
    EXPECT_EQ(world.run([&] { return machine.root.empty(); }), Ended::livelock);
    stop = true;
    EXPECT_EQ(world.run([&] { return machine.root.empty(); }), Ended::satisfied);
}

io::Task<void> sleep_for_hours(io::Scope& scope, int hours) {
    auto slept = co_await scope.loop().sleep_for(scope, std::chrono::hours(hours));
    EXPECT_TRUE(slept);
}

TEST(World, TimeGoesByWithoutWaiting) {
    World world(1);
    Machine machine(world, 1);
    const auto before = world.unix_seconds();
    machine.root.spawn(sleep_for_hours(machine.root, 1000));
    EXPECT_EQ(world.run([&] { return machine.root.empty(); }), Ended::out_of_time);
    EXPECT_EQ(world.run([&] { return machine.root.empty(); }, std::chrono::hours(2000)),
              Ended::satisfied);
    EXPECT_EQ(machine.loop.unix_seconds() - before, 3'600'000);
}

}  // namespace

}  // namespace ferry::sim
