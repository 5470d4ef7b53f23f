// What the inbounds share while they read a request.
#pragma once

#include <cstddef>

#include "core/session.h"
#include "io/task.h"

namespace ferry::core {

// Receives more of a request into the session's `early`.
//
//   gives  handshake_timeout if the deadline has passed, client_lost if the connection has ended,
//          bad_request if no slot can hold more
io::Task<Step<void>> receive_more(Session& session);

// Receives until `early` holds at least so many bytes.
io::Task<Step<void>> receive_at_least(Session& session, std::size_t bytes);

// Sends what the inbound itself has to say.
io::Task<Step<void>> say(Session& session, ByteView words);

}  // namespace ferry::core
