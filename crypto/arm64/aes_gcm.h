// AES-128-GCM with AES and PMULL, the body of two rows: eight blocks in flight.
//
// A group of eight blocks is encrypted while the one before is hashed, and the end of a message is
// one sum of products with one reduction. The rows differ in how they add three vectors, see
// sum_of(), which is what hashing does most.
//
// Of the 32 registers, eight hold blocks, eight the group before, and three the sum; round keys and
// powers come from memory.
//
// Everything here has internal linkage, so that each kernel has its own copy, for its own
// instructions.
#pragma once

#include <arm_neon.h>

#include <cstddef>
#include <cstdint>

#include "crypto/arm64/aes_block.h"
#include "crypto/kernel.h"

namespace ferry::crypto::arm64 {

namespace {

constexpr std::size_t kBlockBytes = 16;
constexpr std::size_t kGroupBlocks = 8;
constexpr std::size_t kGroupBytes = kGroupBlocks * kBlockBytes;
// A full group, a rest of as many blocks, and the block of lengths.
constexpr std::size_t kPowers = 2 * kGroupBlocks + 1;

// `powers` counts down, H^17 to H^1, so n consecutive blocks, of which the last is the last to be
// hashed, meet their factors from H^n on. `halves` has the sum of the two halves of each.
struct Key {
    uint8x16_t rounds[11];
    uint8x16_t powers[kPowers];
    std::uint64_t halves[kPowers];
};
static_assert(sizeof(Key) <= sizeof(AeadState::bytes));

enum class Way : std::uint8_t { seal, open };

// A sum of products before its reduction: low + (middle + low + high) 2^64 + high 2^128. That is
// Karatsuba's way: three products of halves instead of four.
struct Sum {
    uint8x16_t low;
    uint8x16_t middle;
    uint8x16_t high;
};

struct Group {
    uint8x16_t blocks[kGroupBlocks];
};

// a + b + c. Defined by each row.
inline uint8x16_t sum_of(uint8x16_t a, uint8x16_t b, uint8x16_t c);

// A block as a number: SP 800-38D, 6.3, has the coefficient of x^0 first, which is the highest bit
// of a byte. With the bits of every byte reversed, bit i stands for x^i.
[[gnu::always_inline]] inline uint8x16_t number_of(uint8x16_t block) {
    return vrbitq_u8(block);
}

// The carry-less product of the lower halves, and that of the upper ones.
[[gnu::always_inline]] inline uint8x16_t product_low(uint8x16_t a, uint8x16_t b) {
    return vreinterpretq_u8_p128(vmull_p64(vgetq_lane_p64(vreinterpretq_p64_u8(a), 0),
                                           vgetq_lane_p64(vreinterpretq_p64_u8(b), 0)));
}

[[gnu::always_inline]] inline uint8x16_t product_high(uint8x16_t a, uint8x16_t b) {
    return vreinterpretq_u8_p128(vmull_high_p64(vreinterpretq_p64_u8(a), vreinterpretq_p64_u8(b)));
}

[[gnu::always_inline]] inline uint8x16_t swapped_halves(uint8x16_t a) {
    return vextq_u8(a, a, 8);
}

// Adds the product of a block, which is the `count`-th from the end, and its power.
[[gnu::always_inline]] inline void add_product(const Key& key, Sum& sum, uint8x16_t block,
                                               std::size_t count) {
    const std::size_t at = kPowers - count;
    const uint8x16_t half = vreinterpretq_u8_u64(vld1q_dup_u64(key.halves + at));
    const uint8x16_t both = veorq_u8(block, swapped_halves(block));
    sum.low = veorq_u8(sum.low, product_low(block, key.powers[at]));
    sum.middle = veorq_u8(sum.middle, product_low(both, half));
    sum.high = veorq_u8(sum.high, product_high(block, key.powers[at]));
}

// The same for two blocks, of which `a` is the `count`-th from the end and `b` the next.
[[gnu::always_inline]] inline void add_products(const Key& key, Sum& sum, uint8x16_t a,
                                                uint8x16_t b, std::size_t count) {
    const std::size_t at = kPowers - count;
    const uint64x2_t words_a = vreinterpretq_u64_u8(a);
    const uint64x2_t words_b = vreinterpretq_u64_u8(b);
    const uint8x16_t halves = vreinterpretq_u8_u64(vld1q_u64(key.halves + at));
    const uint8x16_t both =
        vreinterpretq_u8_u64(veorq_u64(vtrn1q_u64(words_a, words_b), vtrn2q_u64(words_a, words_b)));
    sum.low = sum_of(sum.low, product_low(a, key.powers[at]), product_low(b, key.powers[at + 1]));
    sum.middle = sum_of(sum.middle, product_low(both, halves), product_high(both, halves));
    sum.high =
        sum_of(sum.high, product_high(a, key.powers[at]), product_high(b, key.powers[at + 1]));
}

// The sum modulo the field's polynomial, x^128 + x^7 + x^2 + x + 1: what is above 2^128 comes back
// times 0x87. First the uppermost 64 bits; then the 64 below, in two parts, one of which does not
// wait for the other.
[[gnu::always_inline]] inline uint8x16_t reduced(const Sum& sum) {
    const uint8x16_t polynomial = vreinterpretq_u8_u64(vdupq_n_u64(0x87));
    const uint8x16_t middle =
        veorq_u8(sum_of(sum.middle, sum.low, sum.high), product_high(sum.high, polynomial));
    const uint8x16_t low = veorq_u8(sum.low, product_low(sum.high, polynomial));
    return sum_of(low, moved_up<8>(middle), product_high(middle, polynomial));
}

[[gnu::always_inline]] inline uint8x16_t product(uint8x16_t a, uint8x16_t b) {
    const uint8x16_t both_a = veorq_u8(a, swapped_halves(a));
    const uint8x16_t both_b = veorq_u8(b, swapped_halves(b));
    return reduced({product_low(a, b), product_low(both_a, both_b), product_high(a, b)});
}

void expand(AeadState& state, const std::uint8_t* key_bytes) {
    Key& key = *static_cast<Key*>(static_cast<void*>(&state));
    expand_rounds(key.rounds, key_bytes);
    uint8x16_t powers[kPowers];
    powers[0] = number_of(encrypted(key.rounds, vdupq_n_u8(0)));
    powers[1] = product(powers[0], powers[0]);
    powers[2] = product(powers[1], powers[0]);
    powers[3] = product(powers[1], powers[1]);
    // Times H^4: each factor is four steps old, so four products are under way at a time.
    for (std::size_t i = 4; i < kPowers; ++i) {
        powers[i] = product(powers[i - 4], powers[3]);
    }
    for (std::size_t i = 0; i < kPowers; ++i) {
        const uint8x16_t both = veorq_u8(powers[i], swapped_halves(powers[i]));
        key.powers[kPowers - 1 - i] = powers[i];
        key.halves[kPowers - 1 - i] = vgetq_lane_u64(vreinterpretq_u64_u8(both), 0);
    }
    wipe(powers, sizeof powers);
}

// The key stream of one message. Group g holds the counters 8 g + 2 to 8 g + 9, so its blocks
// differ in the last byte only, but for the last two, which have the next multiple of 8. That makes
// a counter one addition without carries, of a constant to `base` or `next_base`.
struct Stream {
    uint32x4_t counter;  // the block with counter 8 (g + 1), the bytes of each word reversed
    uint8x16_t base;     // the block with counter 8 g
};

[[gnu::always_inline]] inline uint8x16_t last_byte(std::uint8_t value) {
    return vsetq_lane_u8(value, vdupq_n_u8(0), 15);
}

[[gnu::always_inline]] inline uint32x4_t eight() {
    return vsetq_lane_u32(8, vdupq_n_u32(0), 3);
}

// The first `blocks` counters of the next group. Moves on by a group.
template <std::size_t blocks>
[[gnu::always_inline]] inline void next_counters(Stream& stream, uint8x16_t (&state)[blocks]) {
    const uint8x16_t next_base = vrev32q_u8(vreinterpretq_u8_u32(stream.counter));
    for (std::size_t i = 0; i < blocks; ++i) {
        state[i] = veorq_u8(i + 2 < kGroupBlocks ? stream.base : next_base,
                            last_byte(static_cast<std::uint8_t>((i + 2) % 8)));
    }
    stream.base = next_base;
    stream.counter = vaddq_u32(stream.counter, eight());
}

// What is hashed: the text as it is on the wire.
template <Way way>
[[gnu::always_inline]] inline uint8x16_t hashed(uint8x16_t from, uint8x16_t to) {
    return number_of(way == Way::seal ? to : from);
}

// Encrypts or decrypts one group, `from` to `to`. Gives its ciphertext as numbers. Meanwhile adds
// the products of the group before, `held` (if given), to `sum`.
template <Way way>
[[gnu::always_inline]] inline Group crypt_group(const Key& key, Stream& stream,
                                                const std::uint8_t* from, std::uint8_t* to,
                                                const Group* held, Sum* sum) {
    uint8x16_t state[kGroupBlocks];
    next_counters(stream, state);
    for (std::size_t round = 0; round < 9; ++round) {
        const uint8x16_t round_key = key.rounds[round];
        for (uint8x16_t& block : state) {
            block = encryption_round(block, round_key);
        }
        if (held != nullptr && round < kGroupBlocks && round % 2 == 1) {
            add_products(key, *sum, held->blocks[round - 1], held->blocks[round],
                         kGroupBlocks - (round - 1));
        }
    }
    Group sealed;
    for (std::size_t i = 0; i < kGroupBlocks; ++i) {
        const uint8x16_t text = load(from + kBlockBytes * i);
        const uint8x16_t result = sum_of(vaeseq_u8(state[i], key.rounds[9]), key.rounds[10], text);
        store(to + kBlockBytes * i, result);
        sealed.blocks[i] = hashed<way>(text, result);
    }
    return sealed;
}

// Encrypts or decrypts the last 1 to 127 bytes, of at most `blocks` blocks, and adds their
// products. The first block is the `count`-th from the end, the block of lengths included.
template <Way way, std::size_t blocks>
[[gnu::always_inline]] inline void crypt_rest(const Key& key, Stream& stream, Sum& sum,
                                              const std::uint8_t* from, std::uint8_t* to,
                                              std::size_t bytes, std::size_t count) {
    uint8x16_t state[blocks];
    next_counters(stream, state);
    for (std::size_t round = 0; round < 9; ++round) {
        const uint8x16_t round_key = key.rounds[round];
        for (uint8x16_t& block : state) {
            block = encryption_round(block, round_key);
        }
    }
    for (std::size_t i = 0; i < blocks && kBlockBytes * i < bytes; ++i) {
        const std::size_t at = kBlockBytes * i;
        const std::size_t now = bytes - at < kBlockBytes ? bytes - at : kBlockBytes;
        const uint8x16_t text = load_first(from + at, now);
        const uint8x16_t mixed = sum_of(vaeseq_u8(state[i], key.rounds[9]), key.rounds[10], text);
        const uint8x16_t result = store_first(to + at, mixed, now);
        add_product(key, sum, hashed<way>(text, result), count - i);
    }
}

template <Way way>
[[gnu::always_inline]] inline void crypt_any_rest(const Key& key, Stream& stream, Sum& sum,
                                                  const std::uint8_t* from, std::uint8_t* to,
                                                  std::size_t bytes, std::size_t count) {
    if (bytes == 0) {
        return;
    }
    if (bytes <= kBlockBytes) {
        return crypt_rest<way, 1>(key, stream, sum, from, to, bytes, count);
    }
    if (bytes <= 4 * kBlockBytes) {
        return crypt_rest<way, 4>(key, stream, sum, from, to, bytes, count);
    }
    return crypt_rest<way, 8>(key, stream, sum, from, to, bytes, count);
}

[[gnu::always_inline]] inline std::size_t blocks_in(std::size_t bytes) {
    return (bytes + kBlockBytes - 1) / kBlockBytes;
}

// Adds the products of the associated data. What is beyond 64 bytes is reduced on the way.
[[gnu::always_inline]] inline void add_aad(const Key& key, Sum& sum, const std::uint8_t* aad,
                                           std::size_t bytes, std::size_t blocks_after) {
    constexpr std::size_t kBytesAtOnce = 64;
    uint8x16_t hash = vdupq_n_u8(0);
    for (; bytes > kBytesAtOnce; bytes -= kBlockBytes, aad += kBlockBytes) {
        hash = product(veorq_u8(number_of(load(aad)), hash), key.powers[kPowers - 1]);
    }
    std::size_t count = blocks_in(bytes) + blocks_after;
    while (bytes > 0) {
        const std::size_t now = bytes < kBlockBytes ? bytes : kBlockBytes;
        add_product(key, sum, veorq_u8(number_of(load_first(aad, now)), hash), count);
        hash = vdupq_n_u8(0);
        --count;
        aad += now;
        bytes -= now;
    }
}

// Encrypts or decrypts a message and gives its tag.
template <Way way>
[[gnu::always_inline]] inline uint8x16_t crypt(const Key& key, const std::uint8_t* nonce,
                                               const std::uint8_t* aad, std::size_t aad_bytes,
                                               const std::uint8_t* from, std::uint8_t* to,
                                               std::size_t text_bytes) {
    // Counter 1 hides the tag; the text begins with counter 2.
    const uint8x16_t start = load_first(nonce, kNonceBytes);
    const uint8x16_t tag_mask = encrypted(key.rounds, veorq_u8(start, last_byte(1)));
    Stream stream;
    stream.base = start;
    stream.counter = vaddq_u32(vreinterpretq_u32_u8(vrev32q_u8(start)), eight());

    std::size_t groups = text_bytes / kGroupBytes;
    const std::size_t rest = text_bytes % kGroupBytes;
    const std::size_t count = blocks_in(rest) + 1;  // blocks after the last full group

    Sum sum{};
    if (groups == 0) {
        add_aad(key, sum, aad, aad_bytes, count);
    } else {
        Sum aad_sum{};
        add_aad(key, aad_sum, aad, aad_bytes, 0);
        const uint8x16_t aad_hash = reduced(aad_sum);
        Group held = crypt_group<way>(key, stream, from, to, nullptr, nullptr);
        held.blocks[0] = veorq_u8(held.blocks[0], aad_hash);
        from += kGroupBytes;
        to += kGroupBytes;
        for (; groups > 1; --groups) {
            Sum group{};
            held = crypt_group<way>(key, stream, from, to, &held, &group);
            held.blocks[0] = veorq_u8(held.blocks[0], reduced(group));
            from += kGroupBytes;
            to += kGroupBytes;
        }
        for (std::size_t i = 0; i < kGroupBlocks; i += 2) {
            add_products(key, sum, held.blocks[i], held.blocks[i + 1], kGroupBlocks + count - i);
        }
    }
    crypt_any_rest<way>(key, stream, sum, from, to, rest, count);

    const uint8x16_t bits = vrev64q_u8(two_words(8 * aad_bytes, 8 * text_bytes));
    add_product(key, sum, number_of(bits), 1);
    return veorq_u8(number_of(reduced(sum)), tag_mask);
}

const Key& key_in(const AeadState& state) {
    return *static_cast<const Key*>(static_cast<const void*>(&state));
}

void seal(const AeadState& state, const std::uint8_t* nonce, const std::uint8_t* aad,
          std::size_t aad_bytes, const std::uint8_t* from, std::uint8_t* to, std::size_t text_bytes,
          std::uint8_t* tag) {
    store(tag, crypt<Way::seal>(key_in(state), nonce, aad, aad_bytes, from, to, text_bytes));
}

// The plaintext is there before the tag is known, so it is wiped if the tag is wrong.
bool open(const AeadState& state, const std::uint8_t* nonce, const std::uint8_t* aad,
          std::size_t aad_bytes, const std::uint8_t* from, std::uint8_t* to, std::size_t text_bytes,
          const std::uint8_t* tag) {
    const bool is_good =
        is_equal(crypt<Way::open>(key_in(state), nonce, aad, aad_bytes, from, to, text_bytes), tag);
    if (!is_good) {
        wipe(to, text_bytes);
    }
    return is_good;
}

}  // namespace

}  // namespace ferry::crypto::arm64
