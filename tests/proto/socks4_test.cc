// The SOCKS server promises for SOCKS4 and SOCKS4a, and for what is no SOCKS at all: the replies of
// the memoranda, a refusal for the rest, and no difference by where the input is cut.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "proto/socks.h"
#include "tests/proto/socks_talk.h"

namespace ferry::proto::test {
namespace {

using std::string_literals::operator""s;
using Kind = SocksStep::Kind;

const std::string kConnect4 =
    "\x04\x01\x01\xbb\xc0\x00\x02\x07"
    "fred\0"s;
const std::string kRefused4 = "\x00\x5b\0\0\0\0\0\0"s;

TEST(Socks4, ConnectsToAnAddress) {
    const Told all = told(nobody(), kConnect4);
    EXPECT_EQ(all.last, Kind::request);
    EXPECT_EQ(all.replies, "");
    EXPECT_EQ(all.count, kConnect4.size());
    EXPECT_EQ(all.target, "192.0.2.7:443");
    EXPECT_EQ(all.command, SocksCommand::connect);
}

TEST(Socks4, ConnectsToAName) {
    const Told all = told(nobody(),
                          "\x04\x01\x00\x50\0\0\0\x01"
                          "fred\0example.org\0early"s);
    EXPECT_EQ(all.last, Kind::request);
    EXPECT_EQ(all.target, "example.org:80");
    EXPECT_EQ(all.count, 8u + 5 + 12);
}

TEST(Socks4, ZeroIsAnAddressWithoutAName) {
    EXPECT_EQ(told(nobody(), "\x04\x01\x00\x50\0\0\0\0\0"s).target, "0.0.0.0:80");
}

TEST(Socks4, TakesTheLongestTexts) {
    const std::string user(kSocksUserIdBytesMax, 'u');
    const std::string name(kSocksNameBytesMax, 'n');
    const std::string sent = "\x04\x01\x00\x50\0\0\0\x01"s + user + '\0' + name + '\0';
    EXPECT_EQ(sent.size(), kSocksMessageBytesMax);
    EXPECT_EQ(told(nobody(), sent).target, name + ":80");
}

TEST(Socks4, RefusesLongerTexts) {
    const std::string user(kSocksUserIdBytesMax + 1, 'u');
    const std::string name(kSocksNameBytesMax + 1, 'n');
    for (const std::string& sent : {"\x04\x01\x00\x50\xc0\x00\x02\x07"s + user + '\0',
                                    "\x04\x01\x00\x50\0\0\0\x01"s + '\0' + name + '\0'}) {
        const Told all = told(nobody(), sent);
        EXPECT_EQ(all.last, Kind::refused);
        EXPECT_EQ(all.replies, kRefused4);
    }
}

TEST(Socks4, RefusesWhatItDoesNotServe) {
    for (const char command : {'\0', '\2', '\3', '\xff'}) {
        std::string sent = kConnect4;
        sent[1] = command;
        const Told all = told(nobody(), sent);
        EXPECT_EQ(all.last, Kind::refused);
        EXPECT_EQ(all.replies, kRefused4);
        EXPECT_EQ(all.count, sent.size());
    }
    for (const std::string& name : {""s, "a b"s, "a/b"s}) {
        EXPECT_EQ(told(nobody(), "\x04\x01\x00\x50\0\0\0\x01\0"s + name + '\0').replies, kRefused4);
    }
}

TEST(Socks4, IsRefusedWhereAccountsAre) {
    const Told all = told(socks_accounts(), kConnect4);
    EXPECT_EQ(all.last, Kind::refused);
    EXPECT_EQ(all.replies, kRefused4);
    EXPECT_EQ(all.count, kConnect4.size());
}

TEST(Socks4, AsksForMoreAtEveryPrefix) {
    const std::string sent =
        "\x04\x01\x00\x50\0\0\0\x01"
        "fred\0example.org\0"s;
    for (std::size_t bytes = 0; bytes < sent.size(); ++bytes) {
        EXPECT_EQ(told(nobody(), sent.substr(0, bytes)).last, Kind::need) << bytes;
    }
}

TEST(Socks4, Answers) {
    const SocksServer server = after(kConnect4);
    const Address bound = ipv4({10, 1, 2, 3}, 1717);
    EXPECT_EQ(answered(server, SocksResult::ok, bound), "\x00\x5a\x06\xb5\x0a\x01\x02\x03"s);
    EXPECT_EQ(answered(server, SocksResult::ok, Address{}), "\x00\x5a\0\0\0\0\0\0"s);
    EXPECT_EQ(answered(server, SocksResult::timeout, Address{}), kRefused4);
}

TEST(Socks, RefusesOtherProtocolsWithoutAWord) {
    for (const std::string& sent : {"GET / HTTP/1.1\r\n"s, "\x16\x03\x01"s, "\0"s, "\x06\x01"s}) {
        const Told all = told(nobody(), sent);
        EXPECT_EQ(all.last, Kind::refused);
        EXPECT_EQ(all.replies, "");
        EXPECT_EQ(all.count, 0u);
    }
}

// Every byte of every message, replaced by every value: no cut may change what happens.
TEST(Socks, AnyByteInAnyPlaceIsReadTheSameWayAtAnyCut) {
    const std::vector<std::string> conversations{
        "\x05\x02\x00\x02\x01\x03"
        "bob\x06s3cret\x05\x01\x00\x03\x04"
        "a.bc\x00\x50xy"s,
        "\x04\x01\x00\x50\0\0\0\x01"
        "ab\0c.de\0xy"s,
    };
    for (const std::string& sent : conversations) {
        for (std::size_t place = 0; place < sent.size(); ++place) {
            for (int value = 0; value < 256; ++value) {
                std::string changed = sent;
                changed[place] = static_cast<char>(value);
                const Told& whole = told(socks_accounts(), changed, changed.size(), changed.size());
                EXPECT_EQ(told(socks_accounts(), changed, 0, 1), whole) << place << ' ' << value;
                EXPECT_EQ(told(nobody(), changed, 0, 1),
                          told(nobody(), changed, changed.size(), changed.size()))
                    << place << ' ' << value;
            }
        }
    }
}

}  // namespace
}  // namespace ferry::proto::test
