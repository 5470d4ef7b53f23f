// The header that SOCKS5 puts in front of every datagram between a client and its relay.
#pragma once

#include <cstddef>

#include "crypto/bytes.h"
#include "proto/address.h"
#include "proto/fault.h"
#include "proto/socks_address.h"

namespace ferry::proto {

// | reserved 2 | fragment 1 | type 1 | address | port 2 | payload | (RFC 1928, 7)
inline constexpr std::size_t kSocksPacketHeadBytesMax = 2 + 1 + kSocksAddressBytesMax;  // 262

// One datagram of a client, taken apart.
struct SocksPacket {
    Address target;
    ByteView payload;  // a part of the datagram; may be empty
};

// Takes a datagram apart. One that fails is dropped: the association goes on.
//
//   faults  fragmented: a piece of one, which a relay may refuse; bad_address; bad_length
Parsed<SocksPacket> read_socks_packet(ByteView datagram);

// Writes what stands in front of an answer.
//
//   source  where it came from; a name where the client asked for that and nobody knows better
//   to      kSocksPacketHeadBytesMax always suffice
//   gives   bytes written: 10 for IPv4, 22 for IPv6
std::size_t write_socks_packet_head(const Address& source, ByteSpan to);

}  // namespace ferry::proto
