// One block under many AES-128 keys with vectors of 512 bits: four users per register, sixteen at a
// time.
//
// A user is 16 bytes of memory, the last round key, which decryption needs first; the key schedule
// runs backwards beside it. Reading whole schedules would cost more: eleven times the memory.
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "crypto/kernel.h"

namespace ferry::crypto::amd64 {

namespace {

constexpr std::size_t kBatchUsers = 16;
constexpr std::size_t kQuads = 4;
constexpr std::uint8_t kRoundConstants[10] = {1, 2, 4, 8, 16, 32, 64, 128, 0x1b, 0x36};

// Sixteen users. User u is in lane u / 4 of quad u % 4, so that one comparison of all sixteen, quad
// q in word q of its lane, gives their bits in order.
struct Batch {
    __m512i quads[kQuads];
};

struct Keys {
    Batch batches[kTrialBlockUsers / kBatchUsers];
};
static_assert(sizeof(Keys) == sizeof(TrialKeys));

// The column that the key schedule turns and substitutes, four times over: on equal columns the row
// shift of AESENCLAST has no effect.
[[gnu::always_inline]] inline __m128i turned_last_column(__m128i key) {
    return _mm_shuffle_epi8(key, _mm_set1_epi32(0x0c0f0e0d));
}

[[gnu::always_inline]] inline __m512i turned_last_columns(__m512i keys) {
    return _mm512_shuffle_epi8(keys, _mm512_set1_epi32(0x0c0f0e0d));
}

void set(TrialKeys& keys, std::size_t index, const std::uint8_t* key) {
    __m128i round = _mm_loadu_si128(static_cast<const __m128i*>(static_cast<const void*>(key)));
    for (const std::uint8_t constant : kRoundConstants) {
        const __m128i substituted =
            _mm_aesenclast_si128(turned_last_column(round), _mm_set1_epi32(constant));
        round = _mm_xor_si128(round, _mm_slli_si128(round, 4));
        round = _mm_xor_si128(round, _mm_slli_si128(round, 8));
        round = _mm_xor_si128(round, substituted);
    }
    const std::size_t user = index % kBatchUsers;
    const std::size_t place = index - user + 4 * (user % 4) + user / 4;
    _mm_store_si128(static_cast<__m128i*>(static_cast<void*>(keys.bytes + 16 * place)), round);
}

// Makes the round keys before `keys`. Every column but the first was added to the one behind it;
// the last one, turned and substituted, and a constant were added to the first.
[[gnu::always_inline]] inline __m512i stepped_back(__m512i keys, std::uint8_t constant) {
    const __m512i columns = _mm512_xor_si512(keys, _mm512_bslli_epi128(keys, 4));
    const __m512i substituted =
        _mm512_aesenclast_epi128(turned_last_columns(columns), _mm512_set1_epi32(constant));
    return _mm512_mask_xor_epi32(columns, 0x1111, columns, substituted);
}

// The inverse of MixColumns, which AESDEC does after an inverse S-box that AESENCLAST undoes.
[[gnu::always_inline]] inline __m512i columns_unmixed(__m512i blocks) {
    const __m512i zero = _mm512_setzero_si512();
    return _mm512_aesdec_epi128(_mm512_aesenclast_epi128(blocks, zero), zero);
}

// Four plaintexts. AESDEC adds its key after the inverse of MixColumns, so that goes over the key
// too.
[[gnu::always_inline]] inline void decrypt(const Batch& batch, __m512i block,
                                           __m512i (&plain)[kQuads]) {
    __m512i keys[kQuads];
    for (std::size_t q = 0; q < kQuads; ++q) {
        keys[q] = batch.quads[q];
        plain[q] = _mm512_xor_si512(block, keys[q]);
    }
    for (std::size_t round = 9; round > 0; --round) {
        for (std::size_t q = 0; q < kQuads; ++q) {
            keys[q] = stepped_back(keys[q], kRoundConstants[round]);
            plain[q] = _mm512_aesdec_epi128(plain[q], columns_unmixed(keys[q]));
        }
    }
    for (std::size_t q = 0; q < kQuads; ++q) {
        keys[q] = stepped_back(keys[q], kRoundConstants[0]);
        plain[q] = _mm512_aesdeclast_epi128(plain[q], keys[q]);
    }
}

// 32 bits per plaintext, in the second word of its lane, that are kMatch exactly if the checksum is
// right.
//
// With the last four bytes reversed, a plaintext is a message with its CRC-32 behind it: as a
// polynomial with the first bit on top, and ones added to its first 32 bits and its last, a
// multiple of the CRC's polynomial. As numbers, lowest bit first, both are reversed, and the same
// holds. An odd number N is a multiple of G below 2^128 exactly if N / G mod 2^128 is below 2^96;
// division is multiplication by the inverse below, and its upper 32 bits are linear in N, so the
// ones to be added turn zero into kMatch.
[[gnu::always_inline]] inline __m512i check(__m512i plain) {
    const __m128i last_word_reversed =
        _mm_set_epi8(12, 13, 14, 15, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    const __m512i inverse = _mm512_broadcast_i32x4(_mm_set_epi64x(
        static_cast<long long>(0xe8f6c5afc0be831e), static_cast<long long>(0xb4e5b025f7011641)));
    const __m512i n = _mm512_shuffle_epi8(plain, _mm512_broadcast_i32x4(last_word_reversed));
    const __m512i low = _mm512_clmulepi64_epi128(n, inverse, 0x00);
    const __m512i cross = _mm512_clmulepi64_epi128(n, inverse, 0x10);
    const __m512i other = _mm512_clmulepi64_epi128(n, inverse, 0x01);
    const __m512i low_upper = _mm512_shuffle_epi32(low, _MM_PERM_BADC);
    return _mm512_ternarylogic_epi64(low_upper, cross, other, 0x96);
}

[[gnu::always_inline]] inline std::uint64_t find_in(const Batch& batch, __m512i block) {
    constexpr int kMatch = static_cast<int>(0xb538cfaf);
    __m512i plain[kQuads];
    decrypt(batch, block, plain);
    // Word q of each lane from quad q.
    __m512i checks = _mm512_shuffle_epi32(check(plain[0]), _MM_PERM_BBBB);
    checks = _mm512_mask_mov_epi32(checks, 0x2222, check(plain[1]));
    checks = _mm512_mask_shuffle_epi32(checks, 0x4444, check(plain[2]), _MM_PERM_BBBB);
    checks = _mm512_mask_shuffle_epi32(checks, 0x8888, check(plain[3]), _MM_PERM_BBBB);
    return _mm512_cmpeq_epi32_mask(checks, _mm512_set1_epi32(kMatch));
}

std::uint64_t find(const TrialKeys& keys, std::size_t count, const std::uint8_t* block_bytes) {
    const Keys& all = *static_cast<const Keys*>(static_cast<const void*>(&keys));
    const __m512i block = _mm512_broadcast_i32x4(
        _mm_loadu_si128(static_cast<const __m128i*>(static_cast<const void*>(block_bytes))));
    std::uint64_t found = 0;
    for (std::size_t first = 0; first < count; first += kBatchUsers) {
        found |= find_in(all.batches[first / kBatchUsers], block) << first;
    }
    return count == kTrialBlockUsers ? found : found & ((std::uint64_t{1} << count) - 1);
}

}  // namespace

extern const TrialRow kAes128TrialVaes512;
const TrialRow kAes128TrialVaes512 = {
    .name = "trial.vaes512",
    .usable = has_vaes512,
    .set = set,
    .find = find,
};

}  // namespace ferry::crypto::amd64
