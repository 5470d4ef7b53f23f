// Names that look like targets and mean a way to frame what goes to many.
#pragma once

#include <string_view>

namespace ferry::proto::mux {

// A stream to this name is a mux connection: programs use it for mux internally, and it gets out.
inline constexpr std::string_view kMuxName = "v1.mux.cool";

// A UDP session to this name has an address in front of every datagram: see packet_address.h.
inline constexpr std::string_view kPacketAddressName = "sp.packet-addr.v2fly.arpa";
// A stream to this one has a length in front of each of those. It is not served.
inline constexpr std::string_view kPacketAddressStreamName = "st.packet-addr.v2fly.arpa";

}  // namespace ferry::proto::mux
