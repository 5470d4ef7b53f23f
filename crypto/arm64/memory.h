// Vectors of 16 bytes to and from memory, and the short ends of a text.
//
// Everything here has internal linkage, so that each kernel has its own copy, for its own
// instructions.
#pragma once

#include <arm_neon.h>

#include <cstddef>
#include <cstdint>

#include "crypto/few_bytes.h"

namespace ferry::crypto::arm64 {

namespace {

[[gnu::always_inline]] inline uint8x16_t load(const std::uint8_t* from) {
    return vld1q_u8(from);
}

[[gnu::always_inline]] inline void store(std::uint8_t* to, uint8x16_t block) {
    vst1q_u8(to, block);
}

[[gnu::always_inline]] inline uint8x16_t two_words(std::uint64_t low, std::uint64_t high) {
    return vreinterpretq_u8_u64(vcombine_u64(vcreate_u64(low), vcreate_u64(high)));
}

// The first `bytes` (1 to 16) bytes at `from`, then zeros.
[[gnu::always_inline]] inline uint8x16_t load_first(const std::uint8_t* from, std::size_t bytes) {
    if (bytes == 16) {
        return load(from);
    }
    if (bytes <= 8) {
        return two_words(load_few(from, bytes), 0);
    }
    std::uint64_t low;
    __builtin_memcpy(&low, from, 8);
    return two_words(low, load_few(from + 8, bytes - 8));
}

// Stores the first `bytes` (1 to 16) bytes of `block`, and gives it with zeros behind them.
[[gnu::always_inline]] inline uint8x16_t store_first(std::uint8_t* to, uint8x16_t block,
                                                     std::size_t bytes) {
    static constexpr std::uint8_t kMask[32] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                               0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    if (bytes == 16) {
        store(to, block);
        return block;
    }
    const uint64x2_t words = vreinterpretq_u64_u8(block);
    if (bytes <= 8) {
        store_few(to, vgetq_lane_u64(words, 0), bytes);
    } else {
        const std::uint64_t low = vgetq_lane_u64(words, 0);
        __builtin_memcpy(to, &low, 8);
        store_few(to + 8, vgetq_lane_u64(words, 1), bytes - 8);
    }
    return vandq_u8(block, load(kMask + 16 - bytes));
}

// Is `block` the 16 bytes at `bytes`? The time does not tell where they differ.
[[gnu::always_inline]] inline bool is_equal(uint8x16_t block, const std::uint8_t* bytes) {
    const uint64x2_t difference = vreinterpretq_u64_u8(veorq_u8(block, load(bytes)));
    return (vgetq_lane_u64(difference, 0) | vgetq_lane_u64(difference, 1)) == 0;
}

}  // namespace

}  // namespace ferry::crypto::arm64
