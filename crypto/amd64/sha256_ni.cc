// The compression function of SHA-256 with the SHA extensions: FIPS 180-4, 6.2.2.
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "crypto/kernel.h"

namespace ferry::crypto::amd64 {

namespace {

// FIPS 180-4, 4.2.2: the fractions of the cube roots of the first 64 primes.
alignas(64) constexpr std::uint32_t kRoots[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

[[gnu::always_inline]] inline __m128i load(const void* from) {
    return _mm_loadu_si128(static_cast<const __m128i*>(from));
}

// The words of the hash as the instructions want them, highest first: one register has a, b, e and
// f, the other c, d, g and h.
struct State {
    __m128i abef;
    __m128i cdgh;
};

[[gnu::always_inline]] inline State arranged(const std::uint32_t* words) {
    const __m128i cdab = _mm_shuffle_epi32(load(words), 0xb1);
    const __m128i efgh = _mm_shuffle_epi32(load(words + 4), 0x1b);
    return {_mm_alignr_epi8(cdab, efgh, 8), _mm_blend_epi16(efgh, cdab, 0xf0)};
}

[[gnu::always_inline]] inline void put_back(const State& state, std::uint32_t* words) {
    const __m128i feba = _mm_shuffle_epi32(state.abef, 0x1b);
    const __m128i dchg = _mm_shuffle_epi32(state.cdgh, 0xb1);
    _mm_storeu_si128(static_cast<__m128i*>(static_cast<void*>(words)),
                     _mm_blend_epi16(feba, dchg, 0xf0));
    _mm_storeu_si128(static_cast<__m128i*>(static_cast<void*>(words + 4)),
                     _mm_alignr_epi8(dchg, feba, 8));
}

// w[t - 16] + sigma0(w[t - 15]) for four words. The instruction for it, SHA256MSG1, blocks the unit
// of the rounds on some cores; where two blocks keep that busy, the plain way is free.
template <std::size_t lanes>
[[gnu::always_inline]] inline __m128i sum_of_first_terms(__m128i w16, __m128i w12) {
    if constexpr (lanes == 1) {
        return _mm_sha256msg1_epu32(w16, w12);
    }
    const __m128i w15 = _mm_alignr_epi8(w12, w16, 4);
    const __m128i turned7 = _mm_xor_si128(_mm_srli_epi32(w15, 7), _mm_slli_epi32(w15, 25));
    const __m128i turned18 = _mm_xor_si128(_mm_srli_epi32(w15, 18), _mm_slli_epi32(w15, 14));
    const __m128i sigma0 = _mm_xor_si128(_mm_xor_si128(turned7, turned18), _mm_srli_epi32(w15, 3));
    return _mm_add_epi32(w16, sigma0);
}

// The next four words of the schedule, from the sixteen before them:
// w[t] = sigma1(w[t - 2]) + w[t - 7] + sigma0(w[t - 15]) + w[t - 16].
template <std::size_t lanes>
[[gnu::always_inline]] inline __m128i next_words(__m128i w16, __m128i w12, __m128i w8, __m128i w4) {
    const __m128i w7 = _mm_alignr_epi8(w4, w8, 4);
    return _mm_sha256msg2_epu32(_mm_add_epi32(sum_of_first_terms<lanes>(w16, w12), w7), w4);
}

// One block for each of `lanes` states, on its way through the rounds.
template <std::size_t lanes>
struct Lanes {
    State states[lanes];
    __m128i words[lanes][4];
    const std::uint8_t* blocks[lanes];
};

// The rounds from 4 i on, four at a time. Written out, so that words and states stay in registers.
template <std::size_t i, std::size_t lanes>
[[gnu::always_inline]] inline void do_rounds(Lanes<lanes>& at) {
    const __m128i big_endian = _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
    for (std::size_t lane = 0; lane < lanes; ++lane) {
        auto& w = at.words[lane];
        __m128i& now = w[i % 4];
        if constexpr (i < 4) {
            now = _mm_shuffle_epi8(load(at.blocks[lane] + 16 * i), big_endian);
        } else {
            now = next_words<lanes>(now, w[(i + 1) % 4], w[(i + 2) % 4], w[(i + 3) % 4]);
        }
        const __m128i terms = _mm_add_epi32(now, load(kRoots + 4 * i));
        // Two rounds turn (a b e f) into the new (c d g h), which is not moved but named anew.
        State& state = at.states[lane];
        state.cdgh = _mm_sha256rnds2_epu32(state.cdgh, state.abef, terms);
        state.abef = _mm_sha256rnds2_epu32(state.abef, state.cdgh, _mm_shuffle_epi32(terms, 0x0e));
    }
    if constexpr (i + 1 < 16) {
        do_rounds<i + 1>(at);
    }
}

// The rounds of one block are a chain in which every instruction waits for the one before; two
// blocks fill each other's gaps, and more would not find registers.
template <std::size_t lanes>
[[gnu::always_inline]] inline void compress_lanes(State (&states)[lanes],
                                                  const std::uint8_t* const (&blocks)[lanes]) {
    Lanes<lanes> at;
    for (std::size_t lane = 0; lane < lanes; ++lane) {
        at.states[lane] = states[lane];
        at.blocks[lane] = blocks[lane];
    }
    do_rounds<0>(at);
    for (std::size_t lane = 0; lane < lanes; ++lane) {
        states[lane].abef = _mm_add_epi32(states[lane].abef, at.states[lane].abef);
        states[lane].cdgh = _mm_add_epi32(states[lane].cdgh, at.states[lane].cdgh);
    }
}

void compress(std::uint32_t* words, const std::uint8_t* blocks, std::size_t count) {
    State state[1] = {arranged(words)};
    for (; count > 0; --count, blocks += kHashBlockBytes) {
        compress_lanes<1>(state, {blocks});
    }
    put_back(state[0], words);
}

void compress_two(std::uint32_t* words, const std::uint8_t* blocks) {
    State states[2] = {arranged(words), arranged(words + 8)};
    compress_lanes<2>(states, {blocks, blocks + kHashBlockBytes});
    put_back(states[0], words);
    put_back(states[1], words + 8);
}

}  // namespace

extern const HashRow kSha256Ni;
const HashRow kSha256Ni = {
    .name = "sha256.ni",
    .usable = has_sha_ni,
    .compress = compress,
    .compress_two = compress_two,
};

}  // namespace ferry::crypto::amd64
