// What a stopped scope promises: every operation in it answers operation_canceled, exactly once and
// on every backend; a new one answers so without reaching the kernel; and no byte is lost by it.
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>

#include "io/both.h"
#include "io/condition.h"
#include "io/listener.h"
#include "tests/io/engine.h"

namespace ferry::test {

namespace {

using std::chrono::milliseconds;

constexpr std::errc kCanceled = std::errc::operation_canceled;

class Cancel : public EngineTest {
protected:
    // Runs until what was spawned in `scope` can only wait; then stops it and looks whether it
    // ends.
    void stop_when_waiting(io::Scope& scope) {
        engine().settle();
        EXPECT_FALSE(scope.empty()) << "nothing waits";
        scope.stop(io::Stop::removed);
        scope.stop(io::Stop::shutdown);
        EXPECT_TRUE(engine().run(scope));
        EXPECT_EQ(scope.why(), io::Stop::removed);
    }
};
INSTANTIATE_TEST_SUITE_P(Backends, Cancel, all_kinds(), kind_name);
INSTANTIATE_TEST_SUITE_P(Switched, Cancel, settling_switched_kinds(), kind_name);

template <class T>
void expect_canceled(const io::Result<T>& result) {
    EXPECT_FALSE(result);
    if (!result) {
        EXPECT_EQ(result.error(), kCanceled);
    }
}

io::Task<void> cancelled_accept(io::Scope& scope) {
    auto listener = io::Listener::open(scope, io::Endpoint::loopback(), io::Sharing::first);
    auto first = co_await listener->accept();
    expect_canceled(first);
    auto second = co_await listener->accept();
    expect_canceled(second);
}

TEST_P(Cancel, Accept) {
    io::Scope scope(loop());
    scope.spawn(cancelled_accept(scope));
    stop_when_waiting(scope);
}

// A listener of the system's whose queue is full: who dials it waits.
class FullDoor {
public:
    FullDoor() : door_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        const auto any = io::Endpoint::loopback();
        EXPECT_EQ(bind(door_, any.address(), any.length()), 0);
        EXPECT_EQ(listen(door_, 0), 0);
        socklen_t length = io::Endpoint::kLengthMax;
        EXPECT_EQ(getsockname(door_, at_.writable_address(), &length), 0);
        for (int& waiting : waiting_) {
            waiting = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
            const int begun = connect(waiting, at_.address(), at_.length());
            EXPECT_TRUE(begun == 0 || errno == EINPROGRESS);
        }
    }
    FullDoor(const FullDoor&) = delete;
    ~FullDoor() {
        for (const int waiting : waiting_) {
            close(waiting);
        }
        close(door_);
    }
    io::Endpoint at() const { return at_; }

private:
    int door_;
    io::Endpoint at_;
    std::array<int, 4> waiting_{};
};

io::Task<void> cancelled_connect(io::Scope& scope, io::Endpoint to) {
    auto socket = co_await io::Socket::connect(scope, to);
    expect_canceled(socket);
    auto again = co_await io::Socket::connect(scope, to);
    expect_canceled(again);
}

TEST_P(Cancel, Connect) {
    std::optional<FullDoor> door;
    const std::array<std::uint8_t, 4> nobody = {10, 9, 9, 9};
    auto to = io::Endpoint::ipv4(nobody, 80);  // silent in the simulator
    if (engine().simulated() == nullptr) {
        door.emplace();
        to = door->at();
    }
    io::Scope scope(loop());
    scope.spawn(cancelled_connect(scope, to));
    stop_when_waiting(scope);
}

io::Task<void> cancelled_receive(io::Scope& scope, io::BufferPool* pool) {
    io::Scope rest(scope.loop());
    auto ends = co_await link(scope, rest);
    io::Buffer buffer;
    if (pool != nullptr) {
        buffer = pool->try_take();
    }
    auto got = co_await ends->dialed.recv(buffer);
    expect_canceled(got);
    EXPECT_TRUE(buffer.data().empty());
    auto again = co_await ends->dialed.recv(buffer);
    expect_canceled(again);
}

TEST_P(Cancel, ReceiveIntoASlot) {
    io::Scope scope(loop());
    scope.spawn(cancelled_receive(scope, nullptr));
    stop_when_waiting(scope);
}

TEST_P(Cancel, ReceiveIntoMemory) {
    io::BufferPool pool(100, 1);
    io::Scope scope(loop());
    scope.spawn(cancelled_receive(scope, &pool));
    stop_when_waiting(scope);
}

io::Task<void> cancelled_send(io::Scope& scope, bool in_pieces) {
    io::Scope rest(scope.loop());
    auto ends = co_await link(scope, rest);
    const std::vector<std::uint8_t> bytes(16'000'000);
    const iovec piece = {.iov_base = const_cast<std::uint8_t*>(bytes.data()),
                         .iov_len = bytes.size()};
    if (in_pieces) {
        auto sent = co_await ends->dialed.send(std::span(&piece, 1));
        expect_canceled(sent);
    } else {
        auto sent = co_await ends->dialed.send(bytes);
        expect_canceled(sent);
    }
    auto again = co_await ends->dialed.send(std::span(bytes).first(1));
    expect_canceled(again);
    auto ended = co_await ends->dialed.shutdown_write();
    expect_canceled(ended);
}

TEST_P(Cancel, Send) {
    io::Scope scope(loop());
    scope.spawn(cancelled_send(scope, false));
    stop_when_waiting(scope);
}

TEST_P(Cancel, SendOfPieces) {
    io::Scope scope(loop());
    scope.spawn(cancelled_send(scope, true));
    stop_when_waiting(scope);
}

io::Task<void> cancelled_poll(io::Scope& scope) {
    io::Scope rest(scope.loop());
    auto ends = co_await link(scope, rest);
    auto ready = co_await scope.loop().poll(scope, ends->dialed.fd(), POLLIN);
    expect_canceled(ready);
    auto again = co_await scope.loop().poll(scope, ends->dialed.fd(), POLLOUT);
    expect_canceled(again);
}

TEST_P(Cancel, Poll) {
    io::Scope scope(loop());
    scope.spawn(cancelled_poll(scope));
    stop_when_waiting(scope);
}

io::Task<void> cancelled_sleep(io::Scope& scope) {
    auto slept = co_await scope.loop().sleep_for(scope, std::chrono::hours(1));
    expect_canceled(slept);
    auto again = co_await scope.loop().sleep_until(scope, scope.loop().now());
    expect_canceled(again);
}

TEST_P(Cancel, Sleep) {
    io::Scope scope(loop());
    scope.spawn(cancelled_sleep(scope));
    stop_when_waiting(scope);
    EXPECT_TRUE(loop().timers().empty());
}

io::Task<void> cancelled_wait(io::Scope& scope, io::Condition& condition) {
    auto changed = co_await condition.wait(scope);
    expect_canceled(changed);
    auto again = co_await condition.wait(scope);
    expect_canceled(again);
}

TEST_P(Cancel, Wait) {
    io::Condition condition;
    io::Scope scope(loop());
    scope.spawn(cancelled_wait(scope, condition));
    stop_when_waiting(scope);
    EXPECT_FALSE(condition.awaited());
}

io::Task<void> cancelled_take(io::Scope& scope, io::BufferPool& pool) {
    auto buffer = co_await pool.take(scope);
    expect_canceled(buffer);
}

TEST_P(Cancel, TakeFromAPool) {
    io::BufferPool pool(100, 1);
    io::Buffer only = pool.try_take();
    io::Scope scope(loop());
    scope.spawn(cancelled_take(scope, pool));
    stop_when_waiting(scope);
    only.release();
    io::Scope stopped(loop());
    stopped.stop(io::Stop::limit);
    stopped.spawn(cancelled_take(stopped, pool));
    EXPECT_TRUE(stopped.empty()) << "a free slot must not be given to a stopped scope";
}

// A receive that starves (bytes are there, slots are not) can be stopped like any other, and the
// bytes stay in the socket.
io::Task<void> starve(io::Scope& scope, io::Socket& socket) {
    io::Buffer buffer;
    auto got = co_await socket.recv(scope, buffer);
    expect_canceled(got);
    EXPECT_FALSE(buffer);
}

io::Task<void> hold_the_only_slot(io::Scope& scope, std::unique_ptr<Link>& ends, io::Buffer& held) {
    ends = co_await link(scope, scope);
    const auto words = bytes_from(0, 100);
    auto sent = co_await ends->dialed.send(words);
    EXPECT_TRUE(sent);
    std::size_t received = 0;
    auto got = co_await ends->accepted.recv(held);
    received = got.value_or(0);
    EXPECT_GT(received, 0U);
    EXPECT_LT(received, 100U);
}

io::Task<void> receive_rest(io::Socket& socket, std::size_t received) {
    while (received < 100) {
        io::Buffer buffer;
        auto got = co_await socket.recv(buffer);
        EXPECT_GT(got.value_or(0), 0U);
        for (const std::uint8_t byte : buffer.data()) {
            EXPECT_EQ(byte, byte_at(received++));
        }
        if (!got) {
            co_return;
        }
    }
}

TEST_P(Cancel, AStarvingReceive) {
    use({.bytes = 60, .count = 1});
    io::Scope scope(loop());
    std::unique_ptr<Link> ends;
    io::Buffer held;
    scope.spawn(hold_the_only_slot(scope, ends, held));
    ASSERT_TRUE(engine().run(scope));
    const std::size_t before = held.data().size();
    io::Scope hungry(loop());
    hungry.spawn(starve(hungry, ends->accepted));
    stop_when_waiting(hungry);
    held.release();
    scope.spawn(receive_rest(ends->accepted, before));
    EXPECT_TRUE(engine().run(scope));
    EXPECT_GT(engine().in().shortages(), 0U);
    ends.reset();
}

// Receives whose scopes are stopped again and again, at every moment that a race can have: together
// they give every byte once and in order.
io::Task<void> receive_in_short_lives(io::Socket& socket, std::size_t total,
                                      std::size_t& canceled) {
    io::Loop& loop = socket.scope().loop();
    std::size_t received = 0;
    std::size_t wrong = 0;
    for (std::size_t life = 0; received < total; ++life) {
        io::Scope brief(loop, &socket.scope());
        if (life % 3 != 0) {
            brief.expire_at(loop.now() + milliseconds(life % 3 - 1));
        }
        io::Buffer buffer;
        auto got = co_await socket.recv(brief, buffer);
        if (!got) {
            expect_canceled(got);
            EXPECT_EQ(brief.why(), io::Stop::deadline);
            ++canceled;
            continue;
        }
        EXPECT_GT(*got, 0U);
        for (const std::uint8_t byte : buffer.data()) {
            wrong += byte == byte_at(received++) ? 0 : 1;
        }
    }
    EXPECT_EQ(received, total);
    EXPECT_EQ(wrong, 0U);
}

io::Task<void> send_slowly(io::Socket& socket, std::size_t total) {
    constexpr std::size_t kPiece = 500;
    for (std::size_t sent = 0; sent < total; sent += kPiece) {
        const auto bytes = bytes_from(sent, kPiece);
        auto done = co_await socket.send(bytes);
        EXPECT_TRUE(done);
        if (sent % 2000 == 0) {
            auto slept = co_await socket.scope().loop().sleep_for(socket.scope(), milliseconds(1));
            EXPECT_TRUE(slept);
        }
    }
}

io::Task<void> race_scenario(io::Scope& scope, std::size_t& canceled) {
    constexpr std::size_t kTotal = 100'000;
    auto ends = co_await link(scope, scope);
    co_await io::both(send_slowly(ends->dialed, kTotal),
                      receive_in_short_lives(ends->accepted, kTotal, canceled));
}

class Race : public EngineTest {};
INSTANTIATE_TEST_SUITE_P(Backends, Race, all_kinds(), kind_name);
INSTANTIATE_TEST_SUITE_P(Switched, Race, testing::Values(Kind::polled_ring), kind_name);

TEST_P(Race, LosesNoByte) {
    io::Scope scope(loop());
    std::size_t canceled = 0;
    scope.spawn(race_scenario(scope, canceled));
    EXPECT_TRUE(engine().run(scope));
    EXPECT_GT(canceled, 0U);
}

// Both ends of many connections at work, everything stopped at once: all of it ends, nothing leaks.
io::Task<void> send_for_ever(io::Socket& socket, io::Scope& scope) {
    const std::vector<std::uint8_t> bytes(10'000);
    for (;;) {
        auto sent = co_await socket.send(scope, bytes);
        if (!sent) {
            expect_canceled(sent);
            co_return;
        }
    }
}

io::Task<void> receive_for_ever(io::Socket& socket, io::Scope& scope) {
    for (;;) {
        io::Buffer buffer;
        auto got = co_await socket.recv(scope, buffer);
        if (!got) {
            expect_canceled(got);
            co_return;
        }
    }
}

io::Task<void> busy_pair(io::Scope& parent) {
    io::Scope scope(parent.loop(), &parent);
    auto ends = co_await link(scope, scope);
    co_await io::both(
        io::both(send_for_ever(ends->dialed, scope), receive_for_ever(ends->accepted, scope)),
        io::both(send_for_ever(ends->accepted, scope), receive_for_ever(ends->dialed, scope)));
    EXPECT_EQ(scope.why(), io::Stop::removed);
}

TEST_P(Cancel, EverythingAtOnce) {
    io::Scope scope(loop());
    for (int i = 0; i < 20; ++i) {
        scope.spawn(busy_pair(scope));
    }
    stop_when_waiting(scope);
}

}  // namespace

}  // namespace ferry::test
