// Share links: one server and one user in a line that client programs import.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/config.h"
#include "crypto/bytes.h"

namespace ferry::core {

// What a client needs to know about a server.
struct Share {
    std::string name;       // shown to the user
    proto::Address server;  // with its port
    config::UserId id;
    config::Security security = config::Security::automatic;
};

// "vmess://" and base64 of a JSON object: the form that v2rayN made common.
//
//   gives  the user's id in clear: for the terminal of whoever asked, never for a log
std::string share_link(const Share& share);

// A whole client configuration: SOCKS on 127.0.0.1:`socks_port`, everything goes to the server.
//
//   gives  the user's id in clear, as above
std::string client_config(const Share& share, std::uint16_t socks_port);

// Base64 with padding, RFC 4648 section 4.
std::string base64(ByteView bytes);

}  // namespace ferry::core
