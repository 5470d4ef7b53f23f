// What all who receive into run buffers have in common.
#pragma once

#include <chrono>
#include <cstring>
#include <utility>

#include "io/buffer.h"
#include "io/result.h"

namespace ferry::core {

// A run buffer that waits longer than this for its bytes goes back to its pool.
inline constexpr io::Duration kRunPatience = std::chrono::milliseconds(500);

// Goes on in a larger buffer with what `in` holds; `in` may be nothing.
inline void move_to_larger(io::Buffer& in, io::Buffer larger) noexcept {
    const auto kept = in.data();
    if (!kept.empty()) {
        std::memcpy(larger.room().data(), kept.data(), kept.size());
        larger.commit(kept.size());
    }
    in = std::move(larger);
}

}  // namespace ferry::core
