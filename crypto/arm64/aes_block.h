// What the kernels with AES instructions share: the key schedule and single blocks.
//
// AESE adds a round key, then substitutes and shifts; AESMC mixes columns. A pair of them is one
// operation for many cores if nothing stands between the two.
//
// Everything here has internal linkage, so that each kernel has its own copy, for its own
// instructions.
#pragma once

#include <arm_neon.h>

#include <cstddef>
#include <cstdint>

#include "crypto/arm64/memory.h"

namespace ferry::crypto::arm64 {

namespace {

// FIPS 197, 5.2: what is added to the first byte of round key i + 1.
constexpr std::uint8_t kRoundConstants[10] = {1, 2, 4, 8, 16, 32, 64, 128, 0x1b, 0x36};

// `block` moved up by whole bytes, zeros below.
template <int bytes>
[[gnu::always_inline]] inline uint8x16_t moved_up(uint8x16_t block) {
    return vextq_u8(vdupq_n_u8(0), block, 16 - bytes);
}

// The last column of a round key, turned and substituted, four times over: on equal columns the row
// shift of AESE has no effect.
[[gnu::always_inline]] inline uint8x16_t substituted_last_column(uint8x16_t round) {
    const uint8x16_t turned_last_column = vreinterpretq_u8_u32(vdupq_n_u32(0x0c0f0e0d));
    return vaeseq_u8(vqtbl1q_u8(round, turned_last_column), vdupq_n_u8(0));
}

// The round key behind `round`: every column is the sum of those up to it, plus the substituted
// column and the constant, which go to its first byte.
[[gnu::always_inline]] inline uint8x16_t next_round(uint8x16_t round, std::uint8_t constant) {
    const uint8x16_t substituted = substituted_last_column(round);
    const uint8x16_t constants = vreinterpretq_u8_u32(vdupq_n_u32(constant));
    round = veorq_u8(round, moved_up<4>(round));
    round = veorq_u8(round, moved_up<8>(round));
    return veorq_u8(round, veorq_u8(substituted, constants));
}

[[gnu::always_inline]] inline void expand_rounds(uint8x16_t* rounds, const std::uint8_t* key) {
    rounds[0] = load(key);
    for (std::size_t i = 0; i < 10; ++i) {
        rounds[i + 1] = next_round(rounds[i], kRoundConstants[i]);
    }
}

// One round of encryption but for the addition of the next key.
[[gnu::always_inline]] inline uint8x16_t encryption_round(uint8x16_t block, uint8x16_t key) {
    return vaesmcq_u8(vaeseq_u8(block, key));
}

[[gnu::always_inline]] inline uint8x16_t decryption_round(uint8x16_t block, uint8x16_t key) {
    return vaesimcq_u8(vaesdq_u8(block, key));
}

[[gnu::always_inline]] inline uint8x16_t encrypted(const uint8x16_t* rounds, uint8x16_t block) {
    for (std::size_t i = 0; i < 9; ++i) {
        block = encryption_round(block, rounds[i]);
    }
    return veorq_u8(vaeseq_u8(block, rounds[9]), rounds[10]);
}

}  // namespace

}  // namespace ferry::crypto::arm64
