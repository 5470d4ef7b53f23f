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

// The next four words of the schedule, from the sixteen before them:
// w[t] = sigma1(w[t - 2]) + w[t - 7] + sigma0(w[t - 15]) + w[t - 16].
[[gnu::always_inline]] inline __m128i next_words(__m128i w16, __m128i w12, __m128i w8, __m128i w4) {
    const __m128i w7 = _mm_alignr_epi8(w4, w8, 4);
    return _mm_sha256msg2_epu32(_mm_add_epi32(_mm_sha256msg1_epu32(w16, w12), w7), w4);
}

[[gnu::always_inline]] inline State compressed(const State& before, const std::uint8_t* block) {
    const __m128i big_endian = _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
    State state = before;
    __m128i words[4];
    for (std::size_t i = 0; i < 16; ++i) {
        __m128i& now = words[i % 4];
        if (i < 4) {
            now = _mm_shuffle_epi8(load(block + 16 * i), big_endian);
        } else {
            now = next_words(now, words[(i + 1) % 4], words[(i + 2) % 4], words[(i + 3) % 4]);
        }
        const __m128i terms = _mm_add_epi32(now, load(kRoots + 4 * i));
        // Two rounds turn (a b e f) into the new (c d g h), which is not moved but named anew.
        state.cdgh = _mm_sha256rnds2_epu32(state.cdgh, state.abef, terms);
        state.abef = _mm_sha256rnds2_epu32(state.abef, state.cdgh, _mm_shuffle_epi32(terms, 0x0e));
    }
    return {_mm_add_epi32(state.abef, before.abef), _mm_add_epi32(state.cdgh, before.cdgh)};
}

void compress(std::uint32_t* words, const std::uint8_t* blocks, std::size_t count) {
    State state = arranged(words);
    for (; count > 0; --count, blocks += kHashBlockBytes) {
        state = compressed(state, blocks);
    }
    put_back(state, words);
}

}  // namespace

extern const HashRow kSha256Ni;
const HashRow kSha256Ni = {
    .name = "sha256.ni",
    .usable = has_sha_ni,
    .compress = compress,
};

}  // namespace ferry::crypto::amd64
