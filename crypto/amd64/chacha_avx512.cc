// ChaCha20-Poly1305 with AVX-512 and IFMA: sixteen blocks of key stream at a time, eight blocks of
// authenticator. RFC 8439.
//
// A piece of text is encrypted and hashed while it is in the cache. Short messages and short ends
// take a second form of ChaCha20, which holds four blocks in four registers and wastes less.
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "crypto/amd64/chacha.h"
#include "crypto/amd64/poly1305_ifma.h"
#include "crypto/kernel.h"

namespace ferry::crypto::amd64 {

namespace {

constexpr std::size_t kWideBytes = 16 * kBlockBytes;

[[gnu::always_inline]] inline __m512i add32(__m512i a, __m512i b) {
    return _mm512_add_epi32(a, b);
}

[[gnu::always_inline]] inline void quarter_round(__m512i& a, __m512i& b, __m512i& c, __m512i& d) {
    a = add32(a, b);
    d = _mm512_rol_epi32(_mm512_xor_si512(d, a), 16);
    c = add32(c, d);
    b = _mm512_rol_epi32(_mm512_xor_si512(b, c), 12);
    a = add32(a, b);
    d = _mm512_rol_epi32(_mm512_xor_si512(d, a), 8);
    c = add32(c, d);
    b = _mm512_rol_epi32(_mm512_xor_si512(b, c), 7);
}

// The first `bytes` (0 to 64) bytes of a vector.
[[gnu::always_inline]] inline __mmask64 first_bytes(std::size_t bytes) {
    return bytes == 0 ? 0 : ~std::uint64_t{0} >> (kBlockBytes - bytes);
}

// Adds a block of key stream to the text at `at`, if the text has as much.
[[gnu::always_inline]] inline void apply(__m512i stream, const std::uint8_t* from, std::uint8_t* to,
                                         std::size_t at, std::size_t bytes) {
    if (at + kBlockBytes <= bytes) {
        _mm512_storeu_si512(to + at, _mm512_xor_si512(stream, _mm512_loadu_si512(from + at)));
    } else if (at < bytes) {
        const __mmask64 mask = first_bytes(bytes - at);
        const __m512i text = _mm512_maskz_loadu_epi8(mask, from + at);
        _mm512_mask_storeu_epi8(to + at, mask, _mm512_xor_si512(stream, text));
    }
}

[[gnu::always_inline]] inline void two_rounds(__m512i (&x)[16]) {
    for (std::size_t i = 0; i < 4; ++i) {
        quarter_round(x[i], x[4 + i], x[8 + i], x[12 + i]);
    }
    for (std::size_t i = 0; i < 4; ++i) {
        quarter_round(x[i], x[4 + (i + 1) % 4], x[8 + (i + 2) % 4], x[12 + (i + 3) % 4]);
    }
}

// Sixteen blocks, one per lane: word w of all of them is in x[w]. Moves the counter on.
//
// Meanwhile hashes `hashed`, 1024 bytes, if given: the rounds are one long chain in each of four
// columns, and the products fill the gaps.
[[gnu::always_inline]] inline void apply_sixteen(Input& input, const std::uint8_t* from,
                                                 std::uint8_t* to, std::size_t bytes,
                                                 WidePoly1305* poly, const std::uint8_t* hashed) {
    const __m512i lanes = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    __m512i x[16];
    for (std::size_t w = 0; w < 16; ++w) {
        x[w] = _mm512_set1_epi32(static_cast<int>(input.words[w]));
    }
    x[12] = add32(x[12], lanes);
    for (std::size_t part = 0; part < 4; ++part) {
        two_rounds(x);
        if (hashed != nullptr) {
            absorb_eights(*poly, hashed + kWideBytes / 4 * part, kWideBytes / 4);
        }
        two_rounds(x);
    }
    two_rounds(x);
    two_rounds(x);
    for (std::size_t w = 0; w < 16; ++w) {
        x[w] = add32(x[w], _mm512_set1_epi32(static_cast<int>(input.words[w])));
    }
    x[12] = add32(x[12], lanes);
    input.words[12] += 16;

    // Words to blocks: 4x4 within each quarter of the registers, then the quarters themselves.
    __m512i
        quarters[16];  // [4 g + k] has words 4 g to 4 g + 3 of the blocks k, k + 4, k + 8, k + 12
    for (std::size_t g = 0; g < 16; g += 4) {
        const __m512i low01 = _mm512_unpacklo_epi32(x[g], x[g + 1]);
        const __m512i high01 = _mm512_unpackhi_epi32(x[g], x[g + 1]);
        const __m512i low23 = _mm512_unpacklo_epi32(x[g + 2], x[g + 3]);
        const __m512i high23 = _mm512_unpackhi_epi32(x[g + 2], x[g + 3]);
        quarters[g] = _mm512_unpacklo_epi64(low01, low23);
        quarters[g + 1] = _mm512_unpackhi_epi64(low01, low23);
        quarters[g + 2] = _mm512_unpacklo_epi64(high01, high23);
        quarters[g + 3] = _mm512_unpackhi_epi64(high01, high23);
    }
    for (std::size_t k = 0; k < 4; ++k) {
        const __m512i even_low = _mm512_shuffle_i32x4(quarters[k], quarters[4 + k], 0x88);
        const __m512i odd_low = _mm512_shuffle_i32x4(quarters[k], quarters[4 + k], 0xdd);
        const __m512i even_high = _mm512_shuffle_i32x4(quarters[8 + k], quarters[12 + k], 0x88);
        const __m512i odd_high = _mm512_shuffle_i32x4(quarters[8 + k], quarters[12 + k], 0xdd);
        const std::size_t at = kBlockBytes * k;
        apply(_mm512_shuffle_i32x4(even_low, even_high, 0x88), from, to, at, bytes);
        apply(_mm512_shuffle_i32x4(odd_low, odd_high, 0x88), from, to, at + 4 * 64, bytes);
        apply(_mm512_shuffle_i32x4(even_low, even_high, 0xdd), from, to, at + 8 * 64, bytes);
        apply(_mm512_shuffle_i32x4(odd_low, odd_high, 0xdd), from, to, at + 12 * 64, bytes);
    }
}

// Four blocks per set, one per quarter of a register: row r of all of them is in rows[r]. Two sets
// fill the time that one would spend waiting for itself.
template <std::size_t sets>
[[gnu::always_inline]] inline void make_few(Input& input, __m512i (&blocks)[4 * sets]) {
    __m512i start[4];
    for (std::size_t r = 0; r < 4; ++r) {
        start[r] = _mm512_broadcast_i32x4(_mm_loadu_si128(
            static_cast<const __m128i*>(static_cast<const void*>(input.words + 4 * r))));
    }
    __m512i rows[sets][4];
    for (std::size_t s = 0; s < sets; ++s) {
        const int first = static_cast<int>(4 * s);
        const __m512i counters = _mm512_set_epi32(0, 0, 0, first + 3, 0, 0, 0, first + 2, 0, 0, 0,
                                                  first + 1, 0, 0, 0, first);
        rows[s][0] = start[0];
        rows[s][1] = start[1];
        rows[s][2] = start[2];
        rows[s][3] = add32(start[3], counters);
    }
    for (int round = 0; round < 20; ++round) {
        for (auto& r : rows) {
            quarter_round(r[0], r[1], r[2], r[3]);
            // Rows turn so that diagonals become columns, and back.
            r[1] = round % 2 == 0 ? _mm512_shuffle_epi32(r[1], _MM_PERM_ADCB)
                                  : _mm512_shuffle_epi32(r[1], _MM_PERM_CBAD);
            r[2] = _mm512_shuffle_epi32(r[2], _MM_PERM_BADC);
            r[3] = round % 2 == 0 ? _mm512_shuffle_epi32(r[3], _MM_PERM_CBAD)
                                  : _mm512_shuffle_epi32(r[3], _MM_PERM_ADCB);
        }
    }
    for (std::size_t s = 0; s < sets; ++s) {
        const int first = static_cast<int>(4 * s);
        const __m512i counters = _mm512_set_epi32(0, 0, 0, first + 3, 0, 0, 0, first + 2, 0, 0, 0,
                                                  first + 1, 0, 0, 0, first);
        const __m512i a = add32(rows[s][0], start[0]);
        const __m512i b = add32(rows[s][1], start[1]);
        const __m512i c = add32(rows[s][2], start[2]);
        const __m512i d = add32(rows[s][3], add32(start[3], counters));
        const __m512i low_ab = _mm512_shuffle_i32x4(a, b, 0x44);
        const __m512i high_ab = _mm512_shuffle_i32x4(a, b, 0xee);
        const __m512i low_cd = _mm512_shuffle_i32x4(c, d, 0x44);
        const __m512i high_cd = _mm512_shuffle_i32x4(c, d, 0xee);
        blocks[4 * s] = _mm512_shuffle_i32x4(low_ab, low_cd, 0x88);
        blocks[4 * s + 1] = _mm512_shuffle_i32x4(low_ab, low_cd, 0xdd);
        blocks[4 * s + 2] = _mm512_shuffle_i32x4(high_ab, high_cd, 0x88);
        blocks[4 * s + 3] = _mm512_shuffle_i32x4(high_ab, high_cd, 0xdd);
    }
    input.words[12] += 4 * sets;
}

template <std::size_t sets>
[[gnu::always_inline]] inline void apply_few(Input& input, const std::uint8_t* from,
                                             std::uint8_t* to, std::size_t bytes) {
    __m512i blocks[4 * sets];
    make_few<sets>(input, blocks);
    for (std::size_t i = 0; i < 4 * sets; ++i) {
        apply(blocks[i], from, to, kBlockBytes * i, bytes);
    }
}

// Up to sixteen blocks of text, by the cheapest way.
[[gnu::always_inline]] inline void apply_some(Input& input, const std::uint8_t* from,
                                              std::uint8_t* to, std::size_t bytes) {
    if (bytes > 8 * kBlockBytes) {
        apply_sixteen(input, from, to, bytes, nullptr, nullptr);
    } else if (bytes > 4 * kBlockBytes) {
        apply_few<2>(input, from, to, bytes);
    } else if (bytes > 0) {
        apply_few<1>(input, from, to, bytes);
    }
}

// A message whose text fits behind the key of the authenticator, in one batch of 4 or 8 blocks.
template <Way way, std::size_t sets>
[[gnu::always_inline]] inline void crypt_short(Input& input, WidePoly1305& poly,
                                               const std::uint8_t* aad, std::size_t aad_bytes,
                                               const Text<way>& text) {
    __m512i blocks[4 * sets];
    make_few<sets>(input, blocks);
    start(poly, _mm512_castsi512_si256(blocks[0]));
    absorb_padded(poly, aad, aad_bytes);
    if (way == Way::open) {
        absorb_padded(poly, text.from, text.left);
    }
    for (std::size_t i = 1; i < 4 * sets; ++i) {
        apply(blocks[i], text.from, text.to, kBlockBytes * (i - 1), text.left);
    }
    if (way == Way::seal) {
        absorb_padded(poly, text.to, text.left);
    }
}

// A longer message. Every piece but the last is a multiple of eight blocks of the authenticator, so
// the eight hashes run through to the last.
template <Way way>
[[gnu::always_inline]] inline void crypt_long(Input& input, WidePoly1305& poly,
                                              const std::uint8_t* aad, std::size_t aad_bytes,
                                              Text<way> text) {
    constexpr std::size_t kFirstBytes = 3 * kEightBytes;
    __m512i blocks[8];
    make_few<2>(input, blocks);
    --input.words[12];  // the last block of the eight is left for the next batch
    start(poly, _mm512_castsi512_si256(blocks[0]));
    expand_powers(poly);
    absorb_padded(poly, aad, aad_bytes);
    if (way == Way::open) {
        begin(poly, text.from);
        absorb_eights(poly, text.from + kEightBytes, kFirstBytes - kEightBytes);
    }
    for (std::size_t i = 1; i < 7; ++i) {
        apply(blocks[i], text.from, text.to, kBlockBytes * (i - 1), kFirstBytes);
    }
    if (way == Way::seal) {
        begin(poly, text.to);
        absorb_eights(poly, text.to + kEightBytes, kFirstBytes - kEightBytes);
    }
    text.skip(kFirstBytes);

    const std::uint8_t* hashed = nullptr;  // a piece that is encrypted and not yet hashed
    for (; text.left >= kWideBytes; text.skip(kWideBytes)) {
        if (way == Way::open) {
            hashed = text.from;
        }
        apply_sixteen(input, text.from, text.to, kWideBytes, &poly, hashed);
        hashed = text.to;
    }
    if (way == Way::seal && hashed != nullptr) {
        absorb_eights(poly, hashed, kWideBytes);
    }

    const std::size_t rest = text.left % kEightBytes;
    if (way == Way::seal) {
        apply_some(input, text.from, text.to, text.left);
    }
    absorb_eights(poly, text.sealed(), text.left - rest);
    end(poly);
    absorb_padded(poly, text.sealed() + text.left - rest, rest);
    if (way == Way::open) {
        apply_some(input, text.from, text.to, text.left);
    }
}

// Encrypts or decrypts a message and gives its tag.
template <Way way>
[[gnu::always_inline]] inline __m128i crypt(const Key& key, const std::uint8_t* nonce,
                                            const std::uint8_t* aad, std::size_t aad_bytes,
                                            const std::uint8_t* from, std::uint8_t* to,
                                            std::size_t text_bytes) {
    Input input = input_of(key, nonce);

    WidePoly1305 poly;
    const Text<way> text{from, to, text_bytes};
    if (text_bytes <= 3 * kBlockBytes) {
        crypt_short<way, 1>(input, poly, aad, aad_bytes, text);
    } else if (text_bytes <= 7 * kBlockBytes) {
        crypt_short<way, 2>(input, poly, aad, aad_bytes, text);
    } else {
        crypt_long<way>(input, poly, aad, aad_bytes, text);
    }
    absorb(poly, aad_bytes, text_bytes);
    const __m128i tag = finish(poly);
    wipe(&poly, sizeof poly);
    wipe(&input, sizeof input);
    return tag;
}

void seal(const AeadState& state, const std::uint8_t* nonce, const std::uint8_t* aad,
          std::size_t aad_bytes, const std::uint8_t* from, std::uint8_t* to, std::size_t text_bytes,
          std::uint8_t* tag) {
    const __m128i computed =
        crypt<Way::seal>(key_in(state), nonce, aad, aad_bytes, from, to, text_bytes);
    _mm_storeu_si128(static_cast<__m128i*>(static_cast<void*>(tag)), computed);
}

// The plaintext is there before the tag is known, so it is wiped if the tag is wrong.
bool open(const AeadState& state, const std::uint8_t* nonce, const std::uint8_t* aad,
          std::size_t aad_bytes, const std::uint8_t* from, std::uint8_t* to, std::size_t text_bytes,
          const std::uint8_t* tag) {
    const __m128i computed =
        crypt<Way::open>(key_in(state), nonce, aad, aad_bytes, from, to, text_bytes);
    const __m128i given =
        _mm_loadu_si128(static_cast<const __m128i*>(static_cast<const void*>(tag)));
    const __m128i difference = _mm_xor_si128(computed, given);
    if (!_mm_testz_si128(difference, difference)) {
        wipe(to, text_bytes);
        return false;
    }
    return true;
}

}  // namespace

extern const AeadRow kChaCha20Poly1305Avx512;
const AeadRow kChaCha20Poly1305Avx512 = {
    .name = "chacha20poly1305.avx512",
    .key_bytes = 32,
    .usable = has_avx512_ifma,
    .expand = expand,
    .seal = seal,
    .open = open,
};

}  // namespace ferry::crypto::amd64
