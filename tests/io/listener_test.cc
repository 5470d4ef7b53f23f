// What a Listener promises: one process owns its port and its cores share it; and where descriptors
// run out, it waits without spinning and goes on when one is free.
#include "io/listener.h"

#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vector>

#include "io/both.h"
#include "tests/io/engine.h"

namespace ferry::test {

namespace {

using io::Sharing;

class Doors : public EngineTest {};
INSTANTIATE_TEST_SUITE_P(Backends, Doors, all_kinds(), kind_name);

TEST_P(Doors, ASecondOwnerIsRefused) {
    io::Scope scope(loop());
    auto first = io::Listener::open(scope, io::Endpoint::loopback(), Sharing::first);
    ASSERT_TRUE(first);
    EXPECT_NE(first->local().port(), 0);
    auto second = io::Listener::open(scope, first->local(), Sharing::first);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error(), std::errc::address_in_use);
}

// Another process is refused even if it asks for a shared port first, as any server would be.
TEST_P(Doors, ASecondProcessIsRefused) {
    if (engine().simulated() != nullptr) {
        GTEST_SKIP() << "the simulator has no processes";
    }
    io::Scope scope(loop());
    auto first = io::Listener::open(scope, io::Endpoint::loopback(), Sharing::first);
    ASSERT_TRUE(first);
    const pid_t child = fork();
    if (child == 0) {
        // Sockets only: the ring is the parent's.
        auto second = loop().backend().listen(first->local(), Sharing::first);
        _exit(!second && second.error() == std::errc::address_in_use ? 0 : 1);
    }
    int status = -1;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
}

io::Task<void> count_accepted(io::Listener& listener, int& count) {
    for (;;) {
        auto accepted = co_await listener.accept();
        if (!accepted) {
            EXPECT_EQ(accepted.error(), std::errc::operation_canceled);
            co_return;
        }
        ++count;
    }
}

io::Task<void> dial_often(io::Scope& scope, io::Endpoint to, int times, int& dialed) {
    for (int i = 0; i < times; ++i) {
        auto socket = co_await io::Socket::connect(scope, to);
        EXPECT_TRUE(socket);
        ++dialed;
    }
}

// The other cores of a process join, and each of them gets connections.
TEST_P(Doors, CoresShareAPort) {
    constexpr int kDials = 60;
    io::Scope doors(loop());
    auto first = io::Listener::open(doors, io::Endpoint::loopback(), Sharing::first);
    ASSERT_TRUE(first);
    auto second = io::Listener::open(doors, first->local(), Sharing::joining);
    ASSERT_TRUE(second);
    int at_first = 0;
    int at_second = 0;
    int dialed = 0;
    doors.spawn(count_accepted(*first, at_first));
    doors.spawn(count_accepted(*second, at_second));
    io::Scope dialers(loop());
    dialers.spawn(dial_often(dialers, first->local(), kDials, dialed));
    EXPECT_TRUE(engine().run([&] { return at_first + at_second == kDials && dialers.empty(); }));
    EXPECT_GT(at_first, 0);
    EXPECT_GT(at_second, 0);
    doors.stop(io::Stop::shutdown);
    EXPECT_TRUE(engine().run(doors));
}

TEST_P(Doors, APortIsFreeAgainAtOnce) {
    io::Scope scope(loop());
    auto first = io::Listener::open(scope, io::Endpoint::loopback(), Sharing::first);
    ASSERT_TRUE(first);
    const auto at = first->local();
    {
        const auto gone = std::move(*first);
    }
    auto second = io::Listener::open(scope, at, Sharing::first);
    EXPECT_TRUE(second);
}

int no_delay(int fd) {
    int value = -1;
    socklen_t length = sizeof value;
    getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, &length);
    return value;
}

io::Task<void> look_at_options(io::Scope& scope) {
    auto ends = co_await link(scope, scope);
    EXPECT_EQ(no_delay(ends->dialed.fd()), 1);
    EXPECT_EQ(no_delay(ends->accepted.fd()), 1);
}

TEST_P(Doors, NoSocketDelaysWhatItSends) {
    if (engine().simulated() != nullptr) {
        GTEST_SKIP() << "the simulator has no such option";
    }
    io::Scope scope(loop());
    scope.spawn(look_at_options(scope));
    EXPECT_TRUE(engine().run(scope));
}

io::Task<void> hear_from_both(io::Scope& scope) {
    const auto door = io::Endpoint::from_literal("::", 0);
    auto listener = io::Listener::open(scope, *door, Sharing::first);
    EXPECT_TRUE(listener);
    for (const char* host : {"127.0.0.1", "::1"}) {
        const auto to = io::Endpoint::from_literal(host, listener->local().port());
        auto ends = co_await io::both(io::Socket::connect(scope, *to), listener->accept());
        EXPECT_TRUE(ends.first);
        EXPECT_TRUE(ends.second);
        EXPECT_EQ(ends.second->peer.ip_text(), host);
    }
}

bool has_ipv6() {
    const int fd = socket(AF_INET6, SOCK_STREAM, 0);
    const auto here = io::Endpoint::from_literal("::1", 0);
    const bool has = fd >= 0 && bind(fd, here->address(), here->length()) == 0;
    close(fd);
    return has;
}

// A listener on "::" hears IPv4 as well, and names those peers by their IPv4 address.
TEST_P(Doors, AnIpv6DoorIsOpenToBoth) {
    if (engine().simulated() != nullptr || !has_ipv6()) {
        GTEST_SKIP() << "no IPv6 here";
    }
    io::Scope scope(loop());
    scope.spawn(hear_from_both(scope));
    EXPECT_TRUE(engine().run(scope));
}

// Leaves the process, or the simulated host, only so many more descriptors.
class FewDescriptors {
public:
    FewDescriptors(Engine& engine, std::size_t more) : engine_(engine) {
        if (engine.simulated() != nullptr) {
            engine.simulated()->limit_descriptors(engine.simulated()->descriptors() + more);
            return;
        }
        getrlimit(RLIMIT_NOFILE, &before_);
        rlimit fewer = before_;
        // Numbers are given out from below, so this is what is left.
        const int next = dup(0);
        close(next);
        fewer.rlim_cur = static_cast<rlim_t>(next) + more;
        setrlimit(RLIMIT_NOFILE, &fewer);
    }
    FewDescriptors(const FewDescriptors&) = delete;
    ~FewDescriptors() {
        if (engine_.simulated() != nullptr) {
            engine_.simulated()->limit_descriptors(100'000);
        } else {
            setrlimit(RLIMIT_NOFILE, &before_);
        }
    }

private:
    Engine& engine_;
    rlimit before_ = {};
};

io::Task<void> accept_some(io::Listener& listener, std::size_t count,
                           std::vector<io::Accepted>& accepted) {
    for (std::size_t i = 0; i < count; ++i) {
        auto one = co_await listener.accept();
        EXPECT_TRUE(one);
        if (!one) {
            co_return;
        }
        accepted.push_back(std::move(*one));
    }
}

io::Task<void> dial_and_keep(io::Scope& scope, io::Endpoint to, std::vector<io::Socket>& sockets) {
    auto socket = co_await io::Socket::connect(scope, to);
    EXPECT_TRUE(socket);
    if (socket) {
        sockets.push_back(std::move(*socket));
    }
}

// Four connections wait, three descriptors are left: the fourth is accepted when one is free again,
// without a wait for the pause to end, and until then next to nothing is tried.
TEST_P(Doors, WaitWhereDescriptorsRunOut) {
    io::Scope scope(loop());
    auto listener = io::Listener::open(scope, io::Endpoint::loopback(), Sharing::first);
    ASSERT_TRUE(listener);
    std::vector<io::Socket> sockets;
    for (int i = 0; i < 4; ++i) {
        scope.spawn(dial_and_keep(scope, listener->local(), sockets));
    }
    ASSERT_TRUE(engine().run(scope));
    std::vector<io::Accepted> accepted;
    {
        const FewDescriptors few(engine(), 3);
        scope.spawn(accept_some(*listener, 4, accepted));
        EXPECT_TRUE(engine().run([&] { return listener->pauses() > 0; }));
        EXPECT_EQ(accepted.size(), 3U);
        const auto before = listener->pauses();
        auto refused = loop().backend().stream(listener->local());
        EXPECT_FALSE(refused);
        EXPECT_EQ(refused.error(), std::errc::too_many_files_open);
        EXPECT_LE(listener->pauses(), before + 1);
        accepted.pop_back();
        EXPECT_TRUE(engine().run([&] { return accepted.size() == 3; }));
    }
    EXPECT_TRUE(engine().run(scope));
    accepted.clear();
    sockets.clear();
}

// A pause ends when the scope is stopped.
TEST_P(Doors, APauseCanBeStopped) {
    io::Scope scope(loop());
    auto listener = io::Listener::open(scope, io::Endpoint::loopback(), Sharing::first);
    ASSERT_TRUE(listener);
    std::vector<io::Socket> sockets;
    scope.spawn(dial_and_keep(scope, listener->local(), sockets));
    ASSERT_TRUE(engine().run(scope));
    int count = 0;
    {
        const FewDescriptors none(engine(), 0);
        scope.spawn(count_accepted(*listener, count));
        EXPECT_TRUE(engine().run([&] { return listener->pauses() > 1; }));
        scope.stop(io::Stop::shutdown);
        EXPECT_TRUE(engine().run(scope));
    }
    EXPECT_EQ(count, 0);
    sockets.clear();
}

}  // namespace

}  // namespace ferry::test
