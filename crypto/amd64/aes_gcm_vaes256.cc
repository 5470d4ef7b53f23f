// AES-128-GCM on vectors of 256 bits, for machines that have VAES but not AVX-512: two blocks per
// instruction, sixteen in flight.
//
// As in aes_gcm_vaes512.cc, a group is encrypted while the one before is hashed, and the end of a
// message is one sum of products. There are 16 registers, of which eight hold blocks: round keys
// and the group before come from memory. There are no masks either, so the last pair goes piece by
// piece.
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "crypto/amd64/aes_block.h"
#include "crypto/kernel.h"

namespace ferry::crypto::amd64 {

namespace {

constexpr std::size_t kBlockBytes = 16;
constexpr std::size_t kPairBytes = 32;
constexpr std::size_t kGroupPairs = 8;
constexpr std::size_t kGroupBytes = kGroupPairs * kPairBytes;
constexpr std::size_t kGroupBlocks = kGroupBytes / kBlockBytes;
// A full group, a rest of as many blocks, and the block of lengths.
constexpr std::size_t kPowers = 2 * kGroupBlocks + 1;

// `powers` counts down: H^33 to H^1, so n consecutive blocks, of which the last is the last to be
// hashed, meet their factors from H^n on. Every factor carries x^-1, see reduced().
struct Key {
    __m128i rounds[11];
    __m128i powers[kPowers];
    __m128i zero;  // read as the factor of a block that is not there
};
static_assert(sizeof(Key) <= sizeof(AeadState::bytes));

enum class Way : std::uint8_t { seal, open };

// A sum of products before its reduction: low + middle 2^64 + high 2^128, lane by lane.
struct Sum {
    __m256i low;
    __m256i middle;
    __m256i high;
};

struct Group {
    __m256i pairs[kGroupPairs];
};

[[gnu::always_inline]] inline __m256i load_pair(const void* from) {
    return _mm256_loadu_si256(static_cast<const __m256i*>(from));
}

[[gnu::always_inline]] inline void store_pair(void* to, __m256i pair) {
    _mm256_storeu_si256(static_cast<__m256i*>(to), pair);
}

[[gnu::always_inline]] inline __m256i in_both_lanes(__m128i block) {
    return _mm256_broadcastsi128_si256(block);
}

[[gnu::always_inline]] inline __m256i only_low(__m128i block) {
    return _mm256_zextsi128_si256(block);
}

[[gnu::always_inline]] inline __m256i reverse_bytes(__m256i blocks) {
    const __m128i order = _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    return _mm256_shuffle_epi8(blocks, in_both_lanes(order));
}

// Adds the carry-less products of two pairs of blocks.
[[gnu::always_inline]] inline void add_products(Sum& sum, __m256i a, __m256i b) {
    sum.low = _mm256_xor_si256(sum.low, _mm256_clmulepi64_epi128(a, b, 0x00));
    sum.middle = _mm256_xor_si256(sum.middle, _mm256_clmulepi64_epi128(a, b, 0x01));
    sum.middle = _mm256_xor_si256(sum.middle, _mm256_clmulepi64_epi128(a, b, 0x10));
    sum.high = _mm256_xor_si256(sum.high, _mm256_clmulepi64_epi128(a, b, 0x11));
}

// The sum divided by 2^128, modulo the field's polynomial.
//
// Blocks come in with their bytes reversed, so bit i of a number stands for x^(127 - i), and the
// polynomial is G = 2^128 + 2^64 C + 1 with C below. Adding t G clears the lowest 64 bits t of the
// sum: they reappear at 2^128, and t C is added at 2^64. Twice that, and the lower half is gone.
// Dividing by 2^128 leaves a product of bits i and j at bit i + j - 128, which stands for one x too
// many: that is why factors are kept times x^-1.
[[gnu::always_inline]] inline __m256i folded(__m256i low, __m256i high) {
    const __m256i c = _mm256_set1_epi64x(static_cast<long long>(0xc200000000000000));
    const __m256i swapped = _mm256_shuffle_epi32(low, 0x4e);
    return _mm256_xor_si256(_mm256_xor_si256(high, swapped),
                            _mm256_clmulepi64_epi128(low, c, 0x00));
}

[[gnu::always_inline]] inline __m256i reduced(const Sum& sum) {
    return folded(folded(sum.low, sum.middle), sum.high);
}

[[gnu::always_inline]] inline __m256i product(__m256i a, __m256i b) {
    Sum sum{};
    add_products(sum, a, b);
    return reduced(sum);
}

[[gnu::always_inline]] inline __m128i sum_of_lanes(__m256i lanes) {
    return _mm_xor_si128(_mm256_castsi256_si128(lanes), _mm256_extracti128_si256(lanes, 1));
}

void expand(AeadState& state, const std::uint8_t* key_bytes) {
    Key& key = *static_cast<Key*>(static_cast<void*>(&state));
    expand_rounds(key.rounds, key_bytes);
    const __m256i hash_key = only_low(encrypted(key.rounds, _mm_setzero_si128()));
    const __m256i h1 = in_both_lanes(over_x(_mm256_castsi256_si128(reverse_bytes(hash_key))));
    const __m256i h2 = product(h1, h1);
    // Two powers at a time from the end: [H^2, H], then those times H^2, times H^4, and so on. Each
    // factor is two steps old, so two products are under way at a time.
    const __m256i h21 = _mm256_blend_epi32(h2, h1, 0xf0);
    const __m256i h43 = product(h21, h2);
    const __m256i h4 = in_both_lanes(_mm256_castsi256_si128(h43));
    __m256i odd = h21;
    __m256i even = h43;
    key.zero = _mm_setzero_si128();
    for (std::size_t highest = 2; highest < kPowers; highest += 4) {
        store_pair(key.powers + (kPowers - highest), odd);
        store_pair(key.powers + (kPowers - highest - 2), even);
        odd = product(odd, h4);
        even = product(even, h4);
    }
    key.powers[0] = _mm256_extracti128_si256(odd, 1);
}

// The factors of two blocks of which the first is the `count`-th from the end.
[[gnu::always_inline]] inline __m256i factors(const Key& key, std::size_t count) {
    return load_pair(key.powers + (kPowers - count));
}

// The key stream of one message. Group g holds the counters 16 g + 2 to 16 g + 17, so its blocks
// differ in the last byte only, but for the last two, which have the next multiple of 16. That
// makes a pair of counters one addition without carries, of constants to `base` or `next_base`.
struct Stream {
    __m128i counter;  // 16 (g + 1), bytes reversed, so that it is the lowest word
    __m256i base;     // the block with counter 16 g in both lanes, round key 0 added
};

[[gnu::always_inline]] inline __m256i last_bytes(int a, int b) {
    return _mm256_set_epi32(b << 24, 0, 0, 0, a << 24, 0, 0, 0);
}

// The first `pairs` pairs of the next group, ready for round 1. Moves on by a group.
template <std::size_t pairs>
[[gnu::always_inline]] inline void next_counters(const Key& key, Stream& stream,
                                                 __m256i (&state)[pairs]) {
    const __m256i next_base = _mm256_xor_si256(reverse_bytes(in_both_lanes(stream.counter)),
                                               in_both_lanes(key.rounds[0]));
    for (std::size_t i = 0; i < pairs; ++i) {
        const int first = static_cast<int>(2 * i + 2) % 16;
        state[i] = _mm256_xor_si256(i + 1 < kGroupPairs ? stream.base : next_base,
                                    last_bytes(first, first + 1));
    }
    stream.base = next_base;
    stream.counter = _mm_add_epi32(stream.counter, _mm_set_epi32(0, 0, 0, 16));
}

// What is hashed: the text as it is on the wire.
template <Way way>
[[gnu::always_inline]] inline __m256i hashed(__m256i from, __m256i to) {
    return reverse_bytes(way == Way::seal ? to : from);
}

// Encrypts or decrypts one group, `from` to `to`. Gives its ciphertext, bytes reversed.
//
// Meanwhile adds the products of the group before, `held` (if given), to `sum`. Its first pair
// meets H^16 in both lanes, the next ones H^14 and so on: the lanes are two hashes of their own, of
// every other block, until the end of the message brings them together.
template <Way way>
[[gnu::always_inline]] inline Group crypt_group(const Key& key, Stream& stream,
                                                const std::uint8_t* from, std::uint8_t* to,
                                                const Group* held, Sum* sum) {
    __m256i state[kGroupPairs];
    next_counters(key, stream, state);
    for (std::size_t round = 1; round < 10; ++round) {
        const __m256i round_key = in_both_lanes(key.rounds[round]);
        for (__m256i& pair : state) {
            pair = _mm256_aesenc_epi128(pair, round_key);
        }
        if (held != nullptr && round <= kGroupPairs) {
            const std::size_t power = kGroupBlocks - 2 * (round - 1);
            add_products(*sum, held->pairs[round - 1], in_both_lanes(key.powers[kPowers - power]));
        }
    }
    Group sealed;
    const __m256i last_key = in_both_lanes(key.rounds[10]);
    for (std::size_t i = 0; i < kGroupPairs; ++i) {
        const __m256i text = load_pair(from + kPairBytes * i);
        const __m256i result = _mm256_aesenclast_epi128(state[i], _mm256_xor_si256(text, last_key));
        store_pair(to + kPairBytes * i, result);
        sealed.pairs[i] = hashed<way>(text, result);
    }
    return sealed;
}

// Encrypts or decrypts the last 1 to 255 bytes, of at most `pairs` pairs, and adds their products.
// The first block is the `count`-th from the end, the block of lengths included.
template <Way way, std::size_t pairs>
[[gnu::always_inline]] inline void crypt_rest(const Key& key, Stream& stream, Sum& sum,
                                              const std::uint8_t* from, std::uint8_t* to,
                                              std::size_t bytes, std::size_t count) {
    __m256i state[pairs];
    next_counters(key, stream, state);
    for (std::size_t round = 1; round < 10; ++round) {
        const __m256i round_key = in_both_lanes(key.rounds[round]);
        for (__m256i& pair : state) {
            pair = _mm256_aesenc_epi128(pair, round_key);
        }
    }
    const __m256i last_key = in_both_lanes(key.rounds[10]);
    for (__m256i& pair : state) {
        pair = _mm256_aesenclast_epi128(pair, last_key);
    }

    for (std::size_t i = 0; i < pairs && kPairBytes * i < bytes; ++i) {
        const std::size_t at = kPairBytes * i;
        const std::size_t left = bytes - at;
        __m256i text;
        __m256i result;
        if (left >= kPairBytes) {
            text = load_pair(from + at);
            result = _mm256_xor_si256(text, state[i]);
            store_pair(to + at, result);
        } else {
            const std::size_t low_bytes = left < kBlockBytes ? left : kBlockBytes;
            text = only_low(load_first(from + at, low_bytes));
            const __m256i last = left > kBlockBytes
                                     ? only_low(load_first(from + at + 16, left - 16))
                                     : _mm256_setzero_si256();
            text = _mm256_permute2x128_si256(text, last, 0x20);
            const __m256i mixed = _mm256_xor_si256(text, state[i]);
            __m128i high = _mm_setzero_si128();
            if (left > kBlockBytes) {
                high = store_first(to + at + 16, _mm256_extracti128_si256(mixed, 1), left - 16);
            }
            const __m128i low = store_first(to + at, _mm256_castsi256_si128(mixed), low_bytes);
            result = _mm256_set_m128i(high, low);
        }
        add_products(sum, hashed<way>(text, result), factors(key, count - 2 * i));
    }
}

template <Way way>
[[gnu::always_inline]] inline void crypt_any_rest(const Key& key, Stream& stream, Sum& sum,
                                                  const std::uint8_t* from, std::uint8_t* to,
                                                  std::size_t bytes, std::size_t count) {
    if (bytes == 0) {
        return;
    }
    if (bytes <= 2 * kPairBytes) {
        return crypt_rest<way, 2>(key, stream, sum, from, to, bytes, count);
    }
    if (bytes <= 4 * kPairBytes) {
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
        const __m256i block = reverse_bytes(only_low(_mm_xor_si128(load(aad), hash)));
        hash = _mm256_castsi256_si128(reverse_bytes(product(block, factors(key, 1))));
    }
    std::size_t count = blocks_in(bytes) + blocks_after;
    while (bytes > 0) {
        const std::size_t now = bytes < kBlockBytes ? bytes : kBlockBytes;
        const __m128i block = _mm_xor_si128(load_first(aad, now), hash);
        add_products(sum, reverse_bytes(only_low(block)), factors(key, count));
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
    stream.base = in_both_lanes(_mm_xor_si128(start, key.rounds[0]));
    stream.counter = _mm_add_epi32(_mm256_castsi256_si128(reverse_bytes(only_low(start))),
                                   _mm_set_epi32(0, 0, 0, 16));

    std::size_t groups = text_bytes / kGroupBytes;
    const std::size_t rest = text_bytes % kGroupBytes;
    const std::size_t count = blocks_in(rest) + 1;  // blocks after the last full group

    Sum sum{};
    if (groups == 0) {
        add_aad(key, sum, aad, aad_bytes, count);
    } else {
        Sum aad_sum{};
        add_aad(key, aad_sum, aad, aad_bytes, 0);
        const __m128i aad_hash = sum_of_lanes(reduced(aad_sum));
        Group held = crypt_group<way>(key, stream, from, to, nullptr, nullptr);
        held.pairs[0] = _mm256_xor_si256(held.pairs[0], only_low(aad_hash));
        from += kGroupBytes;
        to += kGroupBytes;
        for (; groups > 1; --groups) {
            Sum group{};
            held = crypt_group<way>(key, stream, from, to, &held, &group);
            held.pairs[0] = _mm256_xor_si256(held.pairs[0], reduced(group));
            from += kGroupBytes;
            to += kGroupBytes;
        }
        for (std::size_t i = 0; i < kGroupPairs; ++i) {
            add_products(sum, held.pairs[i], factors(key, kGroupBlocks + count - 2 * i));
        }
    }
    crypt_any_rest<way>(key, stream, sum, from, to, rest, count);

    const __m128i bits = _mm_set_epi64x(static_cast<long long>(8 * aad_bytes),
                                        static_cast<long long>(8 * text_bytes));
    add_products(sum, only_low(bits), factors(key, 1));
    const __m256i hash = only_low(sum_of_lanes(reduced(sum)));
    return _mm_xor_si128(_mm256_castsi256_si128(reverse_bytes(hash)), tag_mask);
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

extern const AeadRow kAes128GcmVaes256;
const AeadRow kAes128GcmVaes256 = {
    .name = "aes128gcm.vaes256",
    .key_bytes = 16,
    .usable = has_vaes256,
    .expand = expand,
    .seal = seal,
    .open = open,
};

}  // namespace ferry::crypto::amd64
