// The receives of a pump that do not simply wait for the next bytes.
#pragma once

#include <cstddef>

#include "core/flow.h"
#include "io/result.h"
#include "io/task.h"

namespace ferry::core {

using Got = io::Result<std::size_t>;

// A receive with a care of its own: for a larger buffer, for a header that is due, for memory that
// a quiet end must not hold, for an end that may be taken back.
using Care = io::Task<Got> (*)(Flow& flow);

// The one that a direction needs now; null where a plain receive will do.
//
//   has_room  as Flow::prepare_receive() gives it
Care care_for(const Flow& flow, Then then, bool has_room);

// Makes sure that a direction that seals has a buffer to seal into, large if there is much to seal.
io::Task<io::Result<void>> provide_out(Flow& flow);

}  // namespace ferry::core
