// What a Pipe promises: bytes pass from one socket to another in order and complete, neither call
// waits, and a pipe with something in it is never used again.
#include "io/pipe.h"

#include <poll.h>

#include <algorithm>

#include "io/both.h"
#include "tests/io/engine.h"

namespace ferry::test {

namespace {

class Piped : public EngineTest {};
INSTANTIATE_TEST_SUITE_P(Backends, Piped, all_kinds(), kind_name);
INSTANTIATE_TEST_SUITE_P(Switched, Piped, testing::Values(Kind::polled_ring), kind_name);

constexpr std::size_t kStreamBytes = 3'000'000;

io::Task<void> wait_for(io::Scope& scope, const io::Socket& socket, std::uint32_t events) {
    auto ready = co_await scope.loop().poll(scope, socket.fd(), events);
    EXPECT_TRUE(ready);
}

io::Task<void> feed(io::Socket& socket) {
    const auto bytes = bytes_from(0, kStreamBytes);
    auto sent = co_await socket.send(bytes);
    EXPECT_TRUE(sent);
    auto ended = co_await socket.shutdown_write();
    EXPECT_TRUE(ended);
}

io::Task<void> taste(io::Socket& socket, std::size_t& count) {
    for (;;) {
        io::Buffer bytes;
        auto got = co_await socket.recv(bytes);
        EXPECT_TRUE(got);
        if (!got || *got == 0) {
            co_return;
        }
        const auto wanted = bytes_from(count, *got);
        EXPECT_TRUE(std::ranges::equal(bytes.data(), wanted)) << "at " << count;
        count += *got;
    }
}

// A pipe of a pool; the simulator refuses one now and then.
io::Pipe some_pipe(io::PipePool& pool) {
    for (int attempt = 0; attempt < 100; ++attempt) {
        if (io::Pipe pipe = pool.try_take()) {
            return pipe;
        }
    }
    return {};
}

// Moves everything from one socket to the other, and then the end.
io::Task<void> carry(io::Scope& scope, io::PipePool& pool, io::Socket& from, io::Socket& to) {
    io::Pipe pipe = some_pipe(pool);
    EXPECT_TRUE(pipe);
    for (;;) {
        const auto got = pipe.fill(from);
        if (!got && got.error() == std::errc::operation_would_block) {
            co_await wait_for(scope, from, POLLIN);
            continue;
        }
        EXPECT_TRUE(got);
        if (got.value_or(0) == 0) {
            break;
        }
        while (pipe.held_bytes() > 0) {
            const auto moved = pipe.drain(to);
            EXPECT_TRUE(moved || moved.error() == std::errc::operation_would_block);
            if (!moved) {
                co_await wait_for(scope, to, POLLOUT);
            }
        }
    }
    auto ended = co_await to.shutdown_write();
    EXPECT_TRUE(ended);
}

io::Task<void> through_a_pipe(io::Scope& scope, io::PipePool& pool, std::size_t& count) {
    auto near = co_await link(scope, scope);
    auto far = co_await link(scope, scope);
    auto middle =
        io::both(carry(scope, pool, near->accepted, far->dialed), taste(far->accepted, count));
    co_await io::both(feed(near->dialed), std::move(middle));
}

TEST_P(Piped, CarriesEveryByteInOrderAndThenTheEnd) {
    io::PipePool pool(loop(), 1);
    io::Scope scope(loop());
    std::size_t count = 0;
    scope.spawn(through_a_pipe(scope, pool, count));
    EXPECT_TRUE(engine().run(scope));
    EXPECT_EQ(count, kStreamBytes);
    EXPECT_EQ(pool.in_use(), 0U);
}

// The sockets stay as they were: a receive that waits in the kernel still does.
io::Task<void> try_and_receive(io::Scope& scope, io::PipePool& pool) {
    auto ends = co_await link(scope, scope);
    {
        io::Pipe pipe = some_pipe(pool);
        EXPECT_TRUE(pipe);
        const auto nothing = pipe.fill(ends->accepted);
        EXPECT_TRUE(!nothing && nothing.error() == std::errc::operation_would_block);
        EXPECT_EQ(pipe.held_bytes(), 0U);
    }
    std::size_t count = 0;
    co_await io::both(taste(ends->accepted, count), feed(ends->dialed));
    EXPECT_EQ(count, kStreamBytes);
}

TEST_P(Piped, DoesNotWaitForBytes) {
    io::PipePool pool(loop(), 1);
    io::Scope scope(loop());
    scope.spawn(try_and_receive(scope, pool));
    EXPECT_TRUE(engine().run(scope));
}

// Fills a pipe and leaves: the bytes of one session must not be found by the next one.
io::Task<void> leave_bytes(io::Scope& scope, io::PipePool& pool) {
    auto ends = co_await link(scope, scope);
    const auto bytes = bytes_from(0, 1'000);
    auto sent = co_await ends->dialed.send(bytes);
    EXPECT_TRUE(sent);
    const std::size_t descriptors = open_descriptors();
    {
        io::Pipe pipe = some_pipe(pool);
        co_await wait_for(scope, ends->accepted, POLLIN);
        const auto got = pipe.fill(ends->accepted);
        EXPECT_GT(got.value_or(0), 0U);
    }
    EXPECT_EQ(open_descriptors(), descriptors) << "a pipe with bytes in it was kept";
}

TEST_P(Piped, IsNotUsedAgainWithBytesInIt) {
    io::PipePool pool(loop(), 1);
    io::Scope scope(loop());
    scope.spawn(leave_bytes(scope, pool));
    EXPECT_TRUE(engine().run(scope));
    EXPECT_EQ(pool.in_use(), 0U);
}

// A peer that has reset the connection is an error of the drain, not a wait for ever.
io::Task<void> drain_to_nobody(io::Scope& scope, io::PipePool& pool) {
    auto near = co_await link(scope, scope);
    auto far = co_await link(scope, scope);
    const auto bytes = bytes_from(0, 1'000);
    auto sent = co_await near->dialed.send(bytes);
    EXPECT_TRUE(sent);
    io::Pipe pipe = some_pipe(pool);
    co_await wait_for(scope, near->accepted, POLLIN);
    const auto got = pipe.fill(near->accepted);
    EXPECT_GT(got.value_or(0), 0U);
    far->accepted.close(io::Farewell::reset);
    co_await wait_for(scope, far->dialed, POLLIN);
    const auto moved = pipe.drain(far->dialed);
    EXPECT_TRUE(!moved && moved.error() != std::errc::operation_would_block);
}

TEST_P(Piped, TellsOfAPeerThatHasGone) {
    io::PipePool pool(loop(), 1);
    io::Scope scope(loop());
    scope.spawn(drain_to_nobody(scope, pool));
    EXPECT_TRUE(engine().run(scope));
}

TEST_P(Piped, KeepsToItsLimit) {
    io::PipePool pool(loop(), 1);
    {
        const io::Pipe one = some_pipe(pool);
        EXPECT_TRUE(one);
        const std::uint64_t before = pool.shortages();
        const io::Pipe other = pool.try_take();
        EXPECT_FALSE(other);
        EXPECT_EQ(pool.shortages(), before + 1);
    }
    const io::Pipe again = pool.try_take();
    EXPECT_TRUE(again) << "an empty one is kept";
}

}  // namespace

}  // namespace ferry::test
