// Addresses are read from exactly the standard literals, and written in their shortest form.
#include "proto/address.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace ferry::test {
namespace {

using proto::Address;
using proto::address_from;
using proto::Fault;

Address::Kind kind_of(std::string_view host) {
    const auto address = address_from(host, 1);
    return address ? address->kind : Address::Kind::none;
}

std::string rewritten(std::string_view host) {
    const auto address = address_from(host, 80);
    return address ? text(*address) : "refused";
}

TEST(Address, LiteralsAreAddresses) {
    EXPECT_EQ(rewritten("192.0.2.1"), "192.0.2.1:80");
    EXPECT_EQ(rewritten("0.0.0.0"), "0.0.0.0:80");
    EXPECT_EQ(rewritten("255.255.255.255"), "255.255.255.255:80");
    EXPECT_EQ(rewritten("::"), "[::]:80");
    EXPECT_EQ(rewritten("::1"), "[::1]:80");
    EXPECT_EQ(rewritten("[::1]"), "[::1]:80");
    EXPECT_EQ(rewritten("2001:0DB8:0:0:0:0:0:1"), "[2001:db8::1]:80");
    EXPECT_EQ(rewritten("1:2:3:4:5:6:7:8"), "[1:2:3:4:5:6:7:8]:80");
    EXPECT_EQ(rewritten("64:ff9b::192.0.2.1"), "[64:ff9b::c000:201]:80");
    EXPECT_EQ(host_text(*address_from("2001:db8::1", 80)), "2001:db8::1");
}

TEST(Address, AnIpv4AddressInIpv6IsIpv4) {
    EXPECT_EQ(rewritten("::ffff:192.0.2.1"), "192.0.2.1:80");
    EXPECT_EQ(rewritten("[::ffff:c000:201]"), "192.0.2.1:80");
    EXPECT_EQ(*address_from("::ffff:192.0.2.1", 7), proto::ipv4({192, 0, 2, 1}, 7));
    EXPECT_EQ(rewritten("::fffe:192.0.2.1"), "[::fffe:c000:201]:80");
}

TEST(Address, EverythingElseIsAName) {
    for (const std::string_view host : {"example.org",
                                        "localhost",
                                        "1.2.3",
                                        "1.2.3.4.5",
                                        "256.1.1.1",
                                        "01.2.3.4",
                                        "1.2.3.4 ",
                                        " 1.2.3.4",
                                        "0x7f.1.1.1",
                                        "1.2.3.",
                                        "1",
                                        "[1.2.3.4]",
                                        "[::1",
                                        "::1]",
                                        ":::",
                                        "1::2::3",
                                        "1:2:3:4:5:6:7:8:9",
                                        "12345::",
                                        "::g",
                                        "fe80::1%1",
                                        "[]",
                                        "[",
                                        "]",
                                        "-"}) {
        EXPECT_EQ(kind_of(host), Address::Kind::name) << host;
        EXPECT_EQ(rewritten(host), std::string(host) + ":80");
    }
    // A literal with a zero in it is not the literal before the zero.
    EXPECT_EQ(kind_of(std::string_view("1.2.3.4\0x", 9)), Address::Kind::name);
}

TEST(Address, ANameHasOneTo255Bytes) {
    EXPECT_EQ(kind_of(std::string(255, 'a')), Address::Kind::name);
    for (const std::size_t bytes : {0, 256, 1000}) {
        const auto address = address_from(std::string(bytes, 'a'), 1);
        ASSERT_FALSE(address) << bytes;
        EXPECT_EQ(address.error(), Fault::bad_address);
    }
}

TEST(Address, WireNamesHaveFiveKindsOfLetters) {
    EXPECT_TRUE(proto::is_wire_name("aZ09-._"));
    EXPECT_TRUE(proto::is_wire_name("..-"));
    EXPECT_TRUE(proto::is_wire_name(std::string(255, 'a')));
    EXPECT_FALSE(proto::is_wire_name(""));
    EXPECT_FALSE(proto::is_wire_name(std::string(256, 'a')));
    int allowed = 0;
    for (int letter = 0; letter < 256; ++letter) {
        allowed += proto::is_wire_name(std::string(1, static_cast<char>(letter))) ? 1 : 0;
    }
    EXPECT_EQ(allowed, 26 + 26 + 10 + 3);
}

TEST(Address, NothingHasNoText) {
    EXPECT_EQ(host_text(Address{}), "");
}

TEST(Fault, EachHasItsOwnName) {
    std::vector<std::string_view> names;
    for (std::size_t index = 0; index < proto::kFaultCount; ++index) {
        const std::string_view name = proto::name_of(static_cast<Fault>(index));
        EXPECT_EQ(std::ranges::find(names, name), names.end()) << name;
        names.push_back(name);
    }
    EXPECT_EQ(static_cast<std::size_t>(Fault::fragmented) + 1, proto::kFaultCount);
}

}  // namespace
}  // namespace ferry::test
