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
using Word = unsigned long long;  // as the intrinsics have it

// The authenticator of one message; `h` is the hash of the blocks so far.
struct Poly1305 {
    Word r[2];
    Word s[2];
    Word h[3];
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
[[gnu::always_inline]] inline void absorb(Poly1305& poly, Word low, Word high) {
    const Word r0 = poly.r[0];
    const Word r1 = poly.r[1];
    const Word t = r1 + (r1 >> 2);
    Wide carry = Wide{poly.h[0]} + low;
    const auto h0 = static_cast<Word>(carry);
    carry = Wide{poly.h[1]} + high + static_cast<Word>(carry >> 64);
    const auto h1 = static_cast<Word>(carry);
    const Word h2 = poly.h[2] + 1 + static_cast<Word>(carry >> 64);

    const Wide d0 = Wide{h0} * r0 + Wide{h1} * t;
    const Wide d1 = Wide{h0} * r1 + Wide{h1} * r0 + h2 * t + static_cast<Word>(d0 >> 64);
    const Word d2 = h2 * r0 + static_cast<Word>(d1 >> 64);

    carry = Wide{static_cast<Word>(d0)} + (d2 >> 2) + (d2 & ~Word{3});
    poly.h[0] = static_cast<Word>(carry);
    carry = Wide{static_cast<Word>(d1)} + static_cast<Word>(carry >> 64);
    poly.h[1] = static_cast<Word>(carry);
    poly.h[2] = (d2 & 3) + static_cast<Word>(carry >> 64);
}

// Takes whole blocks.
[[gnu::always_inline]] inline void absorb_blocks(Poly1305& poly, const std::uint8_t* from,
                                                 std::size_t blocks) {
    Poly1305 here = poly;  // in registers: nobody has its address
    for (; blocks > 0; --blocks, from += 16) {
        Word low;
        Word high;
        __builtin_memcpy(&low, from, sizeof low);
        __builtin_memcpy(&high, from + sizeof low, sizeof high);
        absorb(here, low, high);
    }
    poly.h[0] = here.h[0];
    poly.h[1] = here.h[1];
    poly.h[2] = here.h[2];
}

// Takes bytes block by block, zeros behind the last.
[[gnu::always_inline]] inline void absorb_padded(Poly1305& poly, const std::uint8_t* from,
                                                 std::size_t bytes) {
    absorb_blocks(poly, from, bytes / 16);
    const std::size_t rest = bytes % 16;
    if (rest > 8) {
        Word low;
        __builtin_memcpy(&low, from + bytes - rest, sizeof low);
        absorb(poly, low, load_few(from + bytes - rest + 8, rest - 8));
    } else if (rest > 0) {
        absorb(poly, load_few(from + bytes - rest, rest), 0);
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
