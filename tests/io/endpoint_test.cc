// What an Endpoint promises: it is a value that prints, parses and compares.
#include "io/endpoint.h"

#include <gtest/gtest.h>

#include <set>

namespace ferry::test {

namespace {

using io::Endpoint;

constexpr std::array<std::uint8_t, 16> kSix = {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0,
                                               0,    0,    0,    0,    0, 0, 0, 1};

TEST(Endpoint, PrintsAsPeopleWriteIt) {
    const std::array<std::uint8_t, 4> four = {192, 0, 2, 1};
    EXPECT_EQ(Endpoint::ipv4(four, 80).text(), "192.0.2.1:80");
    EXPECT_EQ(Endpoint::ipv6(kSix, 443).text(), "[2001:db8::1]:443");
    EXPECT_EQ(Endpoint::ipv6(kSix, 443).ip_text(), "2001:db8::1");
    EXPECT_EQ(Endpoint::loopback(1).text(), "127.0.0.1:1");
    EXPECT_EQ(Endpoint().text(), "-");
    EXPECT_EQ(Endpoint().ip_text(), "");
}

TEST(Endpoint, ReadsLiteralsAndNothingElse) {
    EXPECT_EQ(Endpoint::from_literal("192.0.2.1", 7)->text(), "192.0.2.1:7");
    EXPECT_EQ(Endpoint::from_literal("2001:db8::1", 7), Endpoint::ipv6(kSix, 7));
    for (const char* text : {"", "example.org", "1.2.3", "1.2.3.4.5", "256.1.1.1", "[::1]",
                             ":::", "1.2.3.4 ", " 1.2.3.4", "1.2.3.4:80", "::1%lo"}) {
        EXPECT_FALSE(Endpoint::from_literal(text, 7)) << text;
    }
    // A text with a zero byte inside is not the text before it.
    EXPECT_FALSE(Endpoint::from_literal(std::string_view("1.2.3.4\0x", 9), 7));
}

TEST(Endpoint, ComparesByAddressPortAndZone) {
    const auto base = Endpoint::ipv6(kSix, 443, 2);
    EXPECT_EQ(base, Endpoint::ipv6(kSix, 443, 2));
    EXPECT_NE(base, Endpoint::ipv6(kSix, 443, 3));
    EXPECT_NE(base, Endpoint::ipv6(kSix, 444, 2));
    EXPECT_NE(base, Endpoint::loopback(443));
    EXPECT_NE(Endpoint(), Endpoint::any());
    std::set<Endpoint> set = {base, Endpoint::loopback(1), Endpoint::loopback(2), Endpoint()};
    EXPECT_EQ(set.size(), 4U);
    EXPECT_TRUE(set.contains(Endpoint::loopback(2)));
}

TEST(Endpoint, GivesItsParts) {
    const auto six = Endpoint::ipv6(kSix, 443, 2);
    EXPECT_EQ(six.family(), Endpoint::Family::ipv6);
    EXPECT_EQ(six.port(), 443);
    EXPECT_EQ(six.zone(), 2U);
    EXPECT_EQ(six.ip().size(), 16U);
    EXPECT_EQ(six.length(), sizeof(sockaddr_in6));
    EXPECT_EQ(six.address()->sa_family, AF_INET6);
    EXPECT_EQ(six.with_port(1).port(), 1);
    EXPECT_EQ(six.with_port(1).zone(), 2U);
    EXPECT_FALSE(six.is_any());
    EXPECT_TRUE(Endpoint::any(80).is_any());
    EXPECT_EQ(Endpoint().ip().size(), 0U);
    EXPECT_EQ(Endpoint().length(), 0U);
    EXPECT_LE(sizeof(Endpoint), 28U);
}

TEST(Endpoint, UnwrapsMappedAddresses) {
    EXPECT_EQ(Endpoint::from_literal("::ffff:10.1.2.3", 9)->unmapped().text(), "10.1.2.3:9");
    EXPECT_EQ(Endpoint::from_literal("::10.1.2.3", 9)->unmapped(),
              Endpoint::from_literal("::10.1.2.3", 9));
    EXPECT_EQ(Endpoint::loopback(9).unmapped(), Endpoint::loopback(9));
}

}  // namespace

}  // namespace ferry::test
