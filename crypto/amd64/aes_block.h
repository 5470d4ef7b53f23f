// What the kernels with AES instructions share: single blocks and the key schedule.
//
// Everything here has internal linkage, so that each kernel has its own copy, for its own
// instructions.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "crypto/amd64/short_ends.h"

namespace ferry::crypto::amd64 {

namespace {

// The key schedule. The last column of a round key, turned and substituted, is added to every
// column of the next: the shuffle puts it into all four, which leaves the row shift of AESENCLAST
// without effect, and its key operand adds the round constant.
[[gnu::always_inline]] inline void expand_rounds(__m128i* rounds, const std::uint8_t* key) {
    static constexpr std::uint8_t kConstants[] = {1, 2, 4, 8, 16, 32, 64, 128, 0x1b, 0x36};
    const __m128i turned_last_column = _mm_set1_epi32(0x0c0f0e0d);
    __m128i round = load(key);
    rounds[0] = round;
    for (std::size_t i = 0; i < 10; ++i) {
        const __m128i substituted = _mm_aesenclast_si128(
            _mm_shuffle_epi8(round, turned_last_column), _mm_set1_epi32(kConstants[i]));
        round = _mm_xor_si128(round, _mm_slli_si128(round, 4));
        round = _mm_xor_si128(round, _mm_slli_si128(round, 8));
        round = _mm_xor_si128(round, substituted);
        rounds[i + 1] = round;
    }
}

[[gnu::always_inline]] inline __m128i encrypted(const __m128i* rounds, __m128i block) {
    block = _mm_xor_si128(block, rounds[0]);
    for (std::size_t i = 1; i < 10; ++i) {
        block = _mm_aesenc_si128(block, rounds[i]);
    }
    return _mm_aesenclast_si128(block, rounds[10]);
}

// The hash key times x^-1: every bit moves one up, and the one that stood for x^0 leaves as x^-1,
// which is x^127 + x^6 + x + 1.
[[gnu::always_inline]] inline __m128i over_x(__m128i h) {
    const __m128i carries = _mm_srli_epi64(h, 63);
    const __m128i shifted = _mm_or_si128(_mm_slli_epi64(h, 1), _mm_slli_si128(carries, 8));
    const __m128i had_one = _mm_srai_epi32(_mm_shuffle_epi32(h, 0xff), 31);
    const __m128i inverse = _mm_set_epi64x(static_cast<long long>(0xc200000000000000), 1);
    return _mm_xor_si128(shifted, _mm_and_si128(had_one, inverse));
}

}  // namespace

}  // namespace ferry::crypto::amd64
