// One block under many AES-128 keys with AES instructions: eight users at a time.
//
// A user is 16 bytes of memory, the last round key, which decryption needs first; the key schedule
// runs backwards beside it. Reading whole schedules would cost more: eleven times the memory.
#include <arm_neon.h>

#include <cstddef>
#include <cstdint>

#include "crypto/arm64/aes_block.h"
#include "crypto/kernel.h"

namespace ferry::crypto::arm64 {

namespace {

constexpr std::size_t kBatchUsers = 8;

// The last round keys, in the order of the users.
struct Keys {
    uint8x16_t users[kTrialBlockUsers];
};
static_assert(sizeof(Keys) == sizeof(TrialKeys));

void set(TrialKeys& keys, std::size_t index, const std::uint8_t* key) {
    Keys& all = *static_cast<Keys*>(static_cast<void*>(&keys));
    uint8x16_t round = load(key);
    for (const std::uint8_t constant : kRoundConstants) {
        round = next_round(round, constant);
    }
    all.users[index] = round;
}

// Makes the round key before `key`. Every column but the first was added to the one behind it; the
// last one, turned and substituted, and a constant were added to the first.
[[gnu::always_inline]] inline uint8x16_t stepped_back(uint8x16_t key, std::uint8_t constant) {
    const uint8x16_t columns = veorq_u8(key, moved_up<4>(key));
    const uint8x16_t substituted = substituted_last_column(columns);
    const uint8x16_t first_column = vextq_u8(substituted, vdupq_n_u8(0), 12);
    const uint8x16_t first_byte = vsetq_lane_u8(constant, vdupq_n_u8(0), 0);
    return veorq_u8(veorq_u8(columns, first_byte), first_column);
}

[[gnu::always_inline]] inline uint8x16_t product(poly64_t a, poly64_t b) {
    return vreinterpretq_u8_p128(vmull_p64(a, b));
}

// 32 bits per plaintext, in its second word, that are kMatch exactly if the checksum is right.
//
// With the last four bytes reversed, a plaintext is a message with its CRC-32 behind it: as a
// polynomial with the first bit on top, and ones added to its first 32 bits and its last, a
// multiple of the CRC's polynomial. As numbers, lowest bit first, both are reversed, and the same
// holds. A number N below 2^128 is a multiple of G exactly if N / G mod 2^128 is below 2^96;
// division is multiplication by the inverse below, and its upper 32 bits are linear in N, so the
// ones to be added turn zero into kMatch.
[[gnu::always_inline]] inline uint32x4_t check(uint8x16_t plain) {
    constexpr poly64_t kInverseLow = 0xb4e5b025f7011641;
    constexpr poly64_t kInverseHigh = 0xe8f6c5afc0be831e;
    const uint8x16_t last_word_reversed = two_words(0x0706050403020100, 0x0c0d0e0f0b0a0908);
    const poly64x2_t n = vreinterpretq_p64_u8(vqtbl1q_u8(plain, last_word_reversed));
    const uint8x16_t low = product(vgetq_lane_p64(n, 0), kInverseLow);
    const uint8x16_t middle = veorq_u8(product(vgetq_lane_p64(n, 0), kInverseHigh),
                                       product(vgetq_lane_p64(n, 1), kInverseLow));
    return vreinterpretq_u32_u8(veorq_u8(vextq_u8(low, low, 8), middle));
}

// One bit per user.
[[gnu::always_inline]] inline unsigned matches(const uint8x16_t* plain) {
    constexpr std::uint32_t kMatch = 0xb538cfaf;
    static constexpr std::uint32_t kBits[4] = {1, 2, 4, 8};
    const uint64x2_t low = vreinterpretq_u64_u32(vzip1q_u32(check(plain[0]), check(plain[1])));
    const uint64x2_t high = vreinterpretq_u64_u32(vzip1q_u32(check(plain[2]), check(plain[3])));
    const uint32x4_t checks = vreinterpretq_u32_u64(vzip2q_u64(low, high));
    const uint32x4_t equal = vceqq_u32(checks, vdupq_n_u32(kMatch));
    return vaddvq_u32(vandq_u32(equal, vld1q_u32(kBits)));
}

// AESD adds its key after the inverse of MixColumns, so that goes over the key too.
[[gnu::always_inline]] inline std::uint64_t find_in(const uint8x16_t* users, uint8x16_t block) {
    uint8x16_t keys[kBatchUsers];
    uint8x16_t plain[kBatchUsers];
    for (std::size_t u = 0; u < kBatchUsers; ++u) {
        keys[u] = users[u];
        plain[u] = decryption_round(block, keys[u]);
    }
    for (std::size_t round = 9; round > 1; --round) {
        for (std::size_t u = 0; u < kBatchUsers; ++u) {
            keys[u] = stepped_back(keys[u], kRoundConstants[round]);
            plain[u] = decryption_round(plain[u], vaesimcq_u8(keys[u]));
        }
    }
    for (std::size_t u = 0; u < kBatchUsers; ++u) {
        keys[u] = stepped_back(keys[u], kRoundConstants[1]);
        plain[u] = vaesdq_u8(plain[u], vaesimcq_u8(keys[u]));
        plain[u] = veorq_u8(plain[u], stepped_back(keys[u], kRoundConstants[0]));
    }
    return matches(plain) | matches(plain + 4) << 4;
}

std::uint64_t find(const TrialKeys& keys, std::size_t count, const std::uint8_t* block_bytes) {
    const Keys& all = *static_cast<const Keys*>(static_cast<const void*>(&keys));
    const uint8x16_t block = load(block_bytes);
    std::uint64_t found = 0;
    for (std::size_t first = 0; first < count; first += kBatchUsers) {
        found |= find_in(all.users + first, block) << first;
    }
    return count == kTrialBlockUsers ? found : found & ((std::uint64_t{1} << count) - 1);
}

}  // namespace

extern const TrialRow kAes128Trial;
const TrialRow kAes128Trial = {
    .name = "trial.arm64",
    .usable = has_crypto,
    .set = set,
    .find = find,
};

}  // namespace ferry::crypto::arm64
