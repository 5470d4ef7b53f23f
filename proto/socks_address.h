// An address as SOCKS5 writes it: type, address, then the port.
#pragma once

#include <cstddef>
#include <cstdint>

#include "proto/address.h"
#include "proto/cursor.h"
#include "proto/fault.h"

namespace ferry::proto {

inline constexpr std::uint8_t kSocksTypeIpv4 = 1;
inline constexpr std::uint8_t kSocksTypeName = 3;
inline constexpr std::uint8_t kSocksTypeIpv6 = 4;

inline constexpr std::size_t kSocksAddressBytesMax = 1 + 1 + 255 + 2;  // with a name

bool is_socks_type(std::uint8_t type) noexcept;

// Reads address and port, behind their type. A name that is a literal becomes an address.
//
//   gives   nothing to rely on if `from` ran out of bytes: ask it first
//   faults  bad_address: an unknown type, or a name that cannot be looked up
Parsed<Address> read_socks_address(std::uint8_t type, Reader& from);

// Writes type, address and port; at most kSocksAddressBytesMax. `none` becomes 0.0.0.0:0.
void write_socks_address(const Address& address, Writer& to);

}  // namespace ferry::proto
