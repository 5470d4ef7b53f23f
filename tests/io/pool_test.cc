// What Buffer and BufferPool promise: a slot has one owner and comes back; who waits is served in
// order; and a receive that finds no slot waits for one and loses nothing.
#include <algorithm>
#include <vector>

#include "io/both.h"
#include "io/buffer.h"
#include "tests/io/engine.h"

namespace ferry::test {

namespace {

TEST(Buffer, StartsWithNothing) {
    io::Buffer buffer;
    EXPECT_FALSE(buffer);
    EXPECT_TRUE(buffer.data().empty());
    EXPECT_TRUE(buffer.room().empty());
    EXPECT_EQ(buffer.slot_bytes(), 0U);
    buffer.consume(0);
    buffer.close_up();
    buffer.release();
}

TEST(Buffer, MovesFromRoomToDataToFinished) {
    io::BufferPool pool(10, 1);
    io::Buffer buffer = pool.try_take();
    ASSERT_TRUE(buffer);
    EXPECT_EQ(buffer.room().size(), 10U);
    std::ranges::copy(std::vector<std::uint8_t>{1, 2, 3, 4, 5, 6}, buffer.room().begin());
    buffer.commit(6);
    buffer.consume(4);
    EXPECT_TRUE(std::ranges::equal(buffer.data(), std::vector<std::uint8_t>{5, 6}));
    EXPECT_EQ(buffer.room().size(), 4U);
    buffer.close_up();
    EXPECT_TRUE(std::ranges::equal(buffer.data(), std::vector<std::uint8_t>{5, 6}));
    EXPECT_EQ(buffer.room().size(), 8U);
    buffer.consume(2);
    EXPECT_FALSE(buffer) << "emptied: the slot is back";
    EXPECT_EQ(pool.free_slots(), 1U);
}

TEST(Buffer, HasOneOwner) {
    io::BufferPool pool(10, 2);
    io::Buffer first = pool.try_take();
    first.commit(3);
    io::Buffer second = std::move(first);
    EXPECT_EQ(second.data().size(), 3U);
    io::Buffer third = pool.try_take();
    EXPECT_EQ(pool.free_slots(), 0U);
    third = std::move(second);
    EXPECT_EQ(third.data().size(), 3U);
    EXPECT_EQ(pool.free_slots(), 1U) << "the slot that was there before is back";
    io::Buffer& same = third;
    third = std::move(same);
    EXPECT_EQ(third.data().size(), 3U);
}

TEST(BufferPool, GivesTheLastOneFirst) {
    io::BufferPool pool(4096, 100);
    io::Buffer first = pool.try_take();
    io::Buffer second = pool.try_take();
    const auto* hot = second.room().data();
    second.release();
    first.release();
    io::Buffer again = pool.try_take();
    EXPECT_NE(again.room().data(), hot);
    io::Buffer third = pool.try_take();
    EXPECT_EQ(third.room().data(), hot);
}

TEST(BufferPool, HasOnlyWhatItHas) {
    io::BufferPool pool(10, 3);
    std::vector<io::Buffer> all;
    for (int i = 0; i < 3; ++i) {
        all.push_back(pool.try_take());
        EXPECT_TRUE(all.back());
    }
    EXPECT_FALSE(pool.try_take());
    EXPECT_EQ(pool.shortages(), 1U);
    all.pop_back();
    EXPECT_TRUE(pool.try_take());
}

TEST(BufferPoolDeathTest, DoesNotDieBeforeItsSlots) {
    EXPECT_DEATH(
        {
            io::Buffer late;
            io::BufferPool pool(10, 1);
            late = pool.try_take();
        },
        "free_slots");
}

class Pools : public EngineTest {};
INSTANTIATE_TEST_SUITE_P(Backends, Pools, all_kinds(), kind_name);

io::Task<void> take_and_hold(io::Scope& scope, io::BufferPool& pool, int who,
                             std::vector<int>& order) {
    auto taken = co_await pool.take(scope);
    EXPECT_TRUE(taken);
    order.push_back(who);
    // Each holds it over a turn, so that the others really wait.
    auto slept = co_await scope.loop().sleep_for(scope, std::chrono::milliseconds(1));
    EXPECT_TRUE(slept);
}

TEST_P(Pools, ServeInOrder) {
    io::BufferPool pool(10, 2);
    io::Scope scope(loop());
    std::vector<int> order;
    for (int who = 0; who < 9; ++who) {
        scope.spawn(take_and_hold(scope, pool, who, order));
    }
    EXPECT_EQ(order.size(), 2U);
    EXPECT_TRUE(engine().run(scope));
    EXPECT_EQ(order, (std::vector{0, 1, 2, 3, 4, 5, 6, 7, 8}));
    EXPECT_EQ(pool.shortages(), 7U);
    EXPECT_EQ(pool.free_slots(), 2U);
}

io::Task<void> take_in_vain(io::Scope& scope, io::BufferPool& pool) {
    auto taken = co_await pool.take(scope);
    EXPECT_FALSE(taken);
}

// The slot that comes back in the same turn as the stop goes to the next one who still wants it.
TEST_P(Pools, AStoppedWaiterGivesWay) {
    io::BufferPool pool(10, 1);
    io::Buffer only = pool.try_take();
    io::Scope stopped(loop());
    io::Scope scope(loop());
    std::vector<int> order;
    stopped.spawn(take_in_vain(stopped, pool));
    scope.spawn(take_and_hold(scope, pool, 1, order));
    stopped.stop(io::Stop::peer);
    only.release();
    EXPECT_TRUE(engine().run([&] { return stopped.empty() && scope.empty(); }));
    EXPECT_EQ(order, std::vector{1});
}

io::Task<void> take_before_stop(io::Scope& scope, io::BufferPool& pool) {
    auto taken = co_await pool.take(scope);
    EXPECT_TRUE(taken) << "the answer came before the stop";
}

// A slot that was given to a waiter whose scope is stopped before it runs comes back by itself.
TEST_P(Pools, AGiftIsNotLostByAStop) {
    io::BufferPool pool(10, 1);
    io::Buffer only = pool.try_take();
    io::Scope scope(loop());
    scope.spawn(take_before_stop(scope, pool));
    only.release();
    scope.stop(io::Stop::peer);
    EXPECT_TRUE(engine().run(scope));
    EXPECT_EQ(pool.free_slots(), 1U);
}

io::Task<void> send_all(io::Socket& socket, std::size_t count) {
    const auto bytes = bytes_from(0, count);
    auto sent = co_await socket.send(bytes);
    EXPECT_TRUE(sent);
    auto ended = co_await socket.shutdown_write();
    EXPECT_TRUE(ended);
}

// Receives with pauses during which the slot is held.
io::Task<void> receive_slowly(io::Socket& socket, std::size_t count) {
    std::size_t received = 0;
    std::size_t wrong = 0;
    for (;;) {
        io::Buffer buffer;
        auto got = co_await socket.recv(buffer);
        EXPECT_TRUE(got);
        if (got.value_or(0) == 0) {
            break;
        }
        auto slept =
            co_await socket.scope().loop().sleep_for(socket.scope(), std::chrono::milliseconds(1));
        EXPECT_TRUE(slept);
        for (const std::uint8_t byte : buffer.data()) {
            wrong += byte == byte_at(received++) ? 0 : 1;
        }
    }
    EXPECT_EQ(received, count);
    EXPECT_EQ(wrong, 0U);
}

io::Task<void> hungry_pair(io::Scope& scope, int& ended) {
    auto ends = co_await link(scope, scope);
    co_await io::both(send_all(ends->dialed, 2'000), receive_slowly(ends->accepted, 2'000));
    ++ended;
}

// Forty connections and three slots: every receive gets one in the end, and every byte arrives.
TEST_P(Pools, StarvingReceivesAreFedInTheEnd) {
    constexpr int kPairs = 40;
    use({.bytes = 200, .count = 3});
    io::Scope scope(loop());
    int ended = 0;
    for (int i = 0; i < kPairs; ++i) {
        scope.spawn(hungry_pair(scope, ended));
    }
    EXPECT_TRUE(engine().run(scope));
    EXPECT_EQ(ended, kPairs);
    EXPECT_GT(engine().in().shortages(), 0U);
}

// A burst that needs far more slots than the backend is given at first: it is given more.
TEST_P(Pools, ABurstIsGivenWhatItNeeds) {
    constexpr int kPairs = 300;
    use({.bytes = 4096, .count = 1024});
    io::Scope scope(loop());
    int ended = 0;
    for (int i = 0; i < kPairs; ++i) {
        scope.spawn(hungry_pair(scope, ended));
    }
    EXPECT_TRUE(engine().run(scope));
    EXPECT_EQ(ended, kPairs);
    EXPECT_EQ(engine().in().shortages(), 0U);
}

}  // namespace

}  // namespace ferry::test
