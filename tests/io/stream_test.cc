// What a Socket promises: bytes arrive in order and complete, ends and errors arrive as such, on
// every backend. The simulator's weather is windy: everything is cut, delayed and reordered.
#include <poll.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>

#include "io/both.h"
#include "io/listener.h"
#include "tests/io/engine.h"

namespace ferry::test {

namespace {

class Stream : public EngineTest {};
INSTANTIATE_TEST_SUITE_P(Backends, Stream, all_kinds(), kind_name);
INSTANTIATE_TEST_SUITE_P(Switched, Stream, switched_kinds(), kind_name);

io::Task<void> echo(io::Socket& socket) {
    io::Buffer bytes;
    for (;;) {
        auto got = co_await socket.recv(bytes);
        EXPECT_TRUE(got);
        if (!got || *got == 0) {
            break;
        }
        auto sent = co_await socket.send(bytes.data());
        EXPECT_TRUE(sent);
        bytes.release();
    }
    auto ended = co_await socket.shutdown_write();
    EXPECT_TRUE(ended);
}

io::Task<void> send_in_order(io::Socket& socket, std::size_t total, std::size_t piece) {
    for (std::size_t sent = 0; sent < total; sent += piece) {
        const auto bytes = bytes_from(sent, std::min(piece, total - sent));
        auto done = co_await socket.send(bytes);
        EXPECT_TRUE(done);
        if (!done) {
            co_return;
        }
    }
    auto ended = co_await socket.shutdown_write();
    EXPECT_TRUE(ended);
}

// Counts the bytes until the end and checks each; with a `pool`, it receives into memory of its own
// instead of slots.
io::Task<void> receive_in_order(io::Socket& socket, io::BufferPool* pool, std::size_t& count) {
    std::size_t wrong = 0;
    for (;;) {
        io::Buffer bytes;
        if (pool != nullptr) {
            bytes = pool->try_take();
        }
        auto got = co_await socket.recv(bytes);
        EXPECT_TRUE(got);
        if (!got || *got == 0) {
            break;
        }
        EXPECT_EQ(*got, bytes.data().size());
        for (const std::uint8_t byte : bytes.data()) {
            wrong += byte == byte_at(count++) ? 0 : 1;
        }
    }
    EXPECT_EQ(wrong, 0U);
}

io::Task<void> echo_scenario(io::Scope& scope, std::size_t& received) {
    auto ends = co_await link(scope, scope);
    auto client = io::both(send_in_order(ends->dialed, 300'000, 7'001),
                           receive_in_order(ends->dialed, nullptr, received));
    co_await io::both(echo(ends->accepted), std::move(client));
}

TEST_P(Stream, EchoesEveryByteInOrder) {
    io::Scope scope(loop());
    std::size_t received = 0;
    scope.spawn(echo_scenario(scope, received));
    EXPECT_TRUE(engine().run(scope));
    EXPECT_EQ(received, 300'000U);
}

io::Task<void> one_way(io::Scope& scope, io::BufferPool* pool, std::size_t total,
                       std::size_t& received) {
    auto ends = co_await link(scope, scope);
    co_await io::both(send_in_order(ends->dialed, total, total),
                      receive_in_order(ends->accepted, pool, received));
}

// One send of several megabytes: the kernel takes it in parts, the answer comes once, for all of
// it.
TEST_P(Stream, SendsFarMoreThanTheSocketHolds) {
    constexpr std::size_t kTotal = 6'000'000;
    io::Scope scope(loop());
    std::size_t received = 0;
    scope.spawn(one_way(scope, nullptr, kTotal, received));
    EXPECT_TRUE(engine().run(scope));
    EXPECT_EQ(received, kTotal);
}

TEST_P(Stream, ReceivesIntoMemoryOfItsOwn) {
    io::BufferPool pool(1'000, 1);
    io::Scope scope(loop());
    std::size_t received = 0;
    scope.spawn(one_way(scope, &pool, 100'000, received));
    EXPECT_TRUE(engine().run(scope));
    EXPECT_EQ(received, 100'000U);
}

io::Task<void> append(io::Scope& scope, io::BufferPool& pool) {
    auto ends = co_await link(scope, scope);
    auto buffer = co_await pool.take(scope);
    EXPECT_TRUE(buffer);
    for (std::size_t sent = 0; sent < 10; ++sent) {
        const auto bytes = bytes_from(sent, 1);
        auto done = co_await ends->dialed.send(bytes);
        EXPECT_TRUE(done);
        auto got = co_await ends->accepted.recv(*buffer);
        EXPECT_EQ(got.value_or(0), 1U);
    }
    EXPECT_TRUE(std::ranges::equal(buffer->data(), bytes_from(0, 10)));
}

TEST_P(Stream, AReceiveGrowsWhatIsThere) {
    io::BufferPool pool(64, 1);
    io::Scope scope(loop());
    scope.spawn(append(scope, pool));
    EXPECT_TRUE(engine().run(scope));
}

iovec piece_of(std::vector<std::uint8_t>& bytes) {
    return {.iov_base = bytes.data(), .iov_len = bytes.size()};
}

// Pieces of very different sizes, an empty one among them, larger together than what a socket
// holds, so that the kernel stops somewhere inside.
io::Task<void> send_pieces(io::Socket& socket, std::size_t& total) {
    constexpr std::array<std::size_t, 6> kSizes = {1, 300'000, 0, 17, 4'000'000, 5};
    std::vector<std::vector<std::uint8_t>> owned;
    std::vector<iovec> pieces;
    for (const std::size_t size : kSizes) {
        owned.push_back(bytes_from(total, size));
        total += size;
    }
    for (auto& bytes : owned) {
        pieces.push_back(piece_of(bytes));
    }
    const auto before = pieces;
    auto sent = co_await socket.send(std::span<const iovec>(pieces));
    EXPECT_TRUE(sent);
    for (std::size_t i = 0; i < pieces.size(); ++i) {
        EXPECT_EQ(pieces[i].iov_base, before[i].iov_base);
        EXPECT_EQ(pieces[i].iov_len, before[i].iov_len);
    }
    auto ended = co_await socket.shutdown_write();
    EXPECT_TRUE(ended);
}

io::Task<void> pieces_scenario(io::Scope& scope, std::size_t& sent, std::size_t& received) {
    auto ends = co_await link(scope, scope);
    co_await io::both(send_pieces(ends->dialed, sent),
                      receive_in_order(ends->accepted, nullptr, received));
}

TEST_P(Stream, SendsPiecesAsOneStream) {
    io::Scope scope(loop());
    std::size_t sent = 0;
    std::size_t received = 0;
    scope.spawn(pieces_scenario(scope, sent, received));
    EXPECT_TRUE(engine().run(scope));
    EXPECT_EQ(sent, 4'300'023U);
    EXPECT_EQ(received, sent);
}

// After the end of one direction the other one still works.
io::Task<void> half_close(io::Scope& scope) {
    auto ends = co_await link(scope, scope);
    auto ended = co_await ends->dialed.shutdown_write();
    EXPECT_TRUE(ended);
    io::Buffer buffer;
    auto end = co_await ends->accepted.recv(buffer);
    EXPECT_EQ(end.value_or(1), 0U);
    EXPECT_FALSE(buffer) << "an end needs no slot";
    auto again = co_await ends->accepted.recv(buffer);
    EXPECT_EQ(again.value_or(1), 0U);
    const auto words = bytes_from(0, 100);
    auto sent = co_await ends->accepted.send(words);
    EXPECT_TRUE(sent);
    std::size_t received = 0;
    while (received < words.size()) {
        buffer.release();
        auto got = co_await ends->dialed.recv(buffer);
        EXPECT_GT(got.value_or(0), 0U);
        received += got.value_or(words.size());
    }
    EXPECT_EQ(received, words.size());
    auto refused = co_await ends->dialed.send(words);
    EXPECT_FALSE(refused);
    EXPECT_EQ(refused.error(), std::errc::broken_pipe);
}

TEST_P(Stream, GoesOnAfterHalfAClose) {
    io::Scope scope(loop());
    scope.spawn(half_close(scope));
    EXPECT_TRUE(engine().run(scope));
}

enum class Leaving : std::uint8_t { reset, unread };

// The peer leaves by a reset, or with bytes that it has not received, which is the same to us.
io::Task<void> lose_peer(io::Scope& scope, Leaving how) {
    auto ends = co_await link(scope, scope);
    if (how == Leaving::unread) {
        const auto words = bytes_from(0, 100);
        auto sent = co_await ends->dialed.send(words);
        EXPECT_TRUE(sent);
        auto there = co_await scope.loop().poll(scope, ends->accepted.fd(), POLLIN);
        EXPECT_TRUE(there);
    }
    ends->accepted.close(how == Leaving::reset ? io::Farewell::reset : io::Farewell::normal);
    EXPECT_FALSE(ends->accepted);
    io::Buffer buffer;
    auto got = co_await ends->dialed.recv(buffer);
    EXPECT_FALSE(got);
    if (!got) {
        EXPECT_EQ(got.error(), std::errc::connection_reset);
    }
    EXPECT_FALSE(buffer);
}

TEST_P(Stream, AResetIsAnError) {
    io::Scope scope(loop());
    scope.spawn(lose_peer(scope, Leaving::reset));
    EXPECT_TRUE(engine().run(scope));
}

TEST_P(Stream, ClosingWithUnreadBytesResets) {
    io::Scope scope(loop());
    scope.spawn(lose_peer(scope, Leaving::unread));
    EXPECT_TRUE(engine().run(scope));
}

// A sender whose peer has gone learns it from one of its sends, as an error and not as a signal.
io::Task<void> send_to_nobody(io::Scope& scope) {
    auto ends = co_await link(scope, scope);
    ends->accepted.close();
    const auto words = bytes_from(0, 1000);
    bool failed = false;
    for (int i = 0; i < 1000 && !failed; ++i) {
        auto sent = co_await ends->dialed.send(words);
        failed = !sent;
        if (failed) {
            EXPECT_TRUE(sent.error() == std::errc::broken_pipe ||
                        sent.error() == std::errc::connection_reset);
        }
        auto slept = co_await scope.loop().sleep_for(scope, std::chrono::milliseconds(1));
        EXPECT_TRUE(slept);
    }
    EXPECT_TRUE(failed);
}

TEST_P(Stream, SendingToNobodyFails) {
    io::Scope scope(loop());
    scope.spawn(send_to_nobody(scope));
    EXPECT_TRUE(engine().run(scope));
}

io::Task<void> knock_at_closed_door(io::Scope& scope) {
    io::Endpoint at;
    {
        auto listener = io::Listener::open(scope, io::Endpoint::loopback(), io::Sharing::first);
        EXPECT_TRUE(listener);
        at = listener->local();
    }
    auto socket = co_await io::Socket::connect(scope, at);
    EXPECT_FALSE(socket);
    if (!socket) {
        EXPECT_EQ(socket.error(), std::errc::connection_refused);
    }
}

TEST_P(Stream, ARefusedConnectionIsAnError) {
    io::Scope scope(loop());
    scope.spawn(knock_at_closed_door(scope));
    EXPECT_TRUE(engine().run(scope));
}

io::Task<void> tell_endpoints(io::Scope& scope) {
    auto listener = io::Listener::open(scope, io::Endpoint::any(), io::Sharing::first);
    EXPECT_TRUE(listener);
    const auto door = io::Endpoint::loopback(listener->local().port());
    auto ends = co_await io::both(io::Socket::connect(scope, door), listener->accept());
    EXPECT_TRUE(ends.first);
    EXPECT_TRUE(ends.second);
    io::Socket accepted(scope, std::move(ends.second->descriptor));
    EXPECT_EQ(ends.second->peer, ends.first->local());
    EXPECT_EQ(accepted.peer(), ends.first->local());
    EXPECT_EQ(accepted.local(), ends.first->peer());
    EXPECT_EQ(accepted.local()->port(), door.port());
}

TEST_P(Stream, BothEndsKnowEachOther) {
    io::Scope scope(loop());
    scope.spawn(tell_endpoints(scope));
    EXPECT_TRUE(engine().run(scope));
}

// A socket that moved belongs to the scope that it moved to: the first one may end.
io::Task<void> move_to_another_life(io::Scope& scope, std::size_t& received) {
    auto first = std::make_unique<io::Scope>(scope.loop(), &scope);
    auto ends = co_await link(*first, scope);
    io::Scope second(scope.loop(), &scope);
    io::Socket moved(second, std::move(ends->dialed));
    EXPECT_FALSE(ends->dialed);
    first->stop(io::Stop::limit);
    first.reset();
    co_await io::both(send_in_order(moved, 1000, 10),
                      receive_in_order(ends->accepted, nullptr, received));
}

TEST_P(Stream, ASocketMovesToAnotherScope) {
    io::Scope scope(loop());
    std::size_t received = 0;
    scope.spawn(move_to_another_life(scope, received));
    EXPECT_TRUE(engine().run(scope));
    EXPECT_EQ(received, 1000U);
}

}  // namespace

}  // namespace ferry::test
