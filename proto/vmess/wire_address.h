// An address as request headers and mux frames write it: port, type, then the address.
#pragma once

#include <cstddef>

#include "proto/address.h"
#include "proto/cursor.h"
#include "proto/fault.h"
#include "proto/vmess/limits.h"

namespace ferry::proto::vmess {

inline constexpr std::uint8_t kTypeIpv4 = 1;
inline constexpr std::uint8_t kTypeName = 2;
inline constexpr std::uint8_t kTypeIpv6 = 3;

// port, type, length of a name, name
inline constexpr std::size_t kAddressBytesMax = 2 + 1 + 1 + kNameBytesMax;

// Reads port, type and address. A name that begins with a digit or a bracket may be a literal in
// disguise, and an IPv6 address may wrap one of IPv4: both come out as what they mean.
//
//   gives   nothing to rely on if `from` ran out of bytes: ask it first
//   faults  bad_address: a type that does not exist, a name that is empty or has other letters than
//           a name may
Parsed<Address> read_address(Reader& from);

// Writes the same; at most kAddressBytesMax. A name must pass is_wire_name().
void write_address(const Address& address, Writer& to);

}  // namespace ferry::proto::vmess
