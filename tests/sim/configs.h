// What the configurations of simulated nodes are put together from.
#pragma once

#include <cstdint>

#include "core/config.h"
#include "io/endpoint.h"

namespace ferry::sim {

// On either side of kServerHost; programs live with the client, or with the target.
inline const io::Endpoint kClientHost = *io::Endpoint::from_literal("10.0.0.1", 0);
inline const io::Endpoint kTargetHost = *io::Endpoint::from_literal("10.0.0.3", 0);
inline constexpr std::uint16_t kVmessPort = 10086;
inline constexpr std::uint16_t kSocksPort = 1080;

// Nothing ends by itself: the wind may take a minute for what a policy gives two seconds.
core::config::Level patient_level();

// At kServerHost; `alter_id` is of the only user, user().
core::config::Inbound vmess_inbound(std::uint16_t alter_id = 0);
// At kClientHost.
core::config::Inbound socks_inbound(const core::config::SocksInbound& settings = {});
// At kClientHost, and what comes in goes to this port of kTargetHost.
core::config::Inbound door_inbound(std::uint16_t port, std::uint16_t target_port);

// Straight to the target.
core::config::Outbound freedom_outbound();
// As user(), with the rest as it is by default.
core::config::VmessAccount user_account(std::uint16_t alter_id = 0);
// Through a server at this port of kServerHost.
core::config::VmessOutbound through_server(const core::config::VmessAccount& account,
                                           std::uint16_t port = kVmessPort);

}  // namespace ferry::sim
