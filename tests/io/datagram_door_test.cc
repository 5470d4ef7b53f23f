// What a DatagramSocket promises beyond delivery: nobody who waits holds memory, what befalls one
// datagram never befalls the socket, and a port has one owner.
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <vector>

#include "io/datagram.h"
#include "io/kernel_datagram.h"
#include "tests/io/mail.h"

namespace ferry::test {

namespace {

using io::DatagramBatch;
using io::DatagramSocket;
using io::Endpoint;

class DatagramDoors : public DatagramTest {};
INSTANTIATE_TEST_SUITE_P(Backends, DatagramDoors, all_kinds(), kind_name);

TEST_P(DatagramDoors, CanBeGivenUp) {
    io::Scope scope(loop());
    auto socket = door(scope);
    DatagramBatch batch;
    for (int i = 0; i < 2; ++i) {
        std::optional<io::Result<void>> answer;
        scope.spawn(hear_once(scope, socket, pool, batch, answer));
        engine().settle();
        EXPECT_EQ(answer.has_value(), scope.stopping());
        scope.stop(io::Stop::removed);
        EXPECT_TRUE(engine().run(scope));
        ASSERT_TRUE(answer);
        ASSERT_FALSE(*answer);
        EXPECT_EQ(answer->error(), std::errc::operation_canceled);
    }
}

TEST_P(DatagramDoors, TakeMemoryOnlyWhenTheyAreThere) {
    io::Scope scope(loop());
    auto socket = door(scope);
    auto client = door(scope);
    DatagramBatch batch;
    std::optional<io::Result<void>> answer;
    scope.spawn(hear_once(scope, socket, pool, batch, answer));
    engine().settle();
    EXPECT_FALSE(answer);
    EXPECT_EQ(pool.free_slots(), kSlots);

    Mail mail;
    mail.add(where(socket), 5000);
    scope.spawn(say(scope, client, mail));
    EXPECT_TRUE(engine().run(scope));
    EXPECT_EQ(pool.free_slots(), kSlots - 2);  // one is the large one's
    DatagramBatch moved = std::move(batch);
    EXPECT_TRUE(batch.empty());
    EXPECT_EQ(pool.free_slots(), kSlots - 2);
    ASSERT_EQ(moved.all().size(), 1U);
    EXPECT_TRUE(std::ranges::equal(moved.all()[0].bytes, mail.bytes(0)));
    moved.clear();
    EXPECT_TRUE(moved.empty());
    EXPECT_EQ(pool.free_slots(), kSlots);
}

// Takes slots until only so many are left.
std::vector<io::Buffer> take_all_but(io::BufferPool& pool, std::uint32_t left) {
    std::vector<io::Buffer> taken;
    while (pool.free_slots() > left) {
        taken.push_back(pool.try_take());
    }
    return taken;
}

TEST_P(DatagramDoors, AreLostWhereTheyAreLargeAndThereIsNoRoom) {
    if (!real()) {
        GTEST_SKIP() << "the simulated network is late";
    }
    io::Scope scope(loop());
    auto socket = door(scope);
    auto client = door(scope);
    const auto taken = take_all_but(pool, 2);
    Mail mail;
    for (const std::size_t size : {10, 20000, 20, 50000, 65507, 30}) {
        mail.add(where(socket), size, size);
    }
    EXPECT_EQ(client.try_send(mail.all()).taken, 6U);
    DatagramBatch batch;
    std::optional<io::Result<void>> answer;
    scope.spawn(hear_once(scope, socket, pool, batch, answer));
    EXPECT_TRUE(engine().run(scope));
    EXPECT_EQ(batch.dropped(), 2U);
    ASSERT_EQ(batch.all().size(), 4U);
    constexpr std::array<std::size_t, 4> kKept = {10, 20000, 20, 30};
    for (std::size_t i = 0; i < kKept.size(); ++i) {
        EXPECT_TRUE(std::ranges::equal(batch.all()[i].bytes, bytes_from(kKept[i], kKept[i]))) << i;
    }
    batch.clear();

    // If nothing is left of a batch, it goes on waiting.
    const auto last = take_all_but(pool, 1);
    Mail large;
    large.add(where(socket), 65507);
    EXPECT_EQ(client.try_send(large.all()).taken, 1U);
    answer.reset();
    scope.spawn(hear_once(scope, socket, pool, batch, answer));
    engine().settle();
    EXPECT_FALSE(answer);
    EXPECT_EQ(pool.free_slots(), 1U);
    Mail small;
    small.add(where(socket), 7);
    EXPECT_EQ(client.try_send(small.all()).taken, 1U);
    EXPECT_TRUE(engine().run(scope));
    EXPECT_EQ(batch.dropped(), 1U);
    EXPECT_EQ(batch.all().size(), 1U);
}

TEST_P(DatagramDoors, WaitForASlot) {
    io::Scope scope(loop());
    auto socket = door(scope);
    auto client = door(scope);
    auto taken = take_all_but(pool, 0);
    Mail mail;
    mail.add(where(socket), 100);
    DatagramBatch batch;
    std::optional<io::Result<void>> answer;
    scope.spawn(say(scope, client, mail));
    scope.spawn(hear_once(scope, socket, pool, batch, answer));
    engine().settle();
    EXPECT_FALSE(answer);
    taken.pop_back();
    EXPECT_TRUE(engine().run(scope));
    EXPECT_EQ(batch.all().size(), 1U);
}

// One that cannot be sent, or that nobody takes, does not harm the others.
TEST_P(DatagramDoors, ThatCannotBeSentAreSkipped) {
    io::Scope scope(loop());
    auto socket = door(scope);
    auto client = door(scope);
    Endpoint nobody;
    {
        auto gone = door(scope);
        nobody = where(gone);
    }
    Mail mail;
    mail.add(where(socket), 65508, 1);  // too large for IPv4
    mail.add(where(socket), 10, 2);
    mail.add(nobody, 10, 3);
    mail.add(nobody, 10, 4);
    mail.add(*Endpoint::from_literal("::1", 9), 10, 5);  // of another family
    mail.add(where(socket).with_port(0), 10, 6);
    mail.add(where(socket), 10, 7);
    std::vector<Got> got;
    scope.spawn(say(scope, client, mail, 3));
    scope.spawn(hear(scope, socket, pool, 2, got));
    EXPECT_TRUE(engine().run(scope));

    // The socket lives: it can be sent to, and sends.
    Mail answer;
    answer.add(where(client), 20);
    std::vector<Got> back;
    scope.spawn(say(scope, socket, answer));
    scope.spawn(hear(scope, client, pool, 1, back));
    EXPECT_TRUE(engine().run(scope));
    EXPECT_EQ(back.at(0).peer, where(socket));
}

TEST_P(DatagramDoors, HaveOneOwnerPerPort) {
    io::Scope scope(loop());
    auto first = door(scope);
    auto second = DatagramSocket::open(scope, where(first), io::Sharing::first);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error(), std::errc::address_in_use);
    const auto at = where(first);
    first.close();
    EXPECT_TRUE(DatagramSocket::open(scope, at, io::Sharing::first));
    const std::array<std::uint8_t, 4> elsewhere = {198, 51, 100, 1};
    auto strange = DatagramSocket::open(scope, Endpoint::ipv4(elsewhere, 0));
    ASSERT_FALSE(strange);
    EXPECT_EQ(strange.error(), std::errc::address_not_available);
}

// The cores of a process share a port, and each client has one of them for good.
TEST_P(DatagramDoors, OfOneClientReachOneCore) {
    constexpr std::size_t kClients = 40;
    io::Scope scope(loop());
    auto first = door(scope);
    auto joined = DatagramSocket::open(scope, where(first), io::Sharing::joining);
    ASSERT_TRUE(joined);
    std::vector<DatagramSocket> clients;
    Mail mail;
    mail.add(where(first), 10);
    for (std::size_t i = 0; i < kClients; ++i) {
        clients.push_back(door(scope));
        for (int time = 0; time < 3; ++time) {
            EXPECT_EQ(clients.back().try_send(mail.all()).taken, 1U);
        }
    }
    std::vector<Got> at_first;
    std::vector<Got> at_joined;
    DatagramBatch batch;
    for (auto* end : {&first, &*joined}) {
        std::vector<Got>& got = end == &first ? at_first : at_joined;
        for (;;) {
            io::Scope turn(loop());
            std::optional<io::Result<void>> answer;
            turn.spawn(hear_once(turn, *end, pool, batch, answer));
            engine().settle();
            if (!answer) {
                turn.stop(io::Stop::shutdown);
                EXPECT_TRUE(engine().run(turn));
                break;
            }
            keep(batch, got);
        }
    }
    EXPECT_EQ(at_first.size() + at_joined.size(), 3 * kClients);
    std::set<Endpoint> peers;
    for (const Got& one : at_first) {
        peers.insert(one.peer);
    }
    EXPECT_EQ(at_first.size(), 3 * peers.size());
    for (const Got& one : at_joined) {
        EXPECT_FALSE(peers.contains(one.peer));
    }
    EXPECT_FALSE(at_first.empty());
    EXPECT_FALSE(at_joined.empty());
}

// A full queue stops a send in the middle, and nothing is skipped for it. On loopback a socket's
// queue never fills, for the receiver's own is where datagrams end; that of a pair does.
TEST(KernelDatagrams, TakeNoMoreThanThereIsRoomFor) {
    std::array<int, 2> ends{};
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()), 0);
    Mail mail;
    for (std::size_t i = 0; i < 600; ++i) {
        mail.add(Endpoint(), 1 + i, i);  // each larger than the last: none leave together
    }
    const io::Sent sent = io::kernel_send_datagrams(ends[0], mail.all());
    EXPECT_GT(sent.taken, 0U);
    EXPECT_LT(sent.taken, mail.all().size());
    EXPECT_EQ(sent.skipped, 0U);

    io::Tails tails;
    std::array<std::uint8_t, 50> place{};
    for (std::size_t i = 0; i < sent.taken; ++i) {
        std::array<io::Incoming, 1> one;
        one[0].place = place;
        EXPECT_EQ(tails.receive(ends[1], one), std::size_t{1});
        Bytes whole(place.begin(), place.begin() + static_cast<std::ptrdiff_t>(one[0].head_bytes));
        whole.insert(whole.end(), one[0].tail.begin(), one[0].tail.end());
        EXPECT_TRUE(whole == mail.bytes(i)) << i;
    }
    std::array<io::Incoming, 1> none;
    none[0].place = place;
    EXPECT_EQ(tails.receive(ends[1], none), std::size_t{0});
    EXPECT_EQ(io::kernel_send_datagrams(ends[0], mail.all().subspan(sent.taken)).skipped, 0U);
    close(ends[0]);
    close(ends[1]);
    EXPECT_EQ(tails.receive(-1, none).error(), std::errc::bad_file_descriptor);
}

}  // namespace

}  // namespace ferry::test
