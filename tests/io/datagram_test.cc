// What a DatagramSocket promises: every datagram arrives whole and apart from the others,
// whatever the system does to many of them at once.
#include "io/datagram.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <vector>

#include "tests/io/mail.h"

namespace ferry::test {

namespace {

using io::Datagram;
using io::DatagramBatch;
using io::DatagramSocket;
using io::Endpoint;

class Datagrams : public DatagramTest {};
INSTANTIATE_TEST_SUITE_P(Backends, Datagrams, all_kinds(), kind_name);

// Sends back what comes, straight from where it was received.
io::Task<void> return_all(io::Scope& scope, DatagramSocket& socket, io::BufferPool& pool) {
    DatagramBatch batch;
    for (;;) {
        auto heard = co_await socket.recv(scope, pool, batch);
        if (!heard) {
            EXPECT_EQ(heard.error(), std::errc::operation_canceled);
            co_return;
        }
        auto said = co_await socket.send(scope, batch.all());
        EXPECT_TRUE(said);
        EXPECT_EQ(said.value_or(1), 0U);
    }
}

io::Task<void> ask_every_size(io::Scope& scope, DatagramSocket& socket, Endpoint to,
                              io::BufferPool& pool, std::span<const std::size_t> sizes) {
    for (const std::size_t size : sizes) {
        Mail mail;
        mail.add(to, size, size);
        std::vector<Got> got;
        co_await say(scope, socket, mail);
        co_await hear(scope, socket, pool, 1, got);
        EXPECT_EQ(got.size(), 1U);
        for (const Got& one : got) {
            EXPECT_EQ(one.peer, to);
            EXPECT_TRUE(one.bytes == mail.bytes(0)) << size << " became " << one.bytes.size();
        }
    }
}

constexpr std::array<std::size_t, 12> kSizes = {0,    1,    1472, 1999,  2000,  2001,
                                                2048, 2049, 9000, 32768, 65506, 65507};

TEST_P(Datagrams, OfEverySizeArriveWhole) {
    io::Scope servers(loop());
    io::Scope clients(loop());
    auto server = door(servers);
    auto client = door(clients);
    servers.spawn(return_all(servers, server, pool));
    clients.spawn(ask_every_size(clients, client, where(server), pool, kSizes));
    EXPECT_TRUE(engine().run(clients));
    servers.stop(io::Stop::shutdown);
    EXPECT_TRUE(engine().run(servers));
}

TEST_P(Datagrams, OverIpv6AsWell) {
    const auto here = Endpoint::from_literal("::1", 0);
    io::Scope servers(loop());
    io::Scope clients(loop());
    auto made = DatagramSocket::open(servers, *here);
    if (!made) {
        GTEST_SKIP() << "no IPv6 here";
    }
    auto server = std::move(*made);
    auto client = door(clients, *here);
    EXPECT_EQ(where(client).ip_text(), "::1");
    constexpr std::array<std::size_t, 4> kIpv6Sizes = {0, 1452, 2001, 65527};
    servers.spawn(return_all(servers, server, pool));
    clients.spawn(ask_every_size(clients, client, where(server), pool, kIpv6Sizes));
    EXPECT_TRUE(engine().run(clients));
    servers.stop(io::Stop::shutdown);
    EXPECT_TRUE(engine().run(servers));
}

// Every address of both families is one socket, to which IPv4 peers have mapped addresses.
TEST_P(Datagrams, EveryAddressIsOfBothFamilies) {
    io::Scope scope(loop());
    const auto any = Endpoint::from_literal("::", 0);
    auto both = DatagramSocket::open(scope, *any);
    if (!both) {
        GTEST_SKIP() << "no IPv6 here";
    }
    auto client = door(scope);
    auto other = door(scope);
    Mail mail;
    mail.add(Endpoint::loopback(where(*both).port()), 10);
    Mail answer;
    answer.add(where(other).mapped(), 20);
    std::vector<Got> got;
    std::vector<Got> got_by_other;
    scope.spawn(say(scope, client, mail));
    scope.spawn(hear(scope, *both, pool, 1, got));
    scope.spawn(say(scope, *both, answer));
    scope.spawn(hear(scope, other, pool, 1, got_by_other));
    EXPECT_TRUE(engine().run(scope));
    EXPECT_EQ(got.at(0).peer, where(client).mapped());
    EXPECT_EQ(got.at(0).peer.unmapped(), where(client));
    EXPECT_EQ(got_by_other.at(0).peer, Endpoint::loopback(where(*both).port()));
}

// Many, of sizes that may and that may not leave together, to one peer and to two in turns.
TEST_P(Datagrams, StayApart) {
    io::Scope scope(loop());
    auto server = door(scope);
    auto other = door(scope);
    auto client = door(scope);
    Mail mail;
    constexpr std::array<std::size_t, 10> kPattern = {1350, 1350, 1350, 400, 0, 0, 64, 64, 65, 64};
    for (std::size_t i = 0; i < 100; ++i) {
        mail.add(where(server), kPattern[i % kPattern.size()], i);
    }
    for (std::size_t i = 0; i < 10; ++i) {
        mail.add(i % 2 == 0 ? where(server) : where(other), 512, 1000 + i);
    }
    std::vector<Got> got;
    std::vector<Got> got_by_other;
    scope.spawn(say(scope, client, mail));
    scope.spawn(hear(scope, server, pool, 105, got));
    scope.spawn(hear(scope, other, pool, 5, got_by_other));
    EXPECT_TRUE(engine().run(scope));

    std::vector<Bytes> sent;
    for (std::size_t i = 0; i < mail.all().size(); ++i) {
        if (i < 100 || i % 2 == 0) {
            sent.push_back(mail.bytes(i));
        }
    }
    std::vector<Bytes> came;
    for (Got& one : got) {
        EXPECT_EQ(one.peer, where(client));
        came.push_back(std::move(one.bytes));
    }
    EXPECT_TRUE(!real() || came == sent);
    for (const Bytes& one : sent) {
        const auto found = std::ranges::find(came, one);
        ASSERT_NE(found, came.end());
        came.erase(found);
    }
    EXPECT_TRUE(came.empty());
    EXPECT_EQ(got_by_other.size(), 5U);
}

// Where the kernel refuses to cut a message into datagrams, each of them goes alone.
TEST_P(Datagrams, NeedNoHelpOfTheKernel) {
    if (!real()) {
        GTEST_SKIP() << "the simulator has no such help";
    }
    io::Scope scope(loop());
    auto server = door(scope);
    auto client = door(scope);
    // It cannot cut what has no checksum.
    const int yes = 1;
    ASSERT_EQ(setsockopt(client.fd(), SOL_SOCKET, SO_NO_CHECK, &yes, sizeof yes), 0);
    Mail mail;
    for (std::size_t i = 0; i < 70; ++i) {
        mail.add(where(server), 200, i);
    }
    std::vector<Got> got;
    scope.spawn(say(scope, client, mail));
    scope.spawn(hear(scope, server, pool, 70, got));
    EXPECT_TRUE(engine().run(scope));
    ASSERT_EQ(got.size(), 70U);
    for (std::size_t i = 0; i < got.size(); ++i) {
        EXPECT_TRUE(got[i].bytes == mail.bytes(i)) << i;
    }
}

io::Task<void> hear_in_batches(io::Scope& scope, DatagramSocket& socket, io::BufferPool& pool,
                               std::size_t count, std::vector<std::size_t>& sizes) {
    DatagramBatch batch;
    for (std::size_t heard_count = 0; heard_count < count;) {
        auto heard = co_await socket.recv(scope, pool, batch);
        EXPECT_TRUE(heard);
        heard_count += batch.all().size();
        sizes.push_back(batch.all().size());
    }
}

TEST_P(Datagrams, ComeManyAtATime) {
    if (!real()) {
        GTEST_SKIP() << "the simulated network is late";
    }
    io::Scope scope(loop());
    auto server = door(scope);
    auto client = door(scope);
    Mail mail;
    for (std::size_t i = 0; i < 100; ++i) {
        mail.add(where(server), 100, i);
    }
    std::vector<std::size_t> sizes;
    scope.spawn(say(scope, client, mail));
    scope.spawn(hear_in_batches(scope, server, pool, 100, sizes));
    EXPECT_TRUE(engine().run(scope));
    const std::vector<std::size_t> expected = {64, 36};
    EXPECT_EQ(sizes, expected);
}

TEST_P(Datagrams, GoBackToWhoSentThem) {
    io::Scope servers(loop());
    io::Scope clients(loop());
    auto server = door(servers);
    auto first = door(clients);
    auto second = door(clients);
    servers.spawn(return_all(servers, server, pool));
    Mail one;
    Mail two;
    for (std::size_t i = 0; i < 20; ++i) {
        one.add(where(server), 100 + i);
        two.add(where(server), 300 + i);
    }
    std::vector<Got> to_first;
    std::vector<Got> to_second;
    clients.spawn(say(clients, first, one));
    clients.spawn(say(clients, second, two));
    clients.spawn(hear(clients, first, pool, 20, to_first));
    clients.spawn(hear(clients, second, pool, 20, to_second));
    EXPECT_TRUE(engine().run(clients));
    const auto small = [](const Got& got) { return got.bytes.size() < 200; };
    EXPECT_TRUE(std::ranges::all_of(to_first, small));
    EXPECT_TRUE(std::ranges::none_of(to_second, small));
    servers.stop(io::Stop::shutdown);
    EXPECT_TRUE(engine().run(servers));
}

}  // namespace

}  // namespace ferry::test
