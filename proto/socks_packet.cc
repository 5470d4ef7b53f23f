#include "proto/socks_packet.h"

#include <utility>

#include "proto/cursor.h"

namespace ferry::proto {

static_assert(kSocksPacketHeadBytesMax == 262);

Parsed<SocksPacket> read_socks_packet(ByteView datagram) {
    Reader from(datagram);
    from.u16();  // reserved: zero, and nobody looks
    const std::uint8_t fragment = from.u8();
    const std::uint8_t type = from.u8();
    auto target = read_socks_address(type, from);
    if (fragment != 0) {
        return std::unexpected(Fault::fragmented);
    }
    if (!from.ok()) {
        return std::unexpected(Fault::bad_length);
    }
    if (!target) {
        return std::unexpected(target.error());
    }
    return SocksPacket{.target = std::move(*target), .payload = from.rest()};
}

std::size_t write_socks_packet_head(const Address& source, ByteSpan to) {
    Writer writer(to);
    writer.u16(0);
    writer.u8(0);  // whole
    write_socks_address(source, writer);
    return writer.at();
}

}  // namespace ferry::proto
