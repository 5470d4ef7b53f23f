// The compression function of SHA-256 with the SHA-2 instructions: FIPS 180-4, 6.2.2.
#include <arm_neon.h>

#include <cstddef>
#include <cstdint>

#include "crypto/kernel.h"

namespace ferry::crypto::arm64 {

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

// The words of the hash as the instructions want them, which is the order they are stored in.
struct State {
    uint32x4_t abcd;
    uint32x4_t efgh;
};

// The next four words of the schedule, from the sixteen before them:
// w[t] = sigma1(w[t - 2]) + w[t - 7] + sigma0(w[t - 15]) + w[t - 16].
[[gnu::always_inline]] inline uint32x4_t next_words(uint32x4_t w16, uint32x4_t w12, uint32x4_t w8,
                                                    uint32x4_t w4) {
    return vsha256su1q_u32(vsha256su0q_u32(w16, w12), w8, w4);
}

[[gnu::always_inline]] inline State compressed(const State& before, const std::uint8_t* block) {
    State state = before;
    uint32x4_t words[4];
    for (std::size_t i = 0; i < 16; ++i) {
        uint32x4_t& now = words[i % 4];
        if (i < 4) {
            now = vreinterpretq_u32_u8(vrev32q_u8(vld1q_u8(block + 16 * i)));
        } else {
            now = next_words(now, words[(i + 1) % 4], words[(i + 2) % 4], words[(i + 3) % 4]);
        }
        // Four rounds; the second half wants what a to d were before them.
        const uint32x4_t terms = vaddq_u32(now, vld1q_u32(kRoots + 4 * i));
        const uint32x4_t abcd = state.abcd;
        state.abcd = vsha256hq_u32(abcd, state.efgh, terms);
        state.efgh = vsha256h2q_u32(state.efgh, abcd, terms);
    }
    return {vaddq_u32(state.abcd, before.abcd), vaddq_u32(state.efgh, before.efgh)};
}

void compress(std::uint32_t* words, const std::uint8_t* blocks, std::size_t count) {
    State state = {vld1q_u32(words), vld1q_u32(words + 4)};
    for (; count > 0; --count, blocks += kHashBlockBytes) {
        state = compressed(state, blocks);
    }
    vst1q_u32(words, state.abcd);
    vst1q_u32(words + 4, state.efgh);
}

}  // namespace

extern const HashRow kSha256;
const HashRow kSha256 = {
    .name = "sha256.arm64",
    .usable = has_crypto,
    .compress = compress,
};

}  // namespace ferry::crypto::arm64
