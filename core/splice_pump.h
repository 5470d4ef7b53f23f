// Splicing: the bytes of a direction that nobody opens or seals pass inside the kernel.
#pragma once

#include <optional>
#include <system_error>

#include "core/flow.h"
#include "io/task.h"

namespace ferry::core {

// Is there nothing to do with the bytes but to pass them on, and are there so many that a pipe
// pays?
bool may_splice(const Flow& flow) noexcept;

// How splicing ended.
struct Spliced {
    const End* failed = nullptr;  // nullptr: go on with buffers, and ask the socket itself
    std::errc error{};
};

// Moves bytes through a pipe until there are few of them, or none for a while, or no more. No byte
// is in the pipe when it ends well; it never decides that a stream has ended.
//
//   before  the flow holds nothing
//   cost    one pipe of the core's pool; returns at once if there is none
io::Task<Spliced> splice(Flow& flow);

}  // namespace ferry::core
