// GHASH in constant time, without tables: carry-less products by ordinary multiplications.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ferry::crypto::portable {

// A factor of 64 bits, split for multiply().
struct GhashFactor {
    std::uint64_t sparse[4];  // bits 0 to 59, one class of places modulo 4 each
    std::uint64_t top[4];     // bit 60 + i, as a mask of all bits
};

// The hash key, times x^-1 (ghash.cc says why), in halves and as their sum.
struct GhashKey {
    GhashFactor low;
    GhashFactor high;
    GhashFactor sum;
};

// A field element: the coefficient of x^0 is the highest bit of `high`.
struct GhashSum {
    std::uint64_t high = 0;
    std::uint64_t low = 0;
};

void ghash_expand(GhashKey& key, const std::uint8_t* hash_key) noexcept;

// Adds and multiplies block after block; the last one is filled up with zeros.
GhashSum ghash(const GhashKey& key, GhashSum sum, const std::uint8_t* from,
               std::size_t bytes) noexcept;

}  // namespace ferry::crypto::portable
