// Packet addresses: every datagram of a UDP session to kPacketAddressName begins with an address.
#pragma once

#include <cstddef>

#include "crypto/bytes.h"
#include "proto/address.h"
#include "proto/fault.h"

namespace ferry::proto::mux {

// | type 1 | address 4 or 16 | port 2 | payload |: not the order of other addresses here, and not
// their types.
inline constexpr std::size_t kPacketAddressBytesMax = 1 + 16 + 2;

// Does a request to this target ask for packet addresses? Its port means nothing.
bool is_packet_address_target(const Address& target) noexcept;

// One datagram, taken apart.
struct AddressedPacket {
    Address address;   // to the server the destination, to the client the source
    ByteView payload;  // a part of the datagram; may be empty
};

// Takes a datagram apart. What fails is one datagram: the session goes on.
//
//   faults  bad_address: an unknown type; bad_length: cut inside the address
Parsed<AddressedPacket> read_packet_address(ByteView datagram);

// Writes what stands in front of the payload.
//
//   address  IPv4 or IPv6: there is no way to send a name
//   to       kPacketAddressBytesMax always suffice
//   gives    bytes written, 7 or 19
std::size_t write_packet_address(const Address& address, ByteSpan to);

}  // namespace ferry::proto::mux
