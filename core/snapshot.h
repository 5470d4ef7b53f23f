// Snapshot: everything configured, immutable, replaced as a whole.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/announced.h"
#include "core/config.h"
#include "core/inbound.h"
#include "core/made_accounts.h"
#include "core/outbound.h"
#include "core/policy.h"
#include "core/router.h"
#include "core/token_table.h"
#include "crypto/dispatch.h"
#include "io/endpoint.h"

namespace ferry::core {

// One place to listen on, and what is spoken there.
struct Port {
    io::Endpoint at;
    const Inbound* inbound;
};

// An inbound whose ports come and go.
struct ChangingPorts {
    config::Allocate settings;
    config::PortRange range;
    Port base;  // where to listen, and what is spoken; the port does not matter
    std::shared_ptr<Announced> announced;
    std::shared_ptr<MadeAccounts> made;  // of the ports; may be null
};

// Everything configured.
//
//   lifetime  sessions keep the one they started with; what they point into dies with it
//   thread    any, as nothing in it changes
struct Snapshot {
    std::vector<std::unique_ptr<Inbound>> inbounds;
    std::vector<std::unique_ptr<Outbound>> outbounds;
    std::vector<Port> ports;  // those that are always open
    std::vector<ChangingPorts> changing;
    Router router;
    std::map<std::uint32_t, Policy> policies;  // by level
    Policy standard;                           // of levels that are not written down
    SystemCounted counted;
    std::vector<std::shared_ptr<TokenTable>> tokens;  // to be kept current by somebody

    const Policy& policy_of(std::uint32_t level) const noexcept;
    // The inbound that stands for one of another snapshot: with the same tag, or, of those without
    // a tag, in the same place. Null if there is none.
    const Inbound* counterpart(const Inbound& other) const noexcept;
};

// The same snapshot under a count of its own: whoever takes and drops it does not write to where
// other cores do. Every core has one, as every session of it takes it.
std::shared_ptr<const Snapshot> counted_apart(std::shared_ptr<const Snapshot> shared);

// Makes what a checked configuration describes. `dispatch` outlives the snapshot.
std::shared_ptr<const Snapshot> make_snapshot(const config::Config& config,
                                              const crypto::Dispatch& dispatch);

}  // namespace ferry::core
