#include "proto/socks_address.h"

#include <array>

#include "proto/text.h"

namespace ferry::proto {

bool is_socks_type(std::uint8_t type) noexcept {
    return type == kSocksTypeIpv4 || type == kSocksTypeName || type == kSocksTypeIpv6;
}

Parsed<Address> read_socks_address(std::uint8_t type, Reader& from) {
    switch (type) {
        case kSocksTypeIpv4: {
            const auto ip = from.array<4>();
            return ipv4(ip, from.u16());
        }
        case kSocksTypeIpv6: {
            const auto ip = from.array<16>();
            return ipv6(ip, from.u16());
        }
        case kSocksTypeName: {
            const ByteView name = from.bytes(from.u8());
            return wire_address_from(text_of(name), from.u16());
        }
        default:
            return std::unexpected(Fault::bad_address);
    }
}

void write_socks_address(const Address& address, Writer& to) {
    constexpr std::array<std::uint8_t, 4> kAny{};
    switch (address.kind) {
        case Address::Kind::none:
            to.u8(kSocksTypeIpv4);
            to.bytes(kAny);
            to.u16(0);
            return;
        case Address::Kind::ipv4:
            to.u8(kSocksTypeIpv4);
            to.bytes(ByteView(address.ip).first(kAny.size()));
            break;
        case Address::Kind::ipv6:
            to.u8(kSocksTypeIpv6);
            to.bytes(address.ip);
            break;
        case Address::Kind::name:
            to.u8(kSocksTypeName);
            to.u8(static_cast<std::uint8_t>(address.name.size()));
            to.bytes(bytes_of(address.name));
            break;
    }
    to.u16(address.port);
}

}  // namespace ferry::proto
