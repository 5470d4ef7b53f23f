// AES-128-GCM with AES-NI and PCLMULQDQ alone: one block per instruction, eight in flight.
//
// As in aes_gcm_vaes512.cc, a group is encrypted while the one before is hashed, and the end of a
// message is one sum of products. There are 16 registers, of which eight hold blocks: round keys
// and the group before come from memory.
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "crypto/amd64/aes_block.h"
#include "crypto/kernel.h"

namespace ferry::crypto::amd64 {

namespace {

constexpr std::size_t kBlockBytes = 16;
constexpr std::size_t kGroupBlocks = 8;
constexpr std::size_t kGroupBytes = kGroupBlocks * kBlockBytes;
// A full group, a rest of as many blocks, and the block of lengths.
constexpr std::size_t kPowers = 2 * kGroupBlocks + 1;

// powers[n - 1] is H^n, the factor of the n-th block from the end. It carries x^-1, see reduced().
struct Key {
    __m128i rounds[11];
    __m128i powers[kPowers];
};
static_assert(sizeof(Key) <= sizeof(AeadState::bytes));

enum class Way : std::uint8_t { seal, open };

// A sum of products before its reduction: low + middle 2^64 + high 2^128.
struct Sum {
    __m128i low;
    __m128i middle;
    __m128i high;
};

struct Group {
    __m128i blocks[kGroupBlocks];
};

[[gnu::always_inline]] inline __m128i reverse_bytes(__m128i block) {
    return _mm_shuffle_epi8(block,
                            _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
}

// Adds the carry-less product of two blocks.
[[gnu::always_inline]] inline void add_product(Sum& sum, __m128i a, __m128i b) {
    sum.low = _mm_xor_si128(sum.low, _mm_clmulepi64_si128(a, b, 0x00));
    sum.middle = _mm_xor_si128(sum.middle, _mm_clmulepi64_si128(a, b, 0x01));
    sum.middle = _mm_xor_si128(sum.middle, _mm_clmulepi64_si128(a, b, 0x10));
    sum.high = _mm_xor_si128(sum.high, _mm_clmulepi64_si128(a, b, 0x11));
}

// The sum divided by 2^128, modulo the field's polynomial.
//
// Blocks come in with their bytes reversed, so bit i of a number stands for x^(127 - i), and the
// polynomial is G = 2^128 + 2^64 C + 1 with C below. Adding t G clears the lowest 64 bits t of the
// sum: they reappear at 2^128, and t C is added at 2^64. Twice that, and the lower half is gone.
// Dividing by 2^128 leaves a product of bits i and j at bit i + j - 128, which stands for one x too
// many: that is why factors are kept times x^-1.
[[gnu::always_inline]] inline __m128i folded(__m128i low, __m128i high) {
    const __m128i c = _mm_set1_epi64x(static_cast<long long>(0xc200000000000000));
    const __m128i swapped = _mm_shuffle_epi32(low, 0x4e);
    return _mm_xor_si128(_mm_xor_si128(high, swapped), _mm_clmulepi64_si128(low, c, 0x00));
}

[[gnu::always_inline]] inline __m128i reduced(const Sum& sum) {
    return folded(folded(sum.low, sum.middle), sum.high);
}

[[gnu::always_inline]] inline __m128i product(__m128i a, __m128i b) {
    Sum sum{};
    add_product(sum, a, b);
    return reduced(sum);
}

void expand(AeadState& state, const std::uint8_t* key_bytes) {
    Key& key = *static_cast<Key*>(static_cast<void*>(&state));
    expand_rounds(key.rounds, key_bytes);
    const __m128i h = over_x(reverse_bytes(encrypted(key.rounds, _mm_setzero_si128())));
    key.powers[0] = h;
    key.powers[1] = product(h, h);
    key.powers[2] = product(key.powers[1], h);
    key.powers[3] = product(key.powers[1], key.powers[1]);
    // Times H^4: each factor is four steps old, so four products are under way at a time.
    for (std::size_t i = 4; i < kPowers; ++i) {
        key.powers[i] = product(key.powers[i - 4], key.powers[3]);
    }
}

// The key stream of one message. Group g holds the counters 8 g + 2 to 8 g + 9, so its blocks
// differ in the last byte only, but for the last two, which have the next multiple of 8. That makes
// a counter one addition without carries, of a constant to `base` or `next_base`.
struct Stream {
    __m128i counter;  // 8 (g + 1), bytes reversed, so that it is the lowest word
    __m128i base;     // the block with counter 8 g, round key 0 added
};

// The first `blocks` blocks of the next group, ready for round 1. Moves on by a group.
template <std::size_t blocks>
[[gnu::always_inline]] inline void next_counters(const Key& key, Stream& stream,
                                                 __m128i (&state)[blocks]) {
    const __m128i next_base = _mm_xor_si128(reverse_bytes(stream.counter), key.rounds[0]);
    for (std::size_t i = 0; i < blocks; ++i) {
        const int last_byte = static_cast<int>(i + 2) % 8;
        state[i] = _mm_xor_si128(i + 2 < kGroupBlocks ? stream.base : next_base,
                                 _mm_set_epi32(last_byte << 24, 0, 0, 0));
    }
    stream.base = next_base;
    stream.counter = _mm_add_epi32(stream.counter, _mm_set_epi32(0, 0, 0, 8));
}

// What is hashed: the text as it is on the wire.
template <Way way>
[[gnu::always_inline]] inline __m128i hashed(__m128i from, __m128i to) {
    return reverse_bytes(way == Way::seal ? to : from);
}

// Encrypts or decrypts one group, `from` to `to`. Gives its ciphertext, bytes reversed. Meanwhile
// adds the products of the group before, `held` (if given), to `sum`.
template <Way way>
[[gnu::always_inline]] inline Group crypt_group(const Key& key, Stream& stream,
                                                const std::uint8_t* from, std::uint8_t* to,
                                                const Group* held, Sum* sum) {
    __m128i state[kGroupBlocks];
    next_counters(key, stream, state);
    for (std::size_t round = 1; round < 10; ++round) {
        const __m128i round_key = key.rounds[round];
        for (__m128i& block : state) {
            block = _mm_aesenc_si128(block, round_key);
        }
        if (held != nullptr && round <= kGroupBlocks) {
            add_product(*sum, held->blocks[round - 1], key.powers[kGroupBlocks - round]);
        }
    }
    Group sealed;
    const __m128i last_key = key.rounds[10];
    for (std::size_t i = 0; i < kGroupBlocks; ++i) {
        const __m128i text = load(from + kBlockBytes * i);
        const __m128i result = _mm_aesenclast_si128(state[i], _mm_xor_si128(text, last_key));
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
    __m128i state[blocks];
    next_counters(key, stream, state);
    for (std::size_t round = 1; round < 10; ++round) {
        const __m128i round_key = key.rounds[round];
        for (__m128i& block : state) {
            block = _mm_aesenc_si128(block, round_key);
        }
    }
    const __m128i last_key = key.rounds[10];
    for (__m128i& block : state) {
        block = _mm_aesenclast_si128(block, last_key);
    }

    for (std::size_t i = 0; i < blocks && kBlockBytes * i < bytes; ++i) {
        const std::size_t at = kBlockBytes * i;
        const std::size_t now = bytes - at < kBlockBytes ? bytes - at : kBlockBytes;
        const __m128i text = load_first(from + at, now);
        const __m128i result = store_first(to + at, _mm_xor_si128(text, state[i]), now);
        add_product(sum, hashed<way>(text, result), key.powers[count - i - 1]);
    }
}

template <Way way>
[[gnu::always_inline]] inline void crypt_any_rest(const Key& key, Stream& stream, Sum& sum,
                                                  const std::uint8_t* from, std::uint8_t* to,
                                                  std::size_t bytes, std::size_t count) {
    if (bytes == 0) {
        return;
    }
    if (bytes <= 2 * kBlockBytes) {
        return crypt_rest<way, 2>(key, stream, sum, from, to, bytes, count);
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
    __m128i hash = _mm_setzero_si128();
    for (; bytes > kBytesAtOnce; bytes -= kBlockBytes, aad += kBlockBytes) {
        hash = product(_mm_xor_si128(reverse_bytes(load(aad)), hash), key.powers[0]);
    }
    std::size_t count = blocks_in(bytes) + blocks_after;
    while (bytes > 0) {
        const std::size_t now = bytes < kBlockBytes ? bytes : kBlockBytes;
        const __m128i block = reverse_bytes(load_first(aad, now));
        add_product(sum, _mm_xor_si128(block, hash), key.powers[count - 1]);
        hash = _mm_setzero_si128();
        --count;
        aad += now;
        bytes -= now;
    }
}

// Encrypts or decrypts a message and gives its tag.
template <Way way>
[[gnu::always_inline]] inline __m128i crypt(const Key& key, const std::uint8_t* nonce,
                                            const std::uint8_t* aad, std::size_t aad_bytes,
                                            const std::uint8_t* from, std::uint8_t* to,
                                            std::size_t text_bytes) {
    // Counter 1 hides the tag; the text begins with counter 2.
    const __m128i start = load_first(nonce, kNonceBytes);
    const __m128i tag_mask =
        encrypted(key.rounds, _mm_xor_si128(start, _mm_set_epi32(1 << 24, 0, 0, 0)));
    Stream stream;
    stream.base = _mm_xor_si128(start, key.rounds[0]);
    stream.counter = _mm_add_epi32(reverse_bytes(start), _mm_set_epi32(0, 0, 0, 8));

    std::size_t groups = text_bytes / kGroupBytes;
    const std::size_t rest = text_bytes % kGroupBytes;
    const std::size_t count = blocks_in(rest) + 1;  // blocks after the last full group

    Sum sum{};
    if (groups == 0) {
        add_aad(key, sum, aad, aad_bytes, count);
    } else {
        Sum aad_sum{};
        add_aad(key, aad_sum, aad, aad_bytes, 0);
        const __m128i aad_hash = reduced(aad_sum);
        Group held = crypt_group<way>(key, stream, from, to, nullptr, nullptr);
        held.blocks[0] = _mm_xor_si128(held.blocks[0], aad_hash);
        from += kGroupBytes;
        to += kGroupBytes;
        for (; groups > 1; --groups) {
            Sum group{};
            held = crypt_group<way>(key, stream, from, to, &held, &group);
            held.blocks[0] = _mm_xor_si128(held.blocks[0], reduced(group));
            from += kGroupBytes;
            to += kGroupBytes;
        }
        for (std::size_t i = 0; i < kGroupBlocks; ++i) {
            add_product(sum, held.blocks[i], key.powers[kGroupBlocks + count - i - 1]);
        }
    }
    crypt_any_rest<way>(key, stream, sum, from, to, rest, count);

    const __m128i bits = _mm_set_epi64x(static_cast<long long>(8 * aad_bytes),
                                        static_cast<long long>(8 * text_bytes));
    add_product(sum, bits, key.powers[0]);
    return _mm_xor_si128(reverse_bytes(reduced(sum)), tag_mask);
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
    const __m128i computed =
        crypt<Way::open>(key_in(state), nonce, aad, aad_bytes, from, to, text_bytes);
    const __m128i difference = _mm_xor_si128(computed, load(tag));
    if (!_mm_testz_si128(difference, difference)) {
        wipe(to, text_bytes);
        return false;
    }
    return true;
}

}  // namespace

extern const AeadRow kAes128GcmNi;
const AeadRow kAes128GcmNi = {
    .name = "aes128gcm.ni",
    .key_bytes = 16,
    .usable = has_aes_ni,
    .expand = expand,
    .seal = seal,
    .open = open,
};

}  // namespace ferry::crypto::amd64
