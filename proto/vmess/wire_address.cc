#include "proto/vmess/wire_address.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <string>
#include <string_view>

namespace ferry::proto::vmess {
namespace {

std::string_view as_text(ByteView bytes, std::array<char, kNameBytesMax>& store) {
    std::ranges::copy(bytes, store.begin());
    return {store.data(), bytes.size()};
}

// A name may be a literal in disguise: peers look for one behind a digit or a bracket.
Parsed<Address> address_of_name(ByteView name, std::uint16_t port) {
    std::array<char, kNameBytesMax> store;
    const std::string_view text = as_text(name, store);
    if (text.empty()) {
        return std::unexpected(Fault::bad_address);
    }
    const bool may_be_literal = text[0] == '[' || (text[0] >= '0' && text[0] <= '9');
    if (may_be_literal) {
        auto address = address_from(text, port);
        if (address && address->kind != Address::Kind::name) {
            return address;
        }
    }
    if (!is_wire_name(text)) {
        return std::unexpected(Fault::bad_address);
    }
    return Address{.kind = Address::Kind::name, .port = port, .ip = {}, .name = std::string(text)};
}

}  // namespace

Parsed<Address> read_address(Reader& from) {
    const std::uint16_t port = from.u16();
    switch (from.u8()) {
        case kTypeIpv4:
            return ipv4(from.array<4>(), port);
        case kTypeIpv6:
            return ipv6(from.array<16>(), port);
        case kTypeName:
            return address_of_name(from.bytes(from.u8()), port);
        default:
            return std::unexpected(Fault::bad_address);
    }
}

void write_address(const Address& address, Writer& to) {
    assert(address.kind != Address::Kind::none);
    to.u16(address.port);
    switch (address.kind) {
        case Address::Kind::ipv4:
            to.u8(kTypeIpv4);
            to.bytes(ByteView(address.ip).first(4));
            return;
        case Address::Kind::ipv6:
            to.u8(kTypeIpv6);
            to.bytes(address.ip);
            return;
        case Address::Kind::name:
            assert(is_wire_name(address.name));
            to.u8(kTypeName);
            to.u8(static_cast<std::uint8_t>(address.name.size()));
            std::ranges::copy(address.name, to.room(address.name.size()).begin());
            return;
        case Address::Kind::none:
            return;
    }
}

}  // namespace ferry::proto::vmess
