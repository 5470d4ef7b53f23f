#include "proto/mux/packet_address.h"

#include <cassert>

#include "proto/cursor.h"
#include "proto/mux/names.h"

namespace ferry::proto::mux {
namespace {

constexpr std::uint8_t kPacketTypeIpv4 = 1;
constexpr std::uint8_t kPacketTypeIpv6 = 2;  // 3 in request headers

}  // namespace

bool is_packet_address_target(const Address& target) noexcept {
    return target.kind == Address::Kind::name && target.name == kPacketAddressName;
}

Parsed<AddressedPacket> read_packet_address(ByteView datagram) {
    Reader from(datagram);
    AddressedPacket packet;
    switch (from.u8()) {
        case kPacketTypeIpv4: {
            const auto ip = from.array<4>();
            packet.address = ipv4(ip, from.u16());
            break;
        }
        case kPacketTypeIpv6: {
            const auto ip = from.array<16>();
            packet.address = ipv6(ip, from.u16());
            break;
        }
        default:
            return std::unexpected(from.ok() ? Fault::bad_address : Fault::bad_length);
    }
    if (!from.ok()) {
        return std::unexpected(Fault::bad_length);
    }
    packet.payload = from.rest();
    return packet;
}

std::size_t write_packet_address(const Address& address, ByteSpan to) {
    assert(address.kind == Address::Kind::ipv4 || address.kind == Address::Kind::ipv6);
    const bool is_ipv4 = address.kind == Address::Kind::ipv4;
    Writer writer(to);
    writer.u8(is_ipv4 ? kPacketTypeIpv4 : kPacketTypeIpv6);
    writer.bytes(ByteView(address.ip).first(is_ipv4 ? 4 : 16));
    writer.u16(address.port);
    return writer.at();
}

}  // namespace ferry::proto::mux
