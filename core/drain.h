// drain: how a peer that has not authenticated is let go.
#pragma once

#include "core/session.h"
#include "io/task.h"

namespace ferry::core {

// Reads on and answers nothing until the session's deadline or the peer's end, so that neither the
// time nor the place of the close tells which check has failed.
//
//   limits  Limits::drains on this core and Limits::drains_per_address; beyond them it returns at
//           once, and the connection closes
//   needs   the session's scope has its handshake deadline
io::Task<void> drain(Session& session);

}  // namespace ferry::core
