// One block under many AES-128 keys with AES-NI: eight users at a time.
//
// A user is 16 bytes of memory, the last round key, which decryption needs first; the key schedule
// runs backwards beside it. Reading whole schedules would cost more: eleven times the memory.
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "crypto/kernel.h"

namespace ferry::crypto::amd64 {

namespace {

constexpr std::size_t kBatchUsers = 8;
constexpr std::uint8_t kRoundConstants[10] = {1, 2, 4, 8, 16, 32, 64, 128, 0x1b, 0x36};

// The last round keys, in the order of the users.
struct Keys {
    __m128i users[kTrialBlockUsers];
};
static_assert(sizeof(Keys) == sizeof(TrialKeys));

// The column that the key schedule turns and substitutes, four times over, substituted, and with
// the round's constant: on equal columns the row shift of AESENCLAST has no effect.
[[gnu::always_inline]] inline __m128i substituted_last_column(__m128i key, std::uint8_t constant) {
    return _mm_aesenclast_si128(_mm_shuffle_epi8(key, _mm_set1_epi32(0x0c0f0e0d)),
                                _mm_set1_epi32(constant));
}

void set(TrialKeys& keys, std::size_t index, const std::uint8_t* key) {
    Keys& all = *static_cast<Keys*>(static_cast<void*>(&keys));
    __m128i round = _mm_loadu_si128(static_cast<const __m128i*>(static_cast<const void*>(key)));
    for (const std::uint8_t constant : kRoundConstants) {
        const __m128i substituted = substituted_last_column(round, constant);
        round = _mm_xor_si128(round, _mm_slli_si128(round, 4));
        round = _mm_xor_si128(round, _mm_slli_si128(round, 8));
        round = _mm_xor_si128(round, substituted);
    }
    all.users[index] = round;
}

// Makes the round key before `key`. Every column but the first was added to the one behind it; the
// last one, turned and substituted, and a constant were added to the first.
[[gnu::always_inline]] inline __m128i stepped_back(__m128i key, std::uint8_t constant) {
    const __m128i columns = _mm_xor_si128(key, _mm_slli_si128(key, 4));
    const __m128i substituted = substituted_last_column(columns, constant);
    return _mm_xor_si128(columns, _mm_srli_si128(substituted, 12));
}

// 32 bits per plaintext, in its second word, that are kMatch exactly if the checksum is right.
//
// With the last four bytes reversed, a plaintext is a message with its CRC-32 behind it: as a
// polynomial with the first bit on top, and ones added to its first 32 bits and its last, a
// multiple of the CRC's polynomial. As numbers, lowest bit first, both are reversed, and the same
// holds. A number N below 2^128 is a multiple of G exactly if N / G mod 2^128 is below 2^96;
// division is multiplication by the inverse below, and its upper 32 bits are linear in N, so the
// ones to be added turn zero into kMatch.
[[gnu::always_inline]] inline __m128i check(__m128i plain) {
    const __m128i last_word_reversed =
        _mm_set_epi8(12, 13, 14, 15, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    const __m128i inverse = _mm_set_epi64x(static_cast<long long>(0xe8f6c5afc0be831e),
                                           static_cast<long long>(0xb4e5b025f7011641));
    const __m128i n = _mm_shuffle_epi8(plain, last_word_reversed);
    const __m128i low = _mm_clmulepi64_si128(n, inverse, 0x00);
    const __m128i middle = _mm_xor_si128(_mm_clmulepi64_si128(n, inverse, 0x10),
                                         _mm_clmulepi64_si128(n, inverse, 0x01));
    return _mm_xor_si128(_mm_shuffle_epi32(low, 0x4e), middle);
}

// One bit per user.
[[gnu::always_inline]] inline unsigned matches(const __m128i* plain) {
    constexpr int kMatch = static_cast<int>(0xb538cfaf);
    const __m128i low = _mm_unpacklo_epi32(check(plain[0]), check(plain[1]));
    const __m128i high = _mm_unpacklo_epi32(check(plain[2]), check(plain[3]));
    const __m128i checks = _mm_unpackhi_epi64(low, high);
    const __m128i equal = _mm_cmpeq_epi32(checks, _mm_set1_epi32(kMatch));
    return static_cast<unsigned>(_mm_movemask_ps(_mm_castsi128_ps(equal)));
}

// AESDEC adds its key after the inverse of MixColumns, so that goes over the key too.
[[gnu::always_inline]] inline std::uint64_t find_in(const __m128i* users, __m128i block) {
    __m128i keys[kBatchUsers];
    __m128i plain[kBatchUsers];
    for (std::size_t u = 0; u < kBatchUsers; ++u) {
        keys[u] = users[u];
        plain[u] = _mm_xor_si128(block, keys[u]);
    }
    for (std::size_t round = 9; round > 0; --round) {
        for (std::size_t u = 0; u < kBatchUsers; ++u) {
            keys[u] = stepped_back(keys[u], kRoundConstants[round]);
            plain[u] = _mm_aesdec_si128(plain[u], _mm_aesimc_si128(keys[u]));
        }
    }
    for (std::size_t u = 0; u < kBatchUsers; ++u) {
        keys[u] = stepped_back(keys[u], kRoundConstants[0]);
        plain[u] = _mm_aesdeclast_si128(plain[u], keys[u]);
    }
    return matches(plain) | matches(plain + 4) << 4;
}

std::uint64_t find(const TrialKeys& keys, std::size_t count, const std::uint8_t* block_bytes) {
    const Keys& all = *static_cast<const Keys*>(static_cast<const void*>(&keys));
    const __m128i block =
        _mm_loadu_si128(static_cast<const __m128i*>(static_cast<const void*>(block_bytes)));
    std::uint64_t found = 0;
    for (std::size_t first = 0; first < count; first += kBatchUsers) {
        found |= find_in(all.users + first, block) << first;
    }
    return count == kTrialBlockUsers ? found : found & ((std::uint64_t{1} << count) - 1);
}

}  // namespace

extern const TrialRow kAes128TrialNi;
const TrialRow kAes128TrialNi = {
    .name = "trial.ni",
    .usable = has_aes_ni,
    .set = set,
    .find = find,
};

}  // namespace ferry::crypto::amd64
