// The SOCKS5 server promises: the transcripts of RFC 1928 and RFC 1929 give the bytes that they
// say; whatever else a client sends is refused with a reply it understands; and where the input is
// cut changes nothing. Expected bytes are literals.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "proto/socks.h"
#include "tests/proto/socks_talk.h"

namespace ferry::proto::test {
namespace {

using std::string_literals::operator""s;
using Kind = SocksStep::Kind;

const std::string kGreeting = "\x05\x01\x00"s;
const std::string kConnect = "\x05\x01\x00\x01\xc0\x00\x02\x07\x01\xbb"s;  // 192.0.2.7:443
const std::string kRefused5 = "\x05\x01\x00\x01\0\0\0\0\0\0"s;

// RFC 1928 without authentication.
TEST(Socks5, ConnectsToAnIpv4Address) {
    const Told all = told(nobody(), kGreeting + kConnect);
    EXPECT_EQ(all.last, Kind::request);
    EXPECT_EQ(all.replies, "\x05\x00"s);
    EXPECT_EQ(all.count, kGreeting.size() + kConnect.size());
    EXPECT_EQ(all.target, "192.0.2.7:443");
    EXPECT_EQ(all.command, SocksCommand::connect);
    EXPECT_EQ(all.user, "");
}

TEST(Socks5, ConnectsToAnIpv6Address) {
    const Told all = told(nobody(), kGreeting +
                                        "\x05\x01\x00\x04"
                                        "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x00\x50"s);
    EXPECT_EQ(all.target, "[2001:db8::1]:80");
}

TEST(Socks5, ConnectsToAName) {
    const Told all = told(nobody(), kGreeting +
                                        "\x05\x01\x00\x03\x0b"
                                        "example.org\x1f\x90"s);
    EXPECT_EQ(all.target, "example.org:8080");
}

TEST(Socks5, TakesTheLongestName) {
    const std::string name(255, 'a');
    const Told all = told(nobody(), kGreeting + "\x05\x01\x00\x03\xff"s + name + "\0\x50"s);
    EXPECT_EQ(all.target, name + ":80");
}

// V2Ray does the same: some clients put whatever they were given into the name.
TEST(Socks5, ALiteralGivenAsANameIsAnAddress) {
    EXPECT_EQ(after(kGreeting + "\x05\x01\x00\x03\x09"
                                "127.0.0.1\0\x50"s)
                  .target()
                  .kind,
              Address::Kind::ipv4);
    EXPECT_EQ(after(kGreeting + "\x05\x01\x00\x03\x03"
                                "::1\0\x50"s)
                  .target()
                  .kind,
              Address::Kind::ipv6);
}

TEST(Socks5, KnowsUdpAssociate) {
    const Told all = told(nobody(), kGreeting + "\x05\x03\x00\x01\0\0\0\0\0\0"s);
    EXPECT_EQ(all.last, Kind::request);
    EXPECT_EQ(all.command, SocksCommand::udp_associate);
    EXPECT_EQ(all.target, "0.0.0.0:0");
}

TEST(Socks5, PicksTheMethodAmongMany) {
    EXPECT_EQ(told(nobody(), "\x05\x03\x02\x01\x00"s).replies, "\x05\x00"s);
    std::string many = "\x05\xff"s;
    many.append(254, '\x80');
    many.append(1, '\x00');
    EXPECT_EQ(told(nobody(), many).replies, "\x05\x00"s);
}

TEST(Socks5, RefusesWithoutACommonMethod) {
    for (const std::string& sent : {"\x05\x00"s, "\x05\x01\x02"s, "\x05\x02\x01\x03"s}) {
        const Told all = told(nobody(), sent);
        EXPECT_EQ(all.last, Kind::refused);
        EXPECT_EQ(all.replies, "\x05\xff"s);
        EXPECT_EQ(all.count, sent.size());
    }
}

TEST(Socks5, LeavesEarlyDataAlone) {
    const Told all = told(nobody(), kGreeting + kConnect + "GET / HTTP/1.0\r\n\r\n");
    EXPECT_EQ(all.last, Kind::request);
    EXPECT_EQ(all.count, kGreeting.size() + kConnect.size());
}

// RFC 1929.
TEST(Socks5, LogsIn) {
    const Told all = told(socks_accounts(),
                          "\x05\x02\x00\x02\x01\x03"
                          "bob\x06s3cret"s +
                              kConnect);
    EXPECT_EQ(all.last, Kind::request);
    EXPECT_EQ(all.replies, "\x05\x02\x01\x00"s);
    EXPECT_EQ(all.user, "bob");
    EXPECT_EQ(all.target, "192.0.2.7:443");
}

TEST(Socks5, AnEmptyPasswordFitsAnEmptyPassword) {
    EXPECT_EQ(told(socks_accounts(),
                   "\x05\x01\x02\x01\x05"
                   "carol\0"s +
                       kConnect)
                  .user,
              "carol");
}

// An account without a name is how a server says that nobody may pass.
TEST(Socks5, AnEmptyUserIsNobody) {
    const Told all = told({Account{}}, "\x05\x01\x02\x01\0\0"s + kConnect);
    EXPECT_EQ(all.last, Kind::refused);
    EXPECT_EQ(all.replies, "\x05\x02\x01\x01"s);
}

TEST(Socks5, RefusesWhoDoesNotLogIn) {
    const Told all = told(socks_accounts(), kGreeting + kConnect);
    EXPECT_EQ(all.last, Kind::refused);
    EXPECT_EQ(all.replies, "\x05\xff"s);
}

TEST(Socks5, RefusesAWrongLogin) {
    const std::vector<std::string> logins{
        "\x01\x03"
        "bob\x06S3cret"s,  // one bit
        "\x01\x03"
        "bob\x05s3cre"s,  // too short
        "\x01\x03"
        "bob\x07s3cret\0"s,  // too long
        "\x01\x03"
        "bob\x06secret"s,  // another user's
        "\x01\x05"
        "alice\x06s3cret"s,  //
        "\x01\x03"
        "eve\x06s3cret"s,       //
        "\x01\x00\x06s3cret"s,  //
        "\x01\x03"
        "bob\x00"s,       //
        "\x01\x00\x00"s,  //
    };
    for (const std::string& login : logins) {
        const Told all = told(socks_accounts(), "\x05\x01\x02"s + login);
        EXPECT_EQ(all.last, Kind::refused);
        EXPECT_EQ(all.replies, "\x05\x02\x01\x01"s);
        EXPECT_EQ(all.count, 3 + login.size());
    }
}

TEST(Socks5, RefusesALoginOfAnotherVersion) {
    const Told all = told(socks_accounts(),
                          "\x05\x01\x02\x05\x03"
                          "bob\x06s3cret"s);
    EXPECT_EQ(all.last, Kind::refused);
    EXPECT_EQ(all.replies, "\x05\x02\x01\x01"s);
}

TEST(Socks5, RefusesWhatItDoesNotServe) {
    for (const char command : {'\0', '\2', '\4', '\x7f'}) {
        std::string request = kConnect;
        request[1] = command;
        const Told all = told(nobody(), kGreeting + request);
        EXPECT_EQ(all.last, Kind::refused);
        EXPECT_EQ(all.replies, "\x05\x00\x05\x07\x00\x01\0\0\0\0\0\0"s);
        EXPECT_EQ(all.count, kGreeting.size() + request.size());
    }
}

TEST(Socks5, RefusesABadRequest) {
    const std::vector<std::string> requests{
        "\x04\x01\x00\x01\xc0\x00\x02\x07\x01\xbb"s,  // another version
        "\x05\x01\x01\x01\xc0\x00\x02\x07\x01\xbb"s,  // the reserved byte
        "\x05\x01\x00\x03\x00\x00\x50"s,              // an empty name
        "\x05\x01\x00\x03\x03"
        "a b\x00\x50"s,  // names that no name is
        "\x05\x01\x00\x03\x03"
        "a/b\x00\x50"s,  //
        "\x05\x01\x00\x03\x03"
        "a\0b\x00\x50"s,  //
        "\x05\x01\x00\x03\x03"
        "a\nb\x00\x50"s,  //
        "\x05\x01\x00\x03\x03"
        "\xc3\xa4"
        "b\x00\x50"s,  //
    };
    for (const std::string& request : requests) {
        const Told all = told(nobody(), kGreeting + request);
        EXPECT_EQ(all.last, Kind::refused);
        EXPECT_EQ(all.replies, "\x05\x00"s + kRefused5);
    }
}

TEST(Socks5, RefusesAnUnknownAddressType) {
    for (const char type : {'\0', '\2', '\5', '\xff'}) {
        std::string request = kConnect;
        request[3] = type;
        const Told all = told(nobody(), kGreeting + request);
        EXPECT_EQ(all.last, Kind::refused);
        EXPECT_EQ(all.replies, "\x05\x00\x05\x08\x00\x01\0\0\0\0\0\0"s);
    }
}

TEST(Socks5, AsksForMoreAtEveryPrefix) {
    const std::string sent =
        "\x05\x02\x00\x02\x01\x03"
        "bob\x06s3cret"s +
        kConnect;
    for (std::size_t bytes = 0; bytes < sent.size(); ++bytes) {
        EXPECT_EQ(told(socks_accounts(), sent.substr(0, bytes)).last, Kind::need) << bytes;
    }
}

TEST(Socks5, AnswersEachResult) {
    const SocksServer server = after(kGreeting + kConnect);
    const Address bound = ipv4({10, 1, 2, 3}, 1717);
    const std::string rest = "\x00\x01\x0a\x01\x02\x03\x06\xb5"s;
    EXPECT_EQ(answered(server, SocksResult::ok, bound), "\x05\x00"s + rest);
    EXPECT_EQ(answered(server, SocksResult::failed, bound), "\x05\x01"s + rest);
    EXPECT_EQ(answered(server, SocksResult::not_allowed, bound), "\x05\x02"s + rest);
    EXPECT_EQ(answered(server, SocksResult::unreachable, bound), "\x05\x04"s + rest);
    EXPECT_EQ(answered(server, SocksResult::refused, bound), "\x05\x05"s + rest);
    EXPECT_EQ(answered(server, SocksResult::timeout, bound), "\x05\x06"s + rest);
    EXPECT_EQ(answered(server, SocksResult::not_supported, bound), "\x05\x07"s + rest);
    EXPECT_EQ(answered(server, SocksResult::bad_address_type, bound), "\x05\x08"s + rest);
}

TEST(Socks5, AnswersWithEachKindOfAddress) {
    const SocksServer server = after(kGreeting + kConnect);
    const Address six = ipv6({0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9}, 258);
    EXPECT_EQ(answered(server, SocksResult::ok, six),
              "\x05\x00\x00\x04\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\x09\x01\x02"s);
    const std::string nothing = "\x05\x00\x00\x01\0\0\0\0\0\0"s;
    EXPECT_EQ(answered(server, SocksResult::ok, Address{}), nothing);
    EXPECT_EQ(answered(server, SocksResult::ok, *address_from("a.example", 80)), nothing);
}

}  // namespace
}  // namespace ferry::proto::test
