// dial: from an address to a connected socket.
#pragma once

#include <optional>

#include "core/outcome.h"
#include "core/resolver.h"
#include "core/session.h"
#include "io/socket.h"
#include "io/task.h"

namespace ferry::core {

struct DialRules {
    Families families = Families::any;
    std::optional<io::Endpoint> local;  // where our own end is bound
};

// Connects to an address. A name is resolved first; where it has addresses of both families, the
// second family starts a quarter of a second after the first one, and the faster one wins (RFC
// 8305).
//
//   limit  Policy::dial, for everything together
//   gives  a socket in the session's scope
//   errors no_address, dial_failed, dial_timeout, or what stopped the session
io::Task<Step<io::Socket>> dial(Session& session, const proto::Address& to,
                                const DialRules& rules);

// The addresses behind one, best first, at least one; a name is resolved.
//
//   limit  Policy::dial
//   errors no_address, dial_timeout, or what stopped the session
io::Task<Step<Endpoints>> find_addresses(Session& session, const proto::Address& to,
                                         Families families);

}  // namespace ferry::core
