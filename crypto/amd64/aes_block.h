// What the kernels with AES instructions share: single blocks, the key schedule, short ends of a
// text.
//
// Everything here has internal linkage, so that each kernel has its own copy, for its own
// instructions.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace ferry::crypto::amd64 {

namespace {

[[gnu::always_inline]] inline __m128i load(const void* from) {
    return _mm_loadu_si128(static_cast<const __m128i*>(from));
}

[[gnu::always_inline]] inline void store(void* to, __m128i block) {
    _mm_storeu_si128(static_cast<__m128i*>(to), block);
}

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
