// Poly1305 with IFMA, a part of chacha_avx512.cc: eight blocks at a time.
//
// Everything here has internal linkage, so that no other file can come to use this code.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "crypto/amd64/poly1305.h"

namespace ferry::crypto::amd64 {

namespace {

constexpr std::uint64_t kLow44 = (std::uint64_t{1} << 44) - 1;
constexpr std::uint64_t kLow42 = (std::uint64_t{1} << 42) - 1;
constexpr std::size_t kEightBytes = 8 * 16;

// Numbers modulo 2^130 - 5, one per lane, in limbs of 44, 44 and 42 bits.
struct Limbs {
    __m512i limb[3];
};

// A factor, and 20 times its upper limbs: 2^132 = 4 * 2^130 = 20.
struct Factor {
    Limbs plain;
    __m512i twenty[2];  // of limbs 1 and 2
};

// Products before their carries: limb i is low[i] + 2^52 high[i].
struct Sum {
    __m512i low[3];
    __m512i high[3];
};

[[gnu::always_inline]] inline __m512i all(std::uint64_t value) {
    return _mm512_set1_epi64(static_cast<long long>(value));
}

[[gnu::always_inline]] inline void add_product(Sum& sum, std::size_t i, __m512i a, __m512i b) {
    sum.low[i] = _mm512_madd52lo_epu64(sum.low[i], a, b);
    sum.high[i] = _mm512_madd52hi_epu64(sum.high[i], a, b);
}

[[gnu::always_inline]] inline void add_products(Sum& sum, const Limbs& a, const Factor& b) {
    const __m512i(&h)[3] = a.limb;
    const __m512i(&r)[3] = b.plain.limb;
    add_product(sum, 0, h[0], r[0]);
    add_product(sum, 1, h[0], r[1]);
    add_product(sum, 2, h[0], r[2]);
    add_product(sum, 0, h[1], b.twenty[1]);
    add_product(sum, 1, h[1], r[0]);
    add_product(sum, 2, h[1], r[1]);
    add_product(sum, 0, h[2], b.twenty[0]);
    add_product(sum, 1, h[2], b.twenty[1]);
    add_product(sum, 2, h[2], r[0]);
}

// Carries once around. Two products of limbs below 2^46 leave every column below 2^57, the overflow
// of the last below 2^51, and the limbs that come out below 2^44 + 2^10: far from the 52 bits of a
// factor.
[[gnu::always_inline]] inline Limbs carried(const Sum& sum) {
    const __m512i low44 = all(kLow44);
    const __m512i limb1 =
        _mm512_add_epi64(_mm512_add_epi64(sum.low[1], _mm512_slli_epi64(sum.high[0], 8)),
                         _mm512_srli_epi64(sum.low[0], 44));
    const __m512i limb2 =
        _mm512_add_epi64(_mm512_add_epi64(sum.low[2], _mm512_slli_epi64(sum.high[1], 8)),
                         _mm512_srli_epi64(limb1, 44));
    const __m512i over = _mm512_add_epi64(_mm512_slli_epi64(sum.high[2], 10),
                                          _mm512_srli_epi64(limb2, 42));  // in units of 2^130
    const __m512i limb0 = _mm512_add_epi64(_mm512_and_si512(sum.low[0], low44),
                                           _mm512_add_epi64(over, _mm512_slli_epi64(over, 2)));
    return {{_mm512_and_si512(limb0, low44),
             _mm512_add_epi64(_mm512_and_si512(limb1, low44), _mm512_srli_epi64(limb0, 44)),
             _mm512_and_si512(limb2, all(kLow42))}};
}

[[gnu::always_inline]] inline Factor factor(const Limbs& plain) {
    const auto times_twenty = [](__m512i x) {
        return _mm512_add_epi64(_mm512_slli_epi64(x, 4), _mm512_slli_epi64(x, 2));
    };
    return {plain, {times_twenty(plain.limb[1]), times_twenty(plain.limb[2])}};
}

[[gnu::always_inline]] inline Limbs product(const Limbs& a, const Factor& b) {
    Sum sum{};
    add_products(sum, a, b);
    return carried(sum);
}

// Eight blocks, each with its bit 2^128. Lane 2 k has block k, lane 2 k + 1 block k + 4.
[[gnu::always_inline]] inline Limbs load_eight(const std::uint8_t* from) {
    const __m512i first = _mm512_loadu_si512(from);
    const __m512i second = _mm512_loadu_si512(from + 64);
    const __m512i low = _mm512_unpacklo_epi64(first, second);
    const __m512i high = _mm512_unpackhi_epi64(first, second);
    constexpr int kOrAnd = 0xa8;  // (a | b) & c
    return {{_mm512_and_si512(low, all(kLow44)),
             _mm512_ternarylogic_epi64(_mm512_srli_epi64(low, 44), _mm512_slli_epi64(high, 20),
                                       all(kLow44), kOrAnd),
             _mm512_or_si512(_mm512_srli_epi64(high, 24), all(std::uint64_t{1} << 40))}};
}

[[gnu::always_inline]] inline Limbs sum(const Limbs& a, const Limbs& b) {
    return {{_mm512_add_epi64(a.limb[0], b.limb[0]), _mm512_add_epi64(a.limb[1], b.limb[1]),
             _mm512_add_epi64(a.limb[2], b.limb[2])}};
}

[[gnu::always_inline]] inline Limbs blend(__mmask8 lanes_of_b, const Limbs& a, const Limbs& b) {
    Limbs mixed;
    for (std::size_t i = 0; i < 3; ++i) {
        mixed.limb[i] = _mm512_mask_blend_epi64(lanes_of_b, a.limb[i], b.limb[i]);
    }
    return mixed;
}

// The authenticator of one message, which takes blocks one by one, or eight at a time: between
// begin() and end() eight hashes run side by side in `lanes`, every one over every eighth block.
struct WidePoly1305 : Poly1305 {
    Limbs lanes;
    Limbs last;  // r^8 for block 0 to r^1 for block 7
    Factor r8;
    Factor r16;
};

// The limbs of a number, in all lanes.
[[gnu::always_inline]] inline Limbs limbs_of(const Word (&words)[3]) {
    return {{all(words[0] & kLow44), all((words[0] >> 44 | words[1] << 20) & kLow44),
             all(words[1] >> 24 | words[2] << 40)}};
}

// Computes the powers of r. Each product depends on the one before; the caller's work goes on
// meanwhile.
[[gnu::always_inline]] inline void expand_powers(WidePoly1305& poly) {
    const Limbs r1 = limbs_of({poly.r[0], poly.r[1], 0});
    const Factor r1_factor = factor(r1);
    const Factor r2 = factor(product(r1, r1_factor));
    const Factor r4 = factor(product(r2.plain, r2));
    const Limbs two_one = blend(0x33, r1, r2.plain);                 // 2 2 1 1 2 2 1 1
    const Limbs four_three = product(two_one, r2);                   // 4 4 3 3 4 4 3 3
    const Limbs four_to_one = blend(0x0f, two_one, four_three);      // 4 4 3 3 2 2 1 1
    poly.last = blend(0x55, four_to_one, product(four_to_one, r4));  // 8 4 7 3 6 2 5 1
    poly.r8 = factor(product(r4.plain, r4));
    poly.r16 = factor(product(poly.r8.plain, poly.r8));
}

// Takes the first eight blocks of a run.
[[gnu::always_inline]] inline void begin(WidePoly1305& poly, const std::uint8_t* from) {
    const Limbs before = limbs_of(poly.h);
    poly.lanes = load_eight(from);
    for (std::size_t i = 0; i < 3; ++i) {
        poly.lanes.limb[i] =
            _mm512_mask_add_epi64(poly.lanes.limb[i], 0x01, poly.lanes.limb[i], before.limb[i]);
    }
}

// Goes on with a run, by a multiple of eight blocks.
[[gnu::always_inline]] inline void absorb_eights(WidePoly1305& poly, const std::uint8_t* from,
                                                 std::size_t bytes) {
    Limbs lanes = poly.lanes;
    for (; bytes >= 2 * kEightBytes; bytes -= 2 * kEightBytes, from += 2 * kEightBytes) {
        Sum products{};
        add_products(products, load_eight(from), poly.r8);
        add_products(products, lanes, poly.r16);
        lanes = sum(carried(products), load_eight(from + kEightBytes));
    }
    if (bytes > 0) {
        lanes = sum(product(lanes, poly.r8), load_eight(from));
    }
    poly.lanes = lanes;
}

// Ends a run: every lane meets its power of r, and all come together in `h`.
[[gnu::always_inline]] inline void end(WidePoly1305& poly) {
    const Limbs ended = product(poly.lanes, factor(poly.last));
    const auto total = [&ended](std::size_t i) {
        return static_cast<std::uint64_t>(_mm512_reduce_add_epi64(ended.limb[i]));
    };
    Wide carry = total(0) + (Wide{total(1)} << 44);
    poly.h[0] = static_cast<std::uint64_t>(carry);
    carry = (carry >> 64) + (Wide{total(2)} << 24);
    poly.h[1] = static_cast<std::uint64_t>(carry);
    const auto over = static_cast<std::uint64_t>(carry >> 64);
    // What is above 2^130 comes back times 5.
    carry = Wide{poly.h[0]} + 5 * (over >> 2);
    poly.h[0] = static_cast<std::uint64_t>(carry);
    carry = Wide{poly.h[1]} + static_cast<std::uint64_t>(carry >> 64);
    poly.h[1] = static_cast<std::uint64_t>(carry);
    poly.h[2] = (over & 3) + static_cast<std::uint64_t>(carry >> 64);
}

}  // namespace

}  // namespace ferry::crypto::amd64
