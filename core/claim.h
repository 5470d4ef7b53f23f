// claim: how a core gets its ports at the start.
#pragma once

#include <chrono>
#include <expected>
#include <string>
#include <system_error>
#include <vector>

#include "core/core.h"
#include "core/server.h"
#include "core/snapshot.h"
#include "io/endpoint.h"
#include "io/scope.h"
#include "io/task.h"

namespace ferry::core {

// How long all of a core's ports together may be taken. A process that is killed is gone before its
// rings are, and they keep its listeners for a moment: whoever starts the next one at once must not
// be told that somebody else has the port.
inline constexpr io::Duration kClaimPatience = std::chrono::seconds(2);
inline constexpr io::Duration kClaimPause = std::chrono::milliseconds(50);

// The endpoints with the ports that were chosen, in the order of the ports; or words for the log.
using Claimed = std::expected<std::vector<io::Endpoint>, std::string>;

// Opens all ports of a server that has not started. The first core waits for those that are taken,
// and says so.
//
//   scope    of the core's loop; a stop ends the wait
//   ports, claimed  outlive the scope
io::Task<void> claim_ports(Core& core, Server& server, io::Scope& scope,
                           const std::vector<Port>& ports, io::Sharing sharing, Claimed& claimed);

// For the log.
std::string why_not_listening(const Port& port, std::errc error);

}  // namespace ferry::core
