// The embedded default: what runs where nothing is configured.
#pragma once

#include <string>
#include <vector>

#include "core/config.h"
#include "io/endpoint.h"

namespace ferry::core {

// A VMess server for a user that did not exist before, and a SOCKS and an HTTP proxy whose traffic
// goes through it. Everything is on 127.0.0.1.
struct DefaultConfig {
    config::Source source;  // as text, so that it takes the same way as any other configuration
    std::string greeting;   // for standard output: where it listens, what to try, how to connect
};

inline constexpr std::uint16_t kDefaultVmessPort = 10086;
inline constexpr std::uint16_t kDefaultSocksPort = 10808;
inline constexpr std::uint16_t kDefaultHttpPort = 10809;

DefaultConfig make_default_config(const proto::vmess::UserId& user);

}  // namespace ferry::core
