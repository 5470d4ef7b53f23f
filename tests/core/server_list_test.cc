// Servers have their turns; those that servers have named have theirs until their minutes are over.
#include "core/server_list.h"

#include <gtest/gtest.h>

#include <map>

namespace ferry::core {
namespace {

namespace vmess = proto::vmess;
using std::chrono::minutes;

constexpr io::TimePoint kMoment{std::chrono::hours(1)};

vmess::UserId server_user(std::uint8_t number) {
    vmess::UserId id;
    id.bytes.fill(number);
    return id;
}

VmessServer server_at(std::uint16_t port) {
    VmessServer server;
    server.address = proto::ipv4({192, 0, 2, 1}, port);
    server.accounts.push_back(std::make_shared<const ServerAccount>(
        ServerAccount{server_user(1), vmess::CommandKey(server_user(1)), std::nullopt,
                      vmess::BodyChoice::chacha20_poly1305, vmess::SealedLengths::on, false, 7}));
    return server;
}

vmess::SwitchAccount instruction(std::uint16_t port, std::uint8_t valid_minutes) {
    vmess::SwitchAccount account;
    account.port = port;
    account.id = server_user(2);
    account.valid_minutes = valid_minutes;
    return account;
}

// The ports of the next turns.
std::vector<std::uint16_t> ports_of_turns(ServerList& list, std::size_t count, io::TimePoint now) {
    std::vector<std::uint16_t> ports;
    for (std::size_t turn = 0; turn < count; ++turn) {
        ports.push_back(list.take(now)->address.port);
    }
    return ports;
}

class ServerListTest : public testing::Test {
protected:
    void lend(const vmess::SwitchAccount& account, io::TimePoint now = kMoment) {
        list_.lend(account, main_, *main_.accounts[0], now);
    }

    VmessServer main_ = server_at(1);
    ServerList list_;
};

TEST_F(ServerListTest, ConfiguredServersHaveTheirTurns) {
    list_.add(server_at(1));
    list_.add(server_at(2));
    list_.add(server_at(3));
    EXPECT_EQ(ports_of_turns(list_, 7, kMoment), (std::vector<std::uint16_t>{1, 2, 3, 1, 2, 3, 1}));
}

TEST_F(ServerListTest, ALentServerHasItsTurnUntilItsMinutesAreOver) {
    list_.add(server_at(1));
    lend(instruction(9, 2));
    EXPECT_EQ(ports_of_turns(list_, 4, kMoment), (std::vector<std::uint16_t>{1, 9, 1, 9}));
    EXPECT_EQ(ports_of_turns(list_, 2, kMoment + minutes(2) - std::chrono::milliseconds(1)),
              (std::vector<std::uint16_t>{1, 9}));
    EXPECT_EQ(ports_of_turns(list_, 3, kMoment + minutes(2)),
              (std::vector<std::uint16_t>{1, 1, 1}));
    EXPECT_EQ(list_.size(), 1U);
}

TEST_F(ServerListTest, NamingOneAgainProlongsItsTime) {
    list_.add(server_at(1));
    lend(instruction(9, 2));
    lend(instruction(9, 2), kMoment + minutes(1));
    EXPECT_EQ(list_.size(), 2U);
    EXPECT_EQ(ports_of_turns(list_, 2, kMoment + minutes(2)), (std::vector<std::uint16_t>{1, 9}));
    EXPECT_EQ(ports_of_turns(list_, 2, kMoment + minutes(3)), (std::vector<std::uint16_t>{1, 1}));
}

TEST_F(ServerListTest, AServerCannotFillIt) {
    list_.add(server_at(1));
    for (std::uint16_t port = 1000; port < 2000; ++port) {
        lend(instruction(port, 255));
    }
    EXPECT_EQ(list_.size(), 1 + kLentServersMax);
}

TEST_F(ServerListTest, IgnoresWhatLeadsNowhere) {
    list_.add(server_at(1));
    lend(instruction(0, 5));
    lend(instruction(9, 0));
    vmess::SwitchAccount odd = instruction(9, 5);
    odd.host = std::string(300, 'a');
    lend(odd);
    EXPECT_EQ(list_.size(), 1U);
}

TEST_F(ServerListTest, ItsHostIsThatOfWhoNamesItUnlessItSaysAnother) {
    list_.add(server_at(1));
    lend(instruction(9, 5));
    vmess::SwitchAccount elsewhere = instruction(10, 5);
    elsewhere.host = "203.0.113.5";
    lend(elsewhere);
    (void)list_.take(kMoment);
    EXPECT_EQ(list_.take(kMoment)->address, proto::ipv4({192, 0, 2, 1}, 9));
    EXPECT_EQ(list_.take(kMoment)->address, proto::ipv4({203, 0, 113, 5}, 10));
}

// V2Ray falls back to aes-128-cfb there; we go on as we are configured.
TEST_F(ServerListTest, TheAccountIsTheOneNamedAndTheBodyTheOneConfigured) {
    list_.add(server_at(1));
    vmess::SwitchAccount account = instruction(9, 5);
    account.level = 3;
    account.alter_ids = 4;
    lend(account);
    (void)list_.take(kMoment);
    const auto lent = list_.take(kMoment)->accounts.at(0);
    EXPECT_EQ(lent->id, server_user(2));
    EXPECT_EQ(lent->level, 3U);
    EXPECT_TRUE(lent->signers.has_value());
    EXPECT_EQ(lent->choice, vmess::BodyChoice::chacha20_poly1305);
    EXPECT_EQ(lent->sealed_lengths, vmess::SealedLengths::on);
    EXPECT_FALSE(lent->mark_end);

    lend(instruction(10, 5));  // without alternative ids: the newer header
    EXPECT_FALSE(list_.take(kMoment)->accounts.at(0)->signers.has_value());
}

}  // namespace
}  // namespace ferry::core
