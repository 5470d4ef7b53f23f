// Poly1305 on the integer side, a part of chacha_neon.cc: RFC 8439, 2.5.
//
// Two words and a carry, multiplied with MUL and UMULH, one block at a time: ten multiplications.
// By themselves, vectors of 26-bit limbs are as fast or faster. But here the blocks go between the
// rounds of ChaCha20, which need the vector pipes and nothing else. On a core that does both at
// once, hashing on the integer side is nearly free, while limbs in vectors would stand in line with
// the rounds. Only cores whose multiplier is occupied for several cycles by one UMULH might gain.
//
// Everything here has internal linkage, so that no other file can come to use this code.
#pragma once

#include <arm_neon.h>

#include <cstddef>
#include <cstdint>

#include "crypto/arm64/memory.h"

namespace ferry::crypto::arm64 {

namespace {

using Wide = unsigned __int128;

// The authenticator of one message: the key's halves, and the hash of the blocks so far, below
// 2^130 + 2^128.
struct Poly1305 {
    std::uint64_t r[2];
    std::uint64_t s[2];
    std::uint64_t h[3];
};

[[gnu::always_inline]] inline std::uint64_t low_word(uint8x16_t block) {
    return vgetq_lane_u64(vreinterpretq_u64_u8(block), 0);
}

[[gnu::always_inline]] inline std::uint64_t high_word(uint8x16_t block) {
    return vgetq_lane_u64(vreinterpretq_u64_u8(block), 1);
}

[[gnu::always_inline]] inline void start(Poly1305& poly, uint8x16_t r, uint8x16_t s) {
    poly.r[0] = low_word(r) & 0x0ffffffc0fffffff;
    poly.r[1] = high_word(r) & 0x0ffffffc0ffffffc;
    poly.s[0] = low_word(s);
    poly.s[1] = high_word(s);
    poly.h[0] = poly.h[1] = poly.h[2] = 0;
}

// h = (h + block + 2^128) r. With t = 5 r1 / 4, which is 2^128 r1 since r1 is a multiple of 4:
//
//     d0 = h0 r0 + h1 t,   d1 = h0 r1 + h1 r0 + h2 t,   d2 = h2 r0
//
// r0 and r1 are below 2^60, t below 2^60.4 and h2 at most 6, so no sum overflows.
[[gnu::always_inline]] inline void absorb(Poly1305& poly, std::uint64_t low, std::uint64_t high) {
    const std::uint64_t r0 = poly.r[0];
    const std::uint64_t r1 = poly.r[1];
    const std::uint64_t t = r1 + (r1 >> 2);
    Wide carry = Wide{poly.h[0]} + low;
    const auto h0 = static_cast<std::uint64_t>(carry);
    carry = Wide{poly.h[1]} + high + static_cast<std::uint64_t>(carry >> 64);
    const auto h1 = static_cast<std::uint64_t>(carry);
    const std::uint64_t h2 = poly.h[2] + 1 + static_cast<std::uint64_t>(carry >> 64);

    const Wide d0 = Wide{h0} * r0 + Wide{h1} * t;
    const Wide d1 = Wide{h0} * r1 + Wide{h1} * r0 + h2 * t + static_cast<std::uint64_t>(d0 >> 64);
    const std::uint64_t d2 = h2 * r0 + static_cast<std::uint64_t>(d1 >> 64);

    // What is above 2^130 comes back times 5: the multiple of 4 in d2, and a quarter of it.
    carry = Wide{static_cast<std::uint64_t>(d0)} + (d2 >> 2) + (d2 & ~std::uint64_t{3});
    poly.h[0] = static_cast<std::uint64_t>(carry);
    carry = Wide{static_cast<std::uint64_t>(d1)} + static_cast<std::uint64_t>(carry >> 64);
    poly.h[1] = static_cast<std::uint64_t>(carry);
    poly.h[2] = (d2 & 3) + static_cast<std::uint64_t>(carry >> 64);
}

[[gnu::always_inline]] inline void absorb_block(Poly1305& poly, const std::uint8_t* from) {
    std::uint64_t words[2];
    __builtin_memcpy(words, from, sizeof words);
    absorb(poly, words[0], words[1]);
}

// Takes bytes block by block, zeros behind the last.
[[gnu::always_inline]] inline void absorb_padded(Poly1305& poly, const std::uint8_t* from,
                                                 std::size_t bytes) {
    Poly1305 now = poly;  // in registers; `poly` is wiped in the end, which needs an address
    for (; bytes >= 16; bytes -= 16, from += 16) {
        absorb_block(now, from);
    }
    if (bytes > 0) {
        const uint8x16_t last = load_first(from, bytes);
        absorb(now, low_word(last), high_word(last));
    }
    poly = now;
}

// The tag: h in its least form, plus s.
[[gnu::always_inline]] inline uint8x16_t finish(const Poly1305& poly) {
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
    const auto low = static_cast<std::uint64_t>(carry);
    carry = Wide{h1} + poly.s[1] + static_cast<std::uint64_t>(carry >> 64);
    return two_words(low, static_cast<std::uint64_t>(carry));
}

}  // namespace

}  // namespace ferry::crypto::arm64
