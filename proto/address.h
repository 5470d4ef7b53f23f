// Address: IPv4, IPv6 or a name, with a port.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "proto/fault.h"

namespace ferry::proto {

// Where somebody wants to go.
struct Address {
    enum class Kind : std::uint8_t { none, ipv4, ipv6, name };

    Kind kind = Kind::none;
    std::uint16_t port = 0;
    std::array<std::uint8_t, 16> ip{};  // ipv4: the first four bytes
    std::string name;                   // name: 1 to 255 bytes

    friend bool operator==(const Address&, const Address&) = default;
};

Address ipv4(std::array<std::uint8_t, 4> ip, std::uint16_t port);
// ::ffff:a.b.c.d becomes the IPv4 address that it wraps.
Address ipv6(const std::array<std::uint8_t, 16>& ip, std::uint16_t port);

// Reads "1.2.3.4", "::1", "[::1]" or a name; only literals become ipv4 or ipv6.
//
//   faults  bad_address: empty, longer than 255 bytes
Parsed<Address> address_from(std::string_view host, std::uint16_t port);

// May this be sent over VMess as a name? Letters, digits, '-', '.' and '_' only.
bool is_wire_name(std::string_view name) noexcept;

// Reads what somebody asks for, as address_from() does; a name must be one that may be sent.
//
//   faults  bad_address
Parsed<Address> wire_address_from(std::string_view host, std::uint16_t port);

// "1.2.3.4", "2001:db8::1" (no brackets) or the name.
std::string host_text(const Address& address);
// "1.2.3.4:80", "[2001:db8::1]:80", "example.org:80".
std::string text(const Address& address);

}  // namespace ferry::proto
