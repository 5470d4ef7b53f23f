// Datagrams with an address in front, against the vectors and by hand.
#include "proto/mux/packet_address.h"

#include <gtest/gtest.h>

#include <array>

#include "proto/mux/names.h"
#include "tests/vectors_json.h"

namespace ferry::proto::mux::test {
namespace {

using ferry::test::Bytes;
using ferry::test::from_hex;
using ferry::test::Json;
using ferry::test::read_vectors;
using ferry::test::to_hex;

Address packet_address_of(const Json& vector) {
    return address_from(vector["address"].text(),
                        static_cast<std::uint16_t>(vector["port"].number()))
        .value();
}

TEST(PacketAddress, VectorsAreReadAndWritten) {
    const Json vectors = read_vectors("packetaddr.json");
    EXPECT_EQ(vectors["cases"].items().size(), 3u);
    for (const Json& vector : vectors["cases"].items()) {
        SCOPED_TRACE(vector["name"].text());
        const Bytes datagram = vector["datagram"].bytes();
        const auto packet = read_packet_address(datagram);
        ASSERT_TRUE(packet);
        EXPECT_EQ(packet->address, packet_address_of(vector));
        EXPECT_EQ(to_hex(packet->payload), vector["payload"].text());

        Bytes written(datagram.size() - packet->payload.size());
        EXPECT_EQ(write_packet_address(packet_address_of(vector), written), written.size());
        EXPECT_EQ(to_hex(written) + vector["payload"].text(), vector["datagram"].text());
        EXPECT_LE(written.size(), kPacketAddressBytesMax);
    }
}

TEST(PacketAddress, TheInvalidVectors) {
    const Json vectors = read_vectors("packetaddr.json");
    EXPECT_EQ(vectors["invalid"].items().size(), 4u);
    for (const Json& vector : vectors["invalid"].items()) {
        const std::string& name = vector["name"].text();
        const Bytes datagram = vector["datagram"].bytes();
        const auto packet = read_packet_address(datagram);
        ASSERT_FALSE(packet) << name;
        EXPECT_EQ(packet.error(), name.starts_with("type") ? Fault::bad_address : Fault::bad_length)
            << name;
    }
}

TEST(PacketAddress, APrefixIsCut) {
    const std::array<Bytes, 2> kHeads{from_hex("01c00002010035"),
                                      from_hex("0220010db8000000000000000000000001ffff")};
    for (const Bytes& head : kHeads) {
        for (std::size_t bytes = 0; bytes < head.size(); ++bytes) {
            const Bytes cut(head.begin(), head.begin() + static_cast<std::ptrdiff_t>(bytes));
            const auto packet = read_packet_address(cut);
            ASSERT_FALSE(packet) << bytes;
            EXPECT_EQ(packet.error(), Fault::bad_length);
        }
        EXPECT_TRUE(read_packet_address(head));
    }
}

TEST(PacketAddress, AnyFlippedBit) {
    Bytes datagram = from_hex("01c00002010035aabb");
    const Bytes good = datagram;
    for (std::size_t bit = 0; bit < datagram.size() * 8; ++bit) {
        datagram[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
        const auto packet = read_packet_address(datagram);
        EXPECT_EQ(packet.has_value(), bit >= 8) << bit;
        if (packet) {
            EXPECT_EQ(packet->payload.size(), 2u);
        }
        datagram = good;
    }
}

TEST(PacketAddress, AWrappedIpv4AddressIsOne) {
    const Bytes datagram = from_hex("0200000000000000000000ffffc00002010035");
    const auto packet = read_packet_address(datagram);
    ASSERT_TRUE(packet);
    EXPECT_EQ(text(packet->address), "192.0.2.1:53");
}

TEST(PacketAddress, ItsNameAsksForIt) {
    EXPECT_TRUE(is_packet_address_target(address_from("sp.packet-addr.v2fly.arpa", 0).value()));
    EXPECT_TRUE(is_packet_address_target(address_from("sp.packet-addr.v2fly.arpa", 53).value()));
    EXPECT_FALSE(is_packet_address_target(address_from("st.packet-addr.v2fly.arpa", 0).value()));
    EXPECT_FALSE(is_packet_address_target(address_from("packet-addr.v2fly.arpa", 0).value()));
    EXPECT_FALSE(is_packet_address_target(address_from("192.0.2.1", 0).value()));
    EXPECT_EQ(kPacketAddressStreamName, "st.packet-addr.v2fly.arpa");
    EXPECT_EQ(kMuxName, "v1.mux.cool");
}

}  // namespace
}  // namespace ferry::proto::mux::test
