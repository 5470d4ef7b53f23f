// The header of SOCKS5 datagrams, by the bytes of RFC 1928.
#include "proto/socks_packet.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "proto/text.h"

namespace ferry::proto::test {
namespace {

using PacketBytes = std::vector<std::uint8_t>;

PacketBytes packet(std::string_view head, std::string_view payload = "data") {
    PacketBytes bytes(head.begin(), head.end());
    bytes.insert(bytes.end(), payload.begin(), payload.end());
    return bytes;
}

// A string with zeros in it.
template <std::size_t N>
std::string_view raw(const char (&literal)[N]) {
    return {literal, N - 1};
}

struct PacketRow {
    std::string_view head;
    std::string_view target;
};

const std::array<PacketRow, 5>& packet_rows() {
    static const std::array<PacketRow, 5> kRows{
        PacketRow{raw("\0\0\0\x01\xc0\0\x02\x01\0\x35"), "192.0.2.1:53"},
        PacketRow{raw("\0\0\0\x04\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\xff\xff"),
                  "[2001:db8::1]:65535"},
        PacketRow{raw("\0\0\0\x03\x0b"
                      "example.org\x01\xbb"),
                  "example.org:443"},
        // A literal, and an IPv6 address that wraps one of IPv4, are what they mean.
        PacketRow{raw("\0\0\0\x03\x09"
                      "127.0.0.1\0\x50"),
                  "127.0.0.1:80"},
        PacketRow{raw("\0\0\0\x04\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\x01\0\x50"), "127.0.0.1:80"},
    };
    return kRows;
}

TEST(SocksPacket, IsTakenApart) {
    for (const PacketRow& row : packet_rows()) {
        for (const std::string_view payload : {std::string_view("data"), std::string_view()}) {
            const PacketBytes datagram = packet(row.head, payload);
            const auto read = read_socks_packet(datagram);
            ASSERT_TRUE(read) << row.target;
            EXPECT_EQ(text(read->target), row.target);
            EXPECT_EQ(text_of(read->payload), payload);
        }
    }
}

TEST(SocksPacket, APrefixIsCut) {
    for (const PacketRow& row : packet_rows()) {
        for (std::size_t bytes = 0; bytes < row.head.size(); ++bytes) {
            const PacketBytes datagram = packet(row.head.substr(0, bytes), "");
            ASSERT_FALSE(read_socks_packet(datagram)) << row.target << ' ' << bytes;
            EXPECT_EQ(read_socks_packet(datagram).error(), Fault::bad_length);
        }
    }
}

TEST(SocksPacket, FragmentsAreRefused) {
    PacketBytes datagram = packet(packet_rows()[0].head);
    for (const std::uint8_t fragment : {0x01, 0x7f, 0x80, 0xff}) {
        datagram[2] = fragment;
        ASSERT_FALSE(read_socks_packet(datagram));
        EXPECT_EQ(read_socks_packet(datagram).error(), Fault::fragmented);
    }
}

TEST(SocksPacket, ReservedBytesMeanNothing) {
    PacketBytes datagram = packet(packet_rows()[0].head);
    datagram[0] = 1;
    datagram[1] = 0xff;
    EXPECT_TRUE(read_socks_packet(datagram));
}

TEST(SocksPacket, AddressesThatCannotBe) {
    const std::array kBad{
        raw("\0\0\0\0\xc0\0\x02\x01\0\x35"),
        raw("\0\0\0\x02\xc0\0\x02\x01\0\x35"),
        raw("\0\0\0\x05\xc0\0\x02\x01\0\x35"),
        raw("\0\0\0\x03\0\0\x35"),
        raw("\0\0\0\x03\x03"
            "a b\0\x35"),
        raw("\0\0\0\x03\x03"
            "a\0b\0\x35"),
    };
    for (const std::string_view head : kBad) {
        const PacketBytes datagram = packet(head);
        ASSERT_FALSE(read_socks_packet(datagram));
        EXPECT_EQ(read_socks_packet(datagram).error(), Fault::bad_address);
    }
}

TEST(SocksPacket, AnyFlippedBit) {
    for (const PacketRow& row : packet_rows()) {
        const PacketBytes good = packet(row.head);
        for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
            PacketBytes datagram = good;
            datagram[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
            const auto read = read_socks_packet(datagram);
            if (bit < 16 || bit >= row.head.size() * 8) {
                EXPECT_TRUE(read) << bit;  // reserved, or payload
            } else if (bit < 24) {
                EXPECT_FALSE(read) << bit;
            }
            if (read) {
                EXPECT_LE(read->payload.size(), good.size());
                EXPECT_NE(read->target.kind, Address::Kind::none);
            }
        }
    }
}

TEST(SocksPacket, HeadsAreWritten) {
    for (const PacketRow& row : packet_rows()) {
        const PacketBytes datagram = packet(row.head);
        const Address target = read_socks_packet(datagram)->target;
        std::array<std::uint8_t, kSocksPacketHeadBytesMax> to;
        const std::size_t bytes = write_socks_packet_head(target, to);
        if (text(target) != "127.0.0.1:80") {  // those two come in other clothes
            EXPECT_EQ(text_of(ByteView(to).first(bytes)), row.head);
        }
        const auto again = read_socks_packet(ByteView(to).first(bytes));
        ASSERT_TRUE(again);
        EXPECT_EQ(again->target, target);
        EXPECT_TRUE(again->payload.empty());
    }
}

TEST(SocksPacket, TheLongestHead) {
    const Address name = address_from(std::string(255, 'a'), 1).value();
    std::vector<std::uint8_t> to(kSocksPacketHeadBytesMax);
    EXPECT_EQ(write_socks_packet_head(name, to), kSocksPacketHeadBytesMax);
    EXPECT_EQ(read_socks_packet(to)->target, name);
    EXPECT_EQ(write_socks_packet_head(Address{}, to), 10u);
    EXPECT_EQ(text(read_socks_packet(ByteView(to).first(10))->target), "0.0.0.0:0");
}

}  // namespace
}  // namespace ferry::proto::test
