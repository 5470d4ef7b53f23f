// AES-128-GCM on vectors of 512 bits: four blocks per instruction, sixteen in flight.
//
// Encryption and hash go in one pass. While sixteen blocks are encrypted, the sixteen blocks of
// ciphertext before them are hashed, so the two chains of dependencies fill each other's gaps. The
// hash is reduced once per sixteen blocks, and the end of a message (its last full group, the rest,
// the block of lengths) is one sum of products with one reduction.
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "crypto/amd64/aes_block.h"
#include "crypto/kernel.h"

namespace ferry::crypto::amd64 {

namespace {

constexpr std::size_t kBlockBytes = 16;
constexpr std::size_t kQuadBytes = 64;
constexpr std::size_t kGroupQuads = 4;
constexpr std::size_t kGroupBytes = kGroupQuads * kQuadBytes;
constexpr std::size_t kGroupBlocks = kGroupBytes / kBlockBytes;
// A full group, a rest of as many blocks, and the block of lengths.
constexpr std::size_t kPowers = 2 * kGroupBlocks + 1;

// `powers` counts down: H^33 to H^1, so n consecutive blocks, of which the last is the last to be
// hashed, meet their factors from H^n on. Every factor carries x^-1, see reduced().
struct Key {
    __m128i rounds[11];
    __m128i powers[kPowers];
    __m128i zeros[3];  // read as factors of blocks that are not there
};
static_assert(sizeof(Key) <= sizeof(AeadState::bytes));

enum class Way : std::uint8_t { seal, open };

// A sum of products before its reduction: low + middle 2^64 + high 2^128, lane by lane.
struct Sum {
    __m512i low;
    __m512i middle;
    __m512i high;
};

struct Group {
    __m512i quads[kGroupQuads];
};

[[gnu::always_inline]] inline __m512i reverse_bytes(__m512i blocks) {
    const __m128i order = _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    return _mm512_shuffle_epi8(blocks, _mm512_broadcast_i32x4(order));
}

[[gnu::always_inline]] inline __m512i in_all_lanes(__m128i block) {
    return _mm512_broadcast_i32x4(block);
}

[[gnu::always_inline]] inline __m512i sum_of_three(__m512i a, __m512i b, __m512i c) {
    return _mm512_ternarylogic_epi64(a, b, c, 0x96);
}

// The first `bytes` (1 to 64) of a quad.
[[gnu::always_inline]] inline __mmask64 first_bytes(std::size_t bytes) {
    return ~std::uint64_t{0} >> (kQuadBytes - bytes);
}

// Adds the carry-less products of four pairs of blocks.
[[gnu::always_inline]] inline void add_products(Sum& sum, __m512i a, __m512i b) {
    sum.low = _mm512_xor_si512(sum.low, _mm512_clmulepi64_epi128(a, b, 0x00));
    sum.middle = sum_of_three(sum.middle, _mm512_clmulepi64_epi128(a, b, 0x01),
                              _mm512_clmulepi64_epi128(a, b, 0x10));
    sum.high = _mm512_xor_si512(sum.high, _mm512_clmulepi64_epi128(a, b, 0x11));
}

// The sum divided by 2^128, modulo the field's polynomial.
//
// Blocks come in with their bytes reversed, so bit i of a number stands for x^(127 - i), and the
// polynomial is G = 2^128 + 2^64 C + 1 with C below. Adding t G clears the lowest 64 bits t of the
// sum: they reappear at 2^128, and t C is added at 2^64. Twice that, and the lower half is gone.
// Dividing by 2^128 leaves a product of bits i and j at bit i + j - 128, which stands for one x too
// many: that is why factors are kept times x^-1.
[[gnu::always_inline]] inline __m512i reduced(const Sum& sum) {
    const __m512i c = _mm512_set1_epi64(static_cast<long long>(0xc200000000000000));
    const __m512i swapped_low = _mm512_shuffle_epi32(sum.low, _MM_PERM_BADC);
    const __m512i middle =
        sum_of_three(sum.middle, swapped_low, _mm512_clmulepi64_epi128(sum.low, c, 0x00));
    const __m512i swapped_middle = _mm512_shuffle_epi32(middle, _MM_PERM_BADC);
    return sum_of_three(sum.high, swapped_middle, _mm512_clmulepi64_epi128(middle, c, 0x00));
}

[[gnu::always_inline]] inline __m512i product(__m512i a, __m512i b) {
    Sum sum{};
    add_products(sum, a, b);
    return reduced(sum);
}

[[gnu::always_inline]] inline __m128i sum_of_lanes(__m512i lanes) {
    const __m256i half =
        _mm256_xor_si256(_mm512_castsi512_si256(lanes), _mm512_extracti64x4_epi64(lanes, 1));
    return _mm_xor_si128(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
}

void expand(AeadState& state, const std::uint8_t* key_bytes) {
    Key& key = *static_cast<Key*>(static_cast<void*>(&state));
    expand_rounds(key.rounds, key_bytes);
    const __m128i hash_key = encrypted(key.rounds, _mm_setzero_si128());
    const __m512i h1 = in_all_lanes(
        over_x(_mm512_castsi512_si128(reverse_bytes(_mm512_castsi128_si512(hash_key)))));
    const __m512i h2 = product(h1, h1);
    const __m512i h21 = _mm512_mask_blend_epi64(0xcc, h2, h1);  // H^2, H, H^2, H
    const __m512i h43 = product(h21, h2);
    const __m512i h4321 = _mm512_mask_blend_epi64(0xf0, h43, h21);

    const auto store = [&key](std::size_t highest, __m512i four) {
        _mm512_storeu_si512(key.powers + (kPowers - highest), four);
    };
    const auto lane0 = [](__m512i lanes) { return in_all_lanes(_mm512_castsi512_si128(lanes)); };
    const __m512i h4 = lane0(h4321);
    const __m512i down_from_8 = product(h4321, h4);
    const __m512i h8 = lane0(down_from_8);
    const __m512i down_from_12 = product(h4321, h8);
    const __m512i down_from_16 = product(down_from_8, h8);
    const __m512i h16 = lane0(down_from_16);
    const __m512i down_from_32 = product(down_from_16, h16);
    store(4, h4321);
    store(8, down_from_8);
    store(12, down_from_12);
    store(16, down_from_16);
    store(20, product(h4321, h16));
    store(24, product(down_from_8, h16));
    store(28, product(down_from_12, h16));
    store(32, down_from_32);
    key.powers[0] = _mm512_castsi512_si128(product(down_from_32, h1));
    for (__m128i& zero : key.zeros) {
        zero = _mm_setzero_si128();
    }
}

// The factors of four blocks of which the first is the `count`-th from the end.
[[gnu::always_inline]] inline __m512i factors(const Key& key, std::size_t count) {
    return _mm512_loadu_si512(key.powers + (kPowers - count));
}

// The key stream of one message. Group g holds the counters 16 g + 2 to 16 g + 17, so its blocks
// differ in the last byte only, but for the last two, which have the next multiple of 16. That
// makes a quad of counters one addition without carries, of constants to `base` or `next_base`.
struct Stream {
    __m512i rounds[11];
    __m512i counter;  // 16 (g + 1) in every lane, bytes reversed, so that it is the lowest word
    __m512i base;     // the block with counter 16 g in every lane, round key 0 added
};

[[gnu::always_inline]] inline __m512i last_bytes(int a, int b, int c, int d) {
    return _mm512_set_epi32(d << 24, 0, 0, 0, c << 24, 0, 0, 0, b << 24, 0, 0, 0, a << 24, 0, 0, 0);
}

// The first `quads` quads of the next group, ready for round 1. Moves on by a group.
template <std::size_t quads>
[[gnu::always_inline]] inline void next_counters(Stream& stream, __m512i (&state)[quads]) {
    const __m512i next_base = _mm512_xor_si512(reverse_bytes(stream.counter), stream.rounds[0]);
    const __m512i both = _mm512_mask_blend_epi64(0xf0, stream.base, next_base);
    const __m512i counters[kGroupQuads] = {
        _mm512_xor_si512(stream.base, last_bytes(2, 3, 4, 5)),
        _mm512_xor_si512(stream.base, last_bytes(6, 7, 8, 9)),
        _mm512_xor_si512(stream.base, last_bytes(10, 11, 12, 13)),
        _mm512_xor_si512(both, last_bytes(14, 15, 0, 1)),
    };
    for (std::size_t i = 0; i < quads; ++i) {
        state[i] = counters[i];
    }
    stream.base = next_base;
    stream.counter = _mm512_add_epi32(stream.counter, in_all_lanes(_mm_set_epi32(0, 0, 0, 16)));
}

template <Way way>
[[gnu::always_inline]] inline __m512i sealed_one(__m512i from, __m512i to) {
    return reverse_bytes(way == Way::seal ? to : from);
}

// Encrypts or decrypts one group, `from` to `to`. Gives its ciphertext, bytes reversed.
//
// Meanwhile adds the products of the group before, `held` (if given), to `sum`. Its first quad
// meets H^count in all four lanes, the next ones H^(count - 4) and so on: the lanes are four hashes
// of their own, of every fourth block, until the end of the message brings them together.
template <Way way, std::size_t count>
[[gnu::always_inline]] inline Group crypt_group(const Key& key, Stream& stream,
                                                const std::uint8_t* from, std::uint8_t* to,
                                                const Group* held, Sum* sum) {
    __m512i state[kGroupQuads];
    next_counters(stream, state);
    for (std::size_t round = 1; round < 10; ++round) {
        for (__m512i& quad : state) {
            quad = _mm512_aesenc_epi128(quad, stream.rounds[round]);
        }
        if (held != nullptr && round <= kGroupQuads) {
            add_products(*sum, held->quads[round - 1],
                         in_all_lanes(key.powers[kPowers - count + 4 * (round - 1)]));
        }
    }
    Group sealed;
    for (std::size_t i = 0; i < kGroupQuads; ++i) {
        const __m512i text = _mm512_loadu_si512(from + kQuadBytes * i);
        const __m512i result =
            _mm512_aesenclast_epi128(state[i], _mm512_xor_si512(text, stream.rounds[10]));
        _mm512_storeu_si512(to + kQuadBytes * i, result);
        sealed.quads[i] = sealed_one<way>(text, result);
    }
    return sealed;
}

// Encrypts or decrypts the last 1 to 255 bytes and adds their products, the first of which has
// `count` blocks from it to the end, itself and the block of lengths included.
template <Way way, std::size_t quads>
[[gnu::always_inline]] inline void crypt_rest(const Key& key, Stream& stream, Sum& sum,
                                              const std::uint8_t* from, std::uint8_t* to,
                                              std::size_t bytes, std::size_t count) {
    __m512i state[quads];
    next_counters(stream, state);
    for (std::size_t round = 1; round < 10; ++round) {
        for (__m512i& quad : state) {
            quad = _mm512_aesenc_epi128(quad, stream.rounds[round]);
        }
    }
    for (std::size_t i = 0; i < quads; ++i) {
        const std::size_t at = kQuadBytes * i;
        const __mmask64 mask = i + 1 < quads ? ~__mmask64{0} : first_bytes(bytes - at);
        const __m512i text = _mm512_maskz_loadu_epi8(mask, from + at);
        const __m512i result = _mm512_maskz_mov_epi8(
            mask, _mm512_aesenclast_epi128(state[i], _mm512_xor_si512(text, stream.rounds[10])));
        _mm512_mask_storeu_epi8(to + at, mask, result);
        add_products(sum, sealed_one<way>(text, result), factors(key, count - 4 * i));
    }
}

template <Way way>
[[gnu::always_inline]] inline void crypt_any_rest(const Key& key, Stream& stream, Sum& sum,
                                                  const std::uint8_t* from, std::uint8_t* to,
                                                  std::size_t bytes, std::size_t count) {
    switch ((bytes + kQuadBytes - 1) / kQuadBytes) {
        case 1:
            return crypt_rest<way, 1>(key, stream, sum, from, to, bytes, count);
        case 2:
            return crypt_rest<way, 2>(key, stream, sum, from, to, bytes, count);
        case 3:
            return crypt_rest<way, 3>(key, stream, sum, from, to, bytes, count);
        case 4:
            return crypt_rest<way, 4>(key, stream, sum, from, to, bytes, count);
    }
}

[[gnu::always_inline]] inline std::size_t blocks_in(std::size_t bytes) {
    return (bytes + kBlockBytes - 1) / kBlockBytes;
}

// Adds the products of the associated data. What is beyond 64 bytes is reduced on the way.
[[gnu::always_inline]] inline void add_aad(const Key& key, Sum& sum, const std::uint8_t* aad,
                                           std::size_t bytes, std::size_t blocks_after) {
    __m512i hash = _mm512_setzero_si512();
    for (; bytes > kQuadBytes; bytes -= kQuadBytes, aad += kQuadBytes) {
        const __m512i quad = reverse_bytes(_mm512_loadu_si512(aad));
        hash = product(_mm512_xor_si512(quad, hash), factors(key, 4));
        hash = _mm512_zextsi128_si512(sum_of_lanes(hash));
    }
    if (bytes > 0) {
        const __m512i quad = reverse_bytes(_mm512_maskz_loadu_epi8(first_bytes(bytes), aad));
        add_products(sum, _mm512_xor_si512(quad, hash),
                     factors(key, blocks_in(bytes) + blocks_after));
    }
}

// Encrypts or decrypts a message and gives its tag.
template <Way way>
[[gnu::always_inline]] inline __m128i crypt(const Key& key, const std::uint8_t* nonce,
                                            const std::uint8_t* aad, std::size_t aad_bytes,
                                            const std::uint8_t* from, std::uint8_t* to,
                                            std::size_t text_bytes) {
    Stream stream;
    for (std::size_t i = 0; i < 11; ++i) {
        stream.rounds[i] = in_all_lanes(key.rounds[i]);
    }
    // Counter 1 hides the tag; the text begins with counter 2.
    const __m512i start = in_all_lanes(_mm_maskz_loadu_epi8(0x0fff, nonce));
    stream.base = _mm512_xor_si512(start, stream.rounds[0]);
    stream.counter =
        _mm512_add_epi32(reverse_bytes(start), in_all_lanes(_mm_set_epi32(0, 0, 0, 16)));
    const __m128i tag_mask = encrypted(
        key.rounds, _mm512_castsi512_si128(_mm512_xor_si512(start, last_bytes(1, 0, 0, 0))));

    std::size_t groups = text_bytes / kGroupBytes;
    const std::size_t rest = text_bytes % kGroupBytes;
    const std::size_t count = blocks_in(rest) + 1;  // blocks after the last full group

    Sum sum{};
    if (groups == 0) {
        add_aad(key, sum, aad, aad_bytes, count);
    } else {
        __m512i hash = _mm512_setzero_si512();
        if (aad_bytes > 0) {
            Sum aad_sum{};
            add_aad(key, aad_sum, aad, aad_bytes, 0);
            hash = _mm512_zextsi128_si512(sum_of_lanes(reduced(aad_sum)));
        }
        Group held = crypt_group<way, kGroupBlocks>(key, stream, from, to, nullptr, nullptr);
        from += kGroupBytes;
        to += kGroupBytes;
        held.quads[0] = _mm512_xor_si512(held.quads[0], hash);
        for (; groups > 2; groups -= 2) {
            Sum two{};
            held = crypt_group<way, 2 * kGroupBlocks>(key, stream, from, to, &held, &two);
            held = crypt_group<way, kGroupBlocks>(key, stream, from + kGroupBytes, to + kGroupBytes,
                                                  &held, &two);
            held.quads[0] = _mm512_xor_si512(held.quads[0], reduced(two));
            from += 2 * kGroupBytes;
            to += 2 * kGroupBytes;
        }
        if (groups == 2) {
            Sum one{};
            held = crypt_group<way, kGroupBlocks>(key, stream, from, to, &held, &one);
            held.quads[0] = _mm512_xor_si512(held.quads[0], reduced(one));
            from += kGroupBytes;
            to += kGroupBytes;
        }
        for (std::size_t i = 0; i < kGroupQuads; ++i) {
            add_products(sum, held.quads[i], factors(key, kGroupBlocks + count - 4 * i));
        }
    }
    crypt_any_rest<way>(key, stream, sum, from, to, rest, count);

    const __m128i bits = _mm_set_epi64x(static_cast<long long>(8 * aad_bytes),
                                        static_cast<long long>(8 * text_bytes));
    add_products(sum, _mm512_zextsi128_si512(bits), factors(key, 1));
    const __m128i hash = sum_of_lanes(reduced(sum));
    const __m128i order = _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    return _mm_xor_si128(_mm_shuffle_epi8(hash, order), tag_mask);
}

const Key& key_in(const AeadState& state) {
    return *static_cast<const Key*>(static_cast<const void*>(&state));
}

void seal(const AeadState& state, const std::uint8_t* nonce, const std::uint8_t* aad,
          std::size_t aad_bytes, const std::uint8_t* from, std::uint8_t* to, std::size_t text_bytes,
          std::uint8_t* tag) {
    const __m128i computed =
        crypt<Way::seal>(key_in(state), nonce, aad, aad_bytes, from, to, text_bytes);
    store(tag, computed);
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

extern const AeadRow kAes128GcmVaes512;
const AeadRow kAes128GcmVaes512 = {
    .name = "aes128gcm.vaes512",
    .key_bytes = 16,
    .usable = has_vaes512,
    .expand = expand,
    .seal = seal,
    .open = open,
};

}  // namespace ferry::crypto::amd64
