// The target of an HTTP request: whom to connect to, and what to ask for there.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "proto/address.h"

namespace ferry::proto {

inline constexpr std::uint16_t kHttpPort = 80;

// What stands for a missing port, in "host" and in "host:".
enum class HttpPort : std::uint8_t { required, default_80 };

// Reads "host", "host:port", "[::1]" or "[::1]:port".
//
//   gives  nothing for user information, a zone, a port that is none or 0, or a name with
//          characters that no name has
std::optional<Address> authority_from(std::string_view text, HttpPort port);

// Where a request goes.
struct HttpTarget {
    Address address;
    std::string_view authority;  // as in the URI, for the Host field
    std::string path;            // with the query: "/a?b", or "*"
};

// Reads "http://[user[:password]@]host[:port][/path][?query]". The scheme's case does not matter.
//
//   method  OPTIONS without a path asks about the whole server, which is "*"
//   gives   nothing for another scheme, a bad authority or a fragment
std::optional<HttpTarget> target_from(std::string_view uri, std::string_view method);

}  // namespace ferry::proto
