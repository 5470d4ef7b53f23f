// Poly1305 with 64-bit multiplications, block by block: for short messages, and beside vector units
// that have enough to do. RFC 8439, 2.5.
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

using Wide = unsigned __int128;

// The authenticator of one message; `h` is the hash of the blocks so far.
struct Poly1305 {
    std::uint64_t r[2];
    std::uint64_t s[2];
    std::uint64_t h[3];
};

[[gnu::always_inline]] inline void start(Poly1305& poly, __m256i key) {
    const __m128i r = _mm256_castsi256_si128(key);
    const __m128i s = _mm256_extracti128_si256(key, 1);
    poly.r[0] = static_cast<std::uint64_t>(_mm_cvtsi128_si64(r)) & 0x0ffffffc0fffffff;
    poly.r[1] = static_cast<std::uint64_t>(_mm_extract_epi64(r, 1)) & 0x0ffffffc0ffffffc;
    poly.s[0] = static_cast<std::uint64_t>(_mm_cvtsi128_si64(s));
    poly.s[1] = static_cast<std::uint64_t>(_mm_extract_epi64(s, 1));
    poly.h[0] = poly.h[1] = poly.h[2] = 0;
}

// h = (h + block + 2^128) r. With t = 5 r1 / 4, which is 2^128 r1 since r1 is a multiple of 4:
//
//     d0 = h0 r0 + h1 t,   d1 = h0 r1 + h1 r0 + h2 t,   d2 = h2 r0
//
// r0 and r1 are below 2^60, t below 2^60.4 and h2 at most 6, so no sum overflows.
[[gnu::always_inline]] inline void absorb(Poly1305& poly, __m128i block) {
    const std::uint64_t r0 = poly.r[0];
    const std::uint64_t r1 = poly.r[1];
    const std::uint64_t t = r1 + (r1 >> 2);
    Wide carry = Wide{poly.h[0]} + static_cast<std::uint64_t>(_mm_cvtsi128_si64(block));
    const auto h0 = static_cast<std::uint64_t>(carry);
    carry = Wide{poly.h[1]} + static_cast<std::uint64_t>(_mm_extract_epi64(block, 1)) +
            static_cast<std::uint64_t>(carry >> 64);
    const auto h1 = static_cast<std::uint64_t>(carry);
    const std::uint64_t h2 = poly.h[2] + 1 + static_cast<std::uint64_t>(carry >> 64);

    const Wide d0 = Wide{h0} * r0 + Wide{h1} * t;
    const Wide d1 = Wide{h0} * r1 + Wide{h1} * r0 + h2 * t + static_cast<std::uint64_t>(d0 >> 64);
    const std::uint64_t d2 = h2 * r0 + static_cast<std::uint64_t>(d1 >> 64);

    carry = Wide{static_cast<std::uint64_t>(d0)} + (d2 >> 2) + (d2 & ~std::uint64_t{3});
    poly.h[0] = static_cast<std::uint64_t>(carry);
    carry = Wide{static_cast<std::uint64_t>(d1)} + static_cast<std::uint64_t>(carry >> 64);
    poly.h[1] = static_cast<std::uint64_t>(carry);
    poly.h[2] = (d2 & 3) + static_cast<std::uint64_t>(carry >> 64);
}

// Takes whole blocks.
[[gnu::always_inline]] inline void absorb_blocks(Poly1305& poly, const std::uint8_t* from,
                                                 std::size_t blocks) {
    for (; blocks > 0; --blocks, from += 16) {
        absorb(poly, load(from));
    }
}

// Takes bytes block by block, zeros behind the last.
[[gnu::always_inline]] inline void absorb_padded(Poly1305& poly, const std::uint8_t* from,
                                                 std::size_t bytes) {
    absorb_blocks(poly, from, bytes / 16);
    if (bytes % 16 > 0) {
        absorb(poly, load_first(from + bytes - bytes % 16, bytes % 16));
    }
}

// The tag: h in its least form, plus s.
[[gnu::always_inline]] inline __m128i finish(const Poly1305& poly) {
    // Adding 5 carries into bit 130 exactly if h is 2^130 - 5 or more.
    Wide carry = Wide{poly.h[0]} + 5;
    const auto plus_five0 = static_cast<std::uint64_t>(carry);
    carry = Wide{poly.h[1]} + static_cast<std::uint64_t>(carry >> 64);
    const auto plus_five1 = static_cast<std::uint64_t>(carry);
    const std::uint64_t top = poly.h[2] + static_cast<std::uint64_t>(carry >> 64);
    const std::uint64_t reduce = 0 - (top >> 2);  // all bits or none
    const std::uint64_t h0 = poly.h[0] ^ (reduce & (poly.h[0] ^ plus_five0));
    const std::uint64_t h1 = poly.h[1] ^ (reduce & (poly.h[1] ^ plus_five1));

    carry = Wide{h0} + poly.s[0];
    const auto low = static_cast<long long>(carry);
    carry = Wide{h1} + poly.s[1] + static_cast<std::uint64_t>(carry >> 64);
    return _mm_set_epi64x(static_cast<long long>(carry), low);
}

}  // namespace

}  // namespace ferry::crypto::amd64
