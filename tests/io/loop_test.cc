// What a Loop promises: what was posted runs in order and never nested, no busy coroutine keeps
// others from running, and a poll tells what a descriptor can do.
#include "io/loop.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <coroutine>
#include <vector>

#include "io/both.h"
#include "io/condition.h"
#include "tests/io/engine.h"
#include "tests/io/yield.h"

namespace ferry::test {

namespace {

using std::chrono::milliseconds;

class Turns : public EngineTest {};
INSTANTIATE_TEST_SUITE_P(Backends, Turns, all_kinds(), kind_name);

io::Task<void> yield_for_ever(io::Loop& loop, const bool& stop, int& rounds) {
    while (!stop) {
        ++rounds;
        co_await Yield(loop);
    }
}

io::Task<void> sleep_some_times(io::Scope& scope, int times, bool& done) {
    for (int i = 0; i < times; ++i) {
        auto slept = co_await scope.loop().sleep_for(scope, milliseconds(1));
        EXPECT_TRUE(slept);
    }
    done = true;
}

// In the simulator no time passes while something is to do, so this is for real loops.
TEST_P(Turns, ABusyCoroutineDoesNotStopTheClock) {
    if (engine().simulated() != nullptr) {
        GTEST_SKIP() << "time does not pass while the loop is busy";
    }
    io::Scope scope(loop());
    bool done = false;
    int rounds = 0;
    scope.spawn(yield_for_ever(loop(), done, rounds));
    scope.spawn(sleep_some_times(scope, 3, done));
    EXPECT_TRUE(engine().run(scope));
    EXPECT_GT(rounds, 0);
}

io::Task<void> exchange_words(io::Scope& scope, bool& done) {
    auto ends = co_await link(scope, scope);
    for (int i = 0; i < 20; ++i) {
        const auto word = bytes_from(0, 1);
        auto sent = co_await ends->dialed.send(word);
        EXPECT_TRUE(sent);
        io::Buffer buffer;
        auto got = co_await ends->accepted.recv(buffer);
        EXPECT_EQ(got.value_or(0), 1U);
    }
    done = true;
}

TEST_P(Turns, ABusyCoroutineDoesNotStopTheOthers) {
    if (engine().simulated() != nullptr) {
        GTEST_SKIP() << "time does not pass while the loop is busy";
    }
    io::Scope scope(loop());
    bool done = false;
    int rounds = 0;
    scope.spawn(yield_for_ever(loop(), done, rounds));
    scope.spawn(exchange_words(scope, done));
    EXPECT_TRUE(engine().run(scope));
}

io::Task<void> take_turns(io::Loop& loop, int who, int times, std::vector<int>& order) {
    for (int i = 0; i < times; ++i) {
        order.push_back(who);
        co_await Yield(loop);
    }
}

TEST_P(Turns, PostedCoroutinesRunInOrder) {
    io::Scope scope(loop());
    std::vector<int> order;
    for (int who = 0; who < 3; ++who) {
        scope.spawn(take_turns(loop(), who, 3, order));
    }
    EXPECT_TRUE(engine().run(scope));
    EXPECT_EQ(order, (std::vector{0, 1, 2, 0, 1, 2, 0, 1, 2}));
}

struct Gate {
    io::Condition changed;
    int open = 0;
    std::vector<int> order;
};

io::Task<void> pass_gate(io::Scope& scope, Gate& gate, int who) {
    while (gate.open == 0) {
        auto changed = co_await gate.changed.wait(scope);
        EXPECT_TRUE(changed);
    }
    --gate.open;
    gate.order.push_back(who);
}

TEST_P(Turns, AConditionWakesOneOrAll) {
    io::Scope scope(loop());
    Gate gate;
    for (int who = 0; who < 4; ++who) {
        scope.spawn(pass_gate(scope, gate, who));
    }
    gate.changed.notify_all();
    engine().settle();
    EXPECT_TRUE(gate.order.empty()) << "they look again, and the gate is closed";
    gate.open = 1;
    gate.changed.notify_one();
    EXPECT_TRUE(gate.order.empty()) << "resumed in the loop, not in here";
    engine().settle();
    EXPECT_EQ(gate.order.size(), 1U);
    gate.open = 3;
    gate.changed.notify_all();
    EXPECT_TRUE(engine().run(scope));
    EXPECT_EQ(gate.order, (std::vector{0, 1, 2, 3}));
    EXPECT_FALSE(gate.changed.awaited());
    gate.changed.notify_one();
    gate.changed.notify_all();
}

io::Task<void> poll_link(io::Scope& scope) {
    auto ends = co_await link(scope, scope);
    auto writable = co_await scope.loop().poll(scope, ends->dialed.fd(), POLLOUT);
    EXPECT_EQ(writable.value_or(0), std::uint32_t{POLLOUT});
    const auto word = bytes_from(0, 10);
    auto sent = co_await ends->accepted.send(word);
    EXPECT_TRUE(sent);
    auto readable = co_await scope.loop().poll(scope, ends->dialed.fd(), POLLIN);
    EXPECT_EQ(readable.value_or(0), std::uint32_t{POLLIN});
    io::Buffer buffer;
    auto got = co_await ends->dialed.recv(buffer);
    EXPECT_GT(got.value_or(0), 0U);
}

io::Task<void> receive_one(io::Socket& socket, std::vector<std::size_t>& order) {
    io::Buffer buffer;
    auto got = co_await socket.recv(buffer);
    order.push_back(got.value_or(0));
}

io::Task<void> receive_much_and_little(io::Scope& scope, std::size_t much,
                                       std::vector<std::size_t>& order) {
    auto ends = co_await link(scope, scope);
    const auto words = bytes_from(0, much);
    auto sent_much = co_await ends->dialed.send(words);
    auto sent_little = co_await ends->accepted.send(std::span(words).first(1));
    EXPECT_TRUE(sent_much && sent_little);
    auto much_is_there = co_await scope.loop().poll(scope, ends->accepted.fd(), POLLIN);
    auto little_is_there = co_await scope.loop().poll(scope, ends->dialed.fd(), POLLIN);
    EXPECT_TRUE(much_is_there && little_is_there);
    co_await io::both(receive_one(ends->accepted, order), receive_one(ends->dialed, order));
}

// Both are answered in the same turn, the larger one first.
TEST_P(Turns, SmallAnswersAreActedUponFirst) {
    if (engine().kind() != Kind::uring && engine().kind() != Kind::epoll) {
        GTEST_SKIP() << "the two may be answered in different turns";
    }
    constexpr std::size_t kMuch = 20'000;
    use({.bytes = 2 * kMuch, .count = 4});
    io::Scope scope(loop());
    std::vector<std::size_t> order;
    scope.spawn(receive_much_and_little(scope, kMuch, order));
    EXPECT_TRUE(engine().run(scope));
    EXPECT_EQ(order, (std::vector<std::size_t>{1, kMuch}));
}

TEST_P(Turns, APollTellsWhatCanBeDone) {
    io::Scope scope(loop());
    scope.spawn(poll_link(scope));
    EXPECT_TRUE(engine().run(scope));
}

io::Task<void> wait_for_event(io::Scope& scope, int fd, int& seen) {
    auto readable = co_await scope.loop().poll(scope, fd, POLLIN);
    EXPECT_EQ(readable.value_or(0), std::uint32_t{POLLIN});
    ++seen;
}

io::Task<void> use_many_events(io::Scope& scope, int& seen) {
    for (int i = 0; i < 10; ++i) {
        const int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        // Two who wait for the same one; and the next one has the same number.
        io::Scope waiting(scope.loop(), &scope);
        waiting.spawn(wait_for_event(waiting, fd, seen));
        waiting.spawn(wait_for_event(waiting, fd, seen));
        auto slept = co_await scope.loop().sleep_for(scope, milliseconds(1));
        EXPECT_TRUE(slept);
        EXPECT_EQ(seen, 2 * i);
        const std::uint64_t one = 1;
        EXPECT_EQ(write(fd, &one, sizeof one), 8);
        co_await waiting.join();
        EXPECT_EQ(seen, 2 * i + 2);
        close(fd);
    }
}

// Descriptors that somebody else owns come and go without the loop being told.
TEST_P(Turns, PollsDescriptorsOfOthers) {
    if (engine().simulated() != nullptr) {
        GTEST_SKIP() << "the simulator knows its own descriptors only";
    }
    io::Scope scope(loop());
    int seen = 0;
    scope.spawn(use_many_events(scope, seen));
    EXPECT_TRUE(engine().run(scope));
    EXPECT_EQ(seen, 20);
}

io::Task<void> send_word(io::Socket& socket) {
    const auto word = bytes_from(0, 1);
    auto sent = co_await socket.send(word);
    EXPECT_TRUE(sent);
}

io::Task<void> receive_word(io::Socket& socket) {
    io::Buffer buffer;
    auto got = co_await socket.recv(buffer);
    EXPECT_EQ(got.value_or(0), 1U);
}

io::Task<void> chat(io::Scope& scope, int& ended) {
    auto ends = co_await link(scope, scope);
    for (int i = 0; i < 3; ++i) {
        co_await io::both(send_word(ends->dialed), receive_word(ends->accepted));
    }
    ++ended;
}

// More operations at once than the ring has places for requests.
TEST_P(Turns, HandlesMoreThanTheRingHolds) {
    constexpr int kCount = 600;
    io::Scope scope(loop());
    int ended = 0;
    for (int i = 0; i < kCount; ++i) {
        scope.spawn(chat(scope, ended));
    }
    EXPECT_TRUE(engine().run(scope));
    EXPECT_EQ(ended, kCount);
}

TEST_P(Turns, KnowsTheClockOnTheWall) {
    EXPECT_GT(loop().unix_seconds(), 1'600'000'000);
}

}  // namespace

}  // namespace ferry::test
