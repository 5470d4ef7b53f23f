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

// Goes on in another buffer with what `in` holds, for which it has room; `in` may be nothing.
inline void go_on_in(io::Buffer& in, io::Buffer other) noexcept {
    const auto kept = in.data();
    if (!kept.empty()) {
        std::memcpy(other.room().data(), kept.data(), kept.size());
        other.commit(kept.size());
    }
    in = std::move(other);
}

}  // namespace ferry::core
