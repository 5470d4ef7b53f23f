// What all who receive into run buffers have in common.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstring>
#include <system_error>
#include <utility>

#include "io/buffer.h"
#include "io/result.h"
#include "io/scope.h"

namespace ferry::core {

// A run buffer that waits longer than this for its bytes goes back to its pool.
inline constexpr io::Duration kRunPatience = std::chrono::milliseconds(500);

// Has a receive ended for no other reason than that `brief`, inside `whole`, has run out? An error
// that comes at the same moment is told once, and is not that.
inline bool ran_out(const io::Result<std::size_t>& got, const io::Scope& brief,
                    const io::Scope& whole) noexcept {
    return !got && got.error() == std::errc::operation_canceled && !whole.stopping() &&
           brief.why() == io::Stop::deadline;
}

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
