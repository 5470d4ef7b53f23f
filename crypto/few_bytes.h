// Loads and stores of 1 to 8 bytes as a number, for kernels of little-endian machines.
//
// Everything here has internal linkage, so that each kernel has its own copy, for its own
// instructions.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ferry::crypto {

namespace {

// The first `bytes` (1 to 8) bytes at `from` as a number, by two loads that may overlap.
[[gnu::always_inline]] inline std::uint64_t load_few(const std::uint8_t* from, std::size_t bytes) {
    if (bytes < 4) {
        return std::uint64_t{from[0]} | std::uint64_t{from[bytes / 2]} << (8 * (bytes / 2)) |
               std::uint64_t{from[bytes - 1]} << (8 * (bytes - 1));
    }
    std::uint32_t first;
    std::uint32_t last;
    __builtin_memcpy(&first, from, 4);
    __builtin_memcpy(&last, from + bytes - 4, 4);
    return first | std::uint64_t{last} << (8 * (bytes - 4));
}

[[gnu::always_inline]] inline void store_few(std::uint8_t* to, std::uint64_t value,
                                             std::size_t bytes) {
    if (bytes < 4) {
        to[0] = static_cast<std::uint8_t>(value);
        to[bytes / 2] = static_cast<std::uint8_t>(value >> (8 * (bytes / 2)));
        to[bytes - 1] = static_cast<std::uint8_t>(value >> (8 * (bytes - 1)));
        return;
    }
    const auto first = static_cast<std::uint32_t>(value);
    const auto last = static_cast<std::uint32_t>(value >> (8 * (bytes - 4)));
    __builtin_memcpy(to, &first, 4);
    __builtin_memcpy(to + bytes - 4, &last, 4);
}

}  // namespace

}  // namespace ferry::crypto
