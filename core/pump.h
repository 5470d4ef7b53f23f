// pump: moves one direction of a session until it ends.
#pragma once

#include "core/session.h"
#include "io/buffer.h"
#include "io/task.h"

namespace ferry::core {

// Moves one direction: receives, opens, seals, sends. Slots are held only while bytes are in them.
//
//   early   up: what has arrived already; on return, what belongs to the next exchange
//   gives   how this direction ended. If badly, the session's scope has been stopped, so that the
//           other direction ends too
io::Task<Outcome> pump(Session& session, Way way);

}  // namespace ferry::core
