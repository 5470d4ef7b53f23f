// Loads and stores of 1 to 16 bytes, which read and write nothing beyond.
//
// Everything here has internal linkage, so that each kernel has its own copy, for its own
// instructions.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "crypto/few_bytes.h"

namespace ferry::crypto::amd64 {

namespace {

[[gnu::always_inline]] inline __m128i load(const void* from) {
    return _mm_loadu_si128(static_cast<const __m128i*>(from));
}

[[gnu::always_inline]] inline void store(void* to, __m128i block) {
    _mm_storeu_si128(static_cast<__m128i*>(to), block);
}

// The first `bytes` (1 to 16) bytes at `from`, then zeros.
[[gnu::always_inline]] inline __m128i load_first(const std::uint8_t* from, std::size_t bytes) {
    if (bytes == 16) {
        return load(from);
    }
    if (bytes <= 8) {
        return _mm_cvtsi64_si128(static_cast<long long>(load_few(from, bytes)));
    }
    std::uint64_t low;
    __builtin_memcpy(&low, from, 8);
    return _mm_set_epi64x(static_cast<long long>(load_few(from + 8, bytes - 8)),
                          static_cast<long long>(low));
}

// Stores the first `bytes` (1 to 16) bytes of `block`, and gives it with zeros behind them.
[[gnu::always_inline]] inline __m128i store_first(std::uint8_t* to, __m128i block,
                                                  std::size_t bytes) {
    static constexpr std::uint8_t kMask[32] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                               0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    if (bytes == 16) {
        store(to, block);
        return block;
    }
    const auto low = static_cast<std::uint64_t>(_mm_cvtsi128_si64(block));
    if (bytes <= 8) {
        store_few(to, low, bytes);
    } else {
        __builtin_memcpy(to, &low, 8);
        store_few(to + 8, static_cast<std::uint64_t>(_mm_extract_epi64(block, 1)), bytes - 8);
    }
    return _mm_and_si128(block, load(kMask + 16 - bytes));
}

}  // namespace

}  // namespace ferry::crypto::amd64
