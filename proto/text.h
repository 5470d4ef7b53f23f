// Bytes seen as text, and text seen as bytes.
#pragma once

#include <string_view>

#include "crypto/bytes.h"

namespace ferry::proto {

// Characters and bytes are the two types through which C++ lets any memory be read, so these views
// are sound; the way over void says so without naming a cast that could do more.

inline std::string_view text_of(ByteView bytes) noexcept {
    const void* memory = bytes.data();
    return {static_cast<const char*>(memory), bytes.size()};
}

inline ByteView bytes_of(std::string_view text) noexcept {
    const void* memory = text.data();
    return {static_cast<const std::uint8_t*>(memory), text.size()};
}

}  // namespace ferry::proto
