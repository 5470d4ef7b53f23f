// What holds on a ring whatever switches are on: memory is the caller's again when the answer is
// there, a send that is cut off answers once, and no request is lost where many come at a time.
#include <linux/capability.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "io/both.h"
#include "io/descriptor.h"
#include "io/uring.h"
#include "tests/io/engine.h"

namespace ferry::test {

namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::size_t kLarge = 64 * 1024;  // above what is sent by a copy in any case

class Switched : public EngineTest {};
INSTANTIATE_TEST_SUITE_P(Backends, Switched,
                         testing::Values(Kind::uring, Kind::zero_copy_ring, Kind::busy_polling_ring,
                                         Kind::polled_ring, Kind::switched_ring),
                         kind_name);

// Receives until the end or until the peer is gone; gives the number of bytes that are right, which
// are all.
io::Task<std::size_t> drain(io::Socket& socket) {
    std::size_t count = 0;
    std::size_t wrong = 0;
    for (;;) {
        io::Buffer bytes;
        auto got = co_await socket.recv(bytes);
        if (!got || *got == 0) {
            break;
        }
        for (const std::uint8_t byte : bytes.data()) {
            wrong += byte == byte_at(count++) ? 0 : 1;
        }
    }
    EXPECT_EQ(wrong, 0U);
    co_return count;
}

// Sends from one place in memory, which is written over as soon as the answer is there.
io::Task<std::size_t> send_from_one_place(io::Socket& socket, std::size_t rounds) {
    Bytes place(kLarge);
    const std::array<iovec, 2> halves = {
        iovec{.iov_base = place.data(), .iov_len = kLarge / 2},
        iovec{.iov_base = place.data() + kLarge / 2, .iov_len = kLarge / 2}};
    for (std::size_t round = 0; round < rounds; ++round) {
        std::ranges::copy(bytes_from(round * kLarge, kLarge), place.begin());
        if (round % 2 == 0) {
            auto sent = co_await socket.send(place);
            EXPECT_TRUE(sent);
        } else {
            auto sent = co_await socket.send(halves);
            EXPECT_TRUE(sent);
        }
        std::ranges::fill(place, 0);
    }
    auto ended = co_await socket.shutdown_write();
    EXPECT_TRUE(ended);
    co_return rounds* kLarge;
}

io::Task<void> reuse_scenario(io::Scope& scope) {
    auto ends = co_await link(scope, scope);
    auto counts = co_await io::both(send_from_one_place(ends->dialed, 30), drain(ends->accepted));
    EXPECT_EQ(counts.first, counts.second);
}

TEST_P(Switched, MemoryIsFreeWhenTheAnswerIsThere) {
    io::Scope scope(loop());
    scope.spawn(reuse_scenario(scope));
    EXPECT_TRUE(engine().run(scope));
}

// Sockets that have no zero-copy sends: the bytes are copied, and nobody notices.
io::Task<void> local_scenario(io::Scope& scope) {
    std::array<int, 2> pair = {-1, -1};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()), 0);
    io::Socket from(scope, io::Descriptor(scope.loop(), pair[0]));
    io::Socket to(scope, io::Descriptor(scope.loop(), pair[1]));
    auto counts = co_await io::both(send_from_one_place(from, 4), drain(to));
    EXPECT_EQ(counts.first, counts.second);
}

TEST_P(Switched, ASocketWithoutZeroCopyIsServed) {
    io::Scope scope(loop());
    scope.spawn(local_scenario(scope));
    EXPECT_TRUE(engine().run(scope));
}

// For this thread, memory that the kernel holds counts as it does for users who are not root.
class Unprivileged {
public:
    Unprivileged() {
        EXPECT_EQ(syscall(SYS_capget, &header_, all_.data()), 0);
        auto fewer = all_;
        fewer[CAP_TO_INDEX(CAP_IPC_LOCK)].effective &= ~CAP_TO_MASK(CAP_IPC_LOCK);
        EXPECT_EQ(syscall(SYS_capset, &header_, fewer.data()), 0);
    }
    Unprivileged(const Unprivileged&) = delete;
    ~Unprivileged() { EXPECT_EQ(syscall(SYS_capset, &header_, all_.data()), 0); }

private:
    __user_cap_header_struct header_ = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> all_ = {};
};

// Not a page more may be held.
class NoLockedMemory {
public:
    NoLockedMemory() {
        EXPECT_EQ(getrlimit(RLIMIT_MEMLOCK, &before_), 0);
        const rlimit none = {.rlim_cur = 0, .rlim_max = before_.rlim_max};
        EXPECT_EQ(setrlimit(RLIMIT_MEMLOCK, &none), 0);
    }
    NoLockedMemory(const NoLockedMemory&) = delete;
    ~NoLockedMemory() { EXPECT_EQ(setrlimit(RLIMIT_MEMLOCK, &before_), 0); }

private:
    rlimit before_ = {};
};

TEST_P(Switched, AtTheLimitOfLockedMemoryItIsACopy) {
    const Unprivileged unprivileged;
    use({});
    const NoLockedMemory none;
    io::Scope scope(loop());
    scope.spawn(reuse_scenario(scope));
    EXPECT_TRUE(engine().run(scope));
}

// ---- sends that are cut off

struct CutOff {
    std::unique_ptr<Link> ends;
    int answers = 0;     // of all sends
    bool ended = false;  // with a send that was cut off
};

// Sends `piece` bytes at a time to somebody who does not receive, until it is stopped.
io::Task<void> send_until_stopped(io::Scope& scope, CutOff& state, std::size_t piece) {
    Bytes bytes = bytes_from(0, piece);
    std::size_t sent = 0;
    for (;;) {
        auto done = co_await state.ends->dialed.send(scope, bytes);
        ++state.answers;
        if (!done) {
            EXPECT_EQ(done.error(), std::errc::operation_canceled);
            break;
        }
        sent += piece;
        std::ranges::copy(bytes_from(sent, piece), bytes.begin());
    }
    std::ranges::fill(bytes, 0);  // what the peer has received does not change any more
    state.ended = true;
}

io::Task<void> connect_ends(io::Scope& scope, CutOff& state) {
    state.ends = co_await link(scope, scope);
}

io::Task<void> drain_and_leave(CutOff& state, std::size_t& received) {
    received = co_await drain(state.ends->accepted);
    state.ends.reset();
}

// Bytes that the peer has not acknowledged.
int unacknowledged(const io::Socket& socket) {
    int bytes = 0;
    EXPECT_EQ(ioctl(socket.fd(), SIOCOUTQ, &bytes), 0);
    return bytes;
}

// Lets a loop look again although nothing is answered.
io::Task<void> tick(io::Scope& scope) {
    while (!scope.stopping()) {
        auto slept = co_await scope.loop().sleep_for(scope, std::chrono::milliseconds(1));
        static_cast<void>(slept);
    }
}

class CutOffSend : public Switched {
protected:
    // Stops a sender whose peer receives nothing, as soon as its connection has bytes that stay.
    void cut_off(std::size_t piece) {
        io::Scope scope(loop());
        CutOff state;
        scope.spawn(connect_ends(scope, state));
        ASSERT_TRUE(engine().run(scope));
        io::Scope sending(loop());
        sending.spawn(send_until_stopped(sending, state, piece));
        // Loopback delivers inside the call: what is still there, the peer has no room for.
        sending.spawn(tick(sending));
        ASSERT_TRUE(engine().run([&] { return unacknowledged(state.ends->dialed) > 0; }));
        sending.stop(io::Stop::removed);
        EXPECT_TRUE(engine().run(sending));
        EXPECT_TRUE(state.ended);
        std::size_t received = 0;
        state.ends->dialed.close(io::Farewell::reset);
        scope.spawn(drain_and_leave(state, received));
        EXPECT_TRUE(engine().run(scope));
        EXPECT_GT(received, 0U);
        EXPECT_LE(received, static_cast<std::size_t>(state.answers) * piece);
    }
};
INSTANTIATE_TEST_SUITE_P(Backends, CutOffSend,
                         testing::Values(Kind::uring, Kind::zero_copy_ring, Kind::polled_ring,
                                         Kind::switched_ring),
                         kind_name);

// The kernel has taken a part, and the request is still with it.
TEST_P(CutOffSend, InTheMiddleAnswersOnce) {
    cut_off(16'000'000);
}

// The kernel has taken all of it, and a zero-copy send waits for the peer only.
TEST_P(CutOffSend, BehindItsLastByteAnswersOnce) {
    cut_off(kLarge);
}

// ---- many at a time

io::Task<void> poll_until_stopped(io::Scope& scope, const io::Socket& socket, int& cut) {
    auto ready = co_await scope.loop().poll(scope, socket.fd(), POLLIN);
    EXPECT_FALSE(ready);
    ++cut;
}

// More than the queue has places, in one turn: when they come, and when they are stopped.
TEST_P(Switched, ManyRequestsAreTakenAndStopped) {
    constexpr int kMany = 700;
    io::Scope scope(loop());
    CutOff state;
    scope.spawn(connect_ends(scope, state));
    ASSERT_TRUE(engine().run(scope));
    io::Scope polling(loop());
    int cut = 0;
    for (int i = 0; i < kMany; ++i) {
        polling.spawn(poll_until_stopped(polling, state.ends->dialed, cut));
    }
    polling.stop(io::Stop::removed);
    EXPECT_TRUE(engine().run(polling));
    EXPECT_EQ(cut, kMany);
    state.ends.reset();
}

io::Task<std::size_t> send_in_pieces(io::Socket& socket, std::size_t total) {
    for (std::size_t sent = 0; sent < total;) {
        Bytes bytes = bytes_from(sent, std::min<std::size_t>(300, total - sent));
        const std::size_t half = bytes.size() / 2;
        const std::array<iovec, 2> pieces = {
            iovec{.iov_base = bytes.data(), .iov_len = half},
            iovec{.iov_base = bytes.data() + half, .iov_len = bytes.size() - half}};
        auto done = co_await socket.send(pieces);
        EXPECT_TRUE(done);
        sent += bytes.size();
    }
    auto ended = co_await socket.shutdown_write();
    EXPECT_TRUE(ended);
    co_return total;
}

io::Task<void> pair_in_pieces(io::Scope& scope, std::size_t total) {
    auto ends = co_await link(scope, scope);
    auto counts = co_await io::both(send_in_pieces(ends->dialed, total), drain(ends->accepted));
    EXPECT_EQ(counts.first, counts.second);
}

// Each send of pieces has a header that the kernel reads when it takes the request.
TEST_P(Switched, ManySendsOfPiecesDoNotMix) {
    io::Scope scope(loop());
    for (std::size_t i = 0; i < 60; ++i) {
        scope.spawn(pair_in_pieces(scope, 3'000 + i));
    }
    EXPECT_TRUE(engine().run(scope));
}

io::Task<void> send_for_long(io::Socket& socket, io::Scope& scope) {
    const Bytes bytes(kLarge);
    for (;;) {
        auto sent = co_await socket.send(scope, bytes);
        if (!sent) {
            break;
        }
    }
}

io::Task<void> receive_for_long(io::Socket& socket, io::Scope& scope, std::size_t& count) {
    for (;;) {
        io::Buffer bytes;
        auto got = co_await socket.recv(scope, bytes);
        if (!got || *got == 0) {
            break;
        }
        count += *got;
    }
}

io::Task<void> busy_link(io::Scope& parent, std::size_t& count) {
    io::Scope scope(parent.loop(), &parent);
    auto ends = co_await link(scope, scope);
    co_await io::both(io::both(send_for_long(ends->dialed, scope),
                               receive_for_long(ends->accepted, scope, count)),
                      io::both(send_for_long(ends->accepted, scope),
                               receive_for_long(ends->dialed, scope, count)));
}

TEST_P(Switched, EverythingAtWorkIsStopped) {
    io::Scope scope(loop());
    std::size_t count = 0;
    for (int i = 0; i < 10; ++i) {
        scope.spawn(busy_link(scope, count));
    }
    EXPECT_TRUE(engine().run([&count] { return count > 100 * kLarge; }));
    scope.stop(io::Stop::removed);
    EXPECT_TRUE(engine().run(scope));
}

// What is off was refused, and what is refused is off.
TEST_P(Switched, TheRingSaysWhatIsOn) {
    const io::UringSwitches all = {
        .zero_copy_send = true, .busy_poll_microseconds = 20, .submission_polling = true};
    const auto made = io::make_uring(all);
    ASSERT_TRUE(made);
    EXPECT_EQ(made->on.zero_copy_send, made->refused.zero_copy_send.empty());
    EXPECT_EQ(made->on.busy_poll_microseconds, made->refused.busy_poll.empty() ? 20U : 0U);
    EXPECT_EQ(made->on.submission_polling, made->refused.submission_polling.empty());
    const auto plain = io::make_uring({});
    ASSERT_TRUE(plain);
    EXPECT_FALSE(plain->on.zero_copy_send || plain->on.submission_polling);
    EXPECT_EQ(plain->on.busy_poll_microseconds, 0U);
    EXPECT_EQ(plain->refused.zero_copy_send + plain->refused.busy_poll, "");
}

}  // namespace

}  // namespace ferry::test
