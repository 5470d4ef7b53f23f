// ChaCha20-Poly1305 with AVX2: eight blocks of key stream at a time. RFC 8439.
//
// The authenticator takes its blocks one by one with 64-bit multiplications, spread between the
// rounds of the cipher: they use other units of the processor than the vectors. Short messages and
// short ends take a second form of ChaCha20, which holds two blocks in four registers and wastes
// less.
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "crypto/amd64/chacha.h"
#include "crypto/amd64/poly1305.h"
#include "crypto/kernel.h"

namespace ferry::crypto::amd64 {

namespace {

constexpr std::size_t kWideBytes = 8 * kBlockBytes;
constexpr std::size_t kHalfBytes = kBlockBytes / 2;

[[gnu::always_inline]] inline __m256i add32(__m256i a, __m256i b) {
    return _mm256_add_epi32(a, b);
}

template <int bits>
[[gnu::always_inline]] inline __m256i rotated(__m256i x) {
    if constexpr (bits == 16) {
        return _mm256_shuffle_epi8(
            x, _mm256_set_epi8(13, 12, 15, 14, 9, 8, 11, 10, 5, 4, 7, 6, 1, 0, 3, 2, 13, 12, 15, 14,
                               9, 8, 11, 10, 5, 4, 7, 6, 1, 0, 3, 2));
    } else if constexpr (bits == 8) {
        return _mm256_shuffle_epi8(
            x, _mm256_set_epi8(14, 13, 12, 15, 10, 9, 8, 11, 6, 5, 4, 7, 2, 1, 0, 3, 14, 13, 12, 15,
                               10, 9, 8, 11, 6, 5, 4, 7, 2, 1, 0, 3));
    } else {
        return _mm256_or_si256(_mm256_slli_epi32(x, bits), _mm256_srli_epi32(x, 32 - bits));
    }
}

[[gnu::always_inline]] inline void quarter_round(__m256i& a, __m256i& b, __m256i& c, __m256i& d) {
    a = add32(a, b);
    d = rotated<16>(_mm256_xor_si256(d, a));
    c = add32(c, d);
    b = rotated<12>(_mm256_xor_si256(b, c));
    a = add32(a, b);
    d = rotated<8>(_mm256_xor_si256(d, a));
    c = add32(c, d);
    b = rotated<7>(_mm256_xor_si256(b, c));
}

// Adds half a block of key stream to the text at `at`, as far as the text goes.
[[gnu::always_inline]] inline void apply(__m256i stream, const std::uint8_t* from, std::uint8_t* to,
                                         std::size_t at, std::size_t bytes) {
    if (at + kHalfBytes <= bytes) {
        const __m256i text =
            _mm256_loadu_si256(static_cast<const __m256i*>(static_cast<const void*>(from + at)));
        _mm256_storeu_si256(static_cast<__m256i*>(static_cast<void*>(to + at)),
                            _mm256_xor_si256(stream, text));
        return;
    }
    __m128i quarter = _mm256_castsi256_si128(stream);
    if (at + 16 <= bytes) {
        store(to + at, _mm_xor_si128(quarter, load(from + at)));
        quarter = _mm256_extracti128_si256(stream, 1);
        at += 16;
    }
    if (at < bytes) {
        const __m128i text = load_first(from + at, bytes - at);
        store_first(to + at, _mm_xor_si128(quarter, text), bytes - at);
    }
}

// Sixteen words of eight blocks, on their way through the rounds.
struct Eight {
    __m256i x[16];
};

[[gnu::always_inline]] inline void round_of_columns(Eight& eight) {
    for (std::size_t i = 0; i < 4; ++i) {
        quarter_round(eight.x[i], eight.x[4 + i], eight.x[8 + i], eight.x[12 + i]);
    }
}

[[gnu::always_inline]] inline void round_of_diagonals(Eight& eight) {
    for (std::size_t i = 0; i < 4; ++i) {
        quarter_round(eight.x[i], eight.x[4 + (i + 1) % 4], eight.x[8 + (i + 2) % 4],
                      eight.x[12 + (i + 3) % 4]);
    }
}

// Words to blocks: 4x4 within each half of the registers, then the halves themselves.
[[gnu::always_inline]] inline void apply_words(const Eight& eight, const std::uint8_t* from,
                                               std::uint8_t* to, std::size_t bytes) {
    const __m256i(&x)[16] = eight.x;
    __m256i halves[16];  // [4 g + k] has the words 4 g to 4 g + 3 of the blocks k and k + 4
    for (std::size_t g = 0; g < 16; g += 4) {
        const __m256i low01 = _mm256_unpacklo_epi32(x[g], x[g + 1]);
        const __m256i high01 = _mm256_unpackhi_epi32(x[g], x[g + 1]);
        const __m256i low23 = _mm256_unpacklo_epi32(x[g + 2], x[g + 3]);
        const __m256i high23 = _mm256_unpackhi_epi32(x[g + 2], x[g + 3]);
        halves[g] = _mm256_unpacklo_epi64(low01, low23);
        halves[g + 1] = _mm256_unpackhi_epi64(low01, low23);
        halves[g + 2] = _mm256_unpacklo_epi64(high01, high23);
        halves[g + 3] = _mm256_unpackhi_epi64(high01, high23);
    }
    for (std::size_t k = 0; k < 4; ++k) {
        const __m256i* part = halves + k;
        const std::size_t at = kBlockBytes * k;
        const std::size_t beyond = at + 4 * kBlockBytes;
        apply(_mm256_permute2x128_si256(part[0], part[4], 0x20), from, to, at, bytes);
        apply(_mm256_permute2x128_si256(part[8], part[12], 0x20), from, to, at + kHalfBytes, bytes);
        apply(_mm256_permute2x128_si256(part[0], part[4], 0x31), from, to, beyond, bytes);
        apply(_mm256_permute2x128_si256(part[8], part[12], 0x31), from, to, beyond + kHalfBytes,
              bytes);
    }
}

// Eight blocks, one per lane: word w of all of them is in x[w]. Moves the counter on. Meanwhile
// hashes `hashed`, 512 bytes, if `poly` is given.
[[gnu::always_inline]] inline void apply_eight(Input& input, const std::uint8_t* from,
                                               std::uint8_t* to, std::size_t bytes, Poly1305* poly,
                                               const std::uint8_t* hashed) {
    // Of the 32 blocks of the authenticator, three go beside each of the ten double rounds.
    constexpr std::size_t kBeside = 3;
    const __m256i lanes = _mm256_set_epi32(7, 6, 5, 4, 3, 2, 1, 0);
    Eight eight;
    for (std::size_t w = 0; w < 16; ++w) {
        eight.x[w] = _mm256_set1_epi32(static_cast<int>(input.words[w]));
    }
    eight.x[12] = add32(eight.x[12], lanes);
    Poly1305 here;
    if (poly != nullptr) {
        here = *poly;  // in registers: nobody has its address
    }
    for (std::size_t i = 0; i < 10; ++i) {
        round_of_columns(eight);
        if (poly != nullptr) {
            absorb_blocks(here, hashed + 16 * kBeside * i, kBeside);
        }
        round_of_diagonals(eight);
    }
    if (poly != nullptr) {
        absorb_blocks(here, hashed + kWideBytes - 16 * 2, 2);
        *poly = here;
    }
    for (std::size_t w = 0; w < 16; ++w) {
        eight.x[w] = add32(eight.x[w], _mm256_set1_epi32(static_cast<int>(input.words[w])));
    }
    eight.x[12] = add32(eight.x[12], lanes);
    input.words[12] += 8;
    apply_words(eight, from, to, bytes);
}

// Two blocks per set, one per half of a register: row r of both is in rows[r]. Two sets fill the
// time that one would spend waiting for itself. Gives the halves of blocks in their order.
template <std::size_t sets>
[[gnu::always_inline]] inline void make_few(Input& input, __m256i (&halves)[4 * sets]) {
    __m256i start[4];
    for (std::size_t r = 0; r < 4; ++r) {
        start[r] = _mm256_broadcastsi128_si256(load(input.words + 4 * r));
    }
    __m256i counted[sets];
    __m256i rows[sets][4];
    for (std::size_t s = 0; s < sets; ++s) {
        const int first = static_cast<int>(2 * s);
        counted[s] = add32(start[3], _mm256_set_epi32(0, 0, 0, first + 1, 0, 0, 0, first));
        rows[s][0] = start[0];
        rows[s][1] = start[1];
        rows[s][2] = start[2];
        rows[s][3] = counted[s];
    }
    // Rows turn so that diagonals become columns, and back.
    for (int i = 0; i < 10; ++i) {
        for (auto& r : rows) {
            quarter_round(r[0], r[1], r[2], r[3]);
            r[1] = _mm256_shuffle_epi32(r[1], 0x39);
            r[2] = _mm256_shuffle_epi32(r[2], 0x4e);
            r[3] = _mm256_shuffle_epi32(r[3], 0x93);
        }
        for (auto& r : rows) {
            quarter_round(r[0], r[1], r[2], r[3]);
            r[1] = _mm256_shuffle_epi32(r[1], 0x93);
            r[2] = _mm256_shuffle_epi32(r[2], 0x4e);
            r[3] = _mm256_shuffle_epi32(r[3], 0x39);
        }
    }
    for (std::size_t s = 0; s < sets; ++s) {
        const __m256i a = add32(rows[s][0], start[0]);
        const __m256i b = add32(rows[s][1], start[1]);
        const __m256i c = add32(rows[s][2], start[2]);
        const __m256i d = add32(rows[s][3], counted[s]);
        halves[4 * s] = _mm256_permute2x128_si256(a, b, 0x20);
        halves[4 * s + 1] = _mm256_permute2x128_si256(c, d, 0x20);
        halves[4 * s + 2] = _mm256_permute2x128_si256(a, b, 0x31);
        halves[4 * s + 3] = _mm256_permute2x128_si256(c, d, 0x31);
    }
    input.words[12] += 2 * sets;
}

template <std::size_t sets>
[[gnu::always_inline]] inline void apply_few(Input& input, const std::uint8_t* from,
                                             std::uint8_t* to, std::size_t bytes) {
    __m256i halves[4 * sets];
    make_few<sets>(input, halves);
    for (std::size_t i = 0; i < 4 * sets; ++i) {
        apply(halves[i], from, to, kHalfBytes * i, bytes);
    }
}

// Fewer than eight blocks of text, by the cheapest way.
[[gnu::always_inline]] inline void apply_some(Input& input, const std::uint8_t* from,
                                              std::uint8_t* to, std::size_t bytes) {
    if (bytes > 4 * kBlockBytes) {
        apply_eight(input, from, to, bytes, nullptr, nullptr);
    } else if (bytes > 2 * kBlockBytes) {
        apply_few<2>(input, from, to, bytes);
    } else if (bytes > 0) {
        apply_few<1>(input, from, to, bytes);
    }
}

// The key of the authenticator and the text behind it, as far as one batch goes; skips that text.
template <Way way, std::size_t sets>
[[gnu::always_inline]] inline void crypt_first(Input& input, Poly1305& poly,
                                               const std::uint8_t* aad, std::size_t aad_bytes,
                                               Text<way>& text) {
    constexpr std::size_t kBehindKey = (2 * sets - 1) * kBlockBytes;
    __m256i halves[4 * sets];
    make_few<sets>(input, halves);
    start(poly, halves[0]);
    absorb_padded(poly, aad, aad_bytes);
    const std::size_t bytes = text.left < kBehindKey ? text.left : kBehindKey;
    if (way == Way::open) {
        absorb_padded(poly, text.from, bytes);
    }
    for (std::size_t i = 2; i < 4 * sets; ++i) {
        apply(halves[i], text.from, text.to, kHalfBytes * (i - 2), bytes);
    }
    if (way == Way::seal) {
        absorb_padded(poly, text.to, bytes);
    }
    text.skip(bytes);
}

// What is left behind the first batch, when sealing: the authenticator is one piece behind.
[[gnu::always_inline]] inline void crypt_rest(Input& input, Poly1305& poly, Text<Way::seal> text) {
    if (text.left >= kWideBytes) {
        apply_eight(input, text.from, text.to, kWideBytes, nullptr, nullptr);
        text.skip(kWideBytes);
        for (; text.left >= kWideBytes; text.skip(kWideBytes)) {
            apply_eight(input, text.from, text.to, kWideBytes, &poly, text.to - kWideBytes);
        }
        absorb_blocks(poly, text.to - kWideBytes, kWideBytes / 16);
    }
    apply_some(input, text.from, text.to, text.left);
    absorb_padded(poly, text.to, text.left);
}

[[gnu::always_inline]] inline void crypt_rest(Input& input, Poly1305& poly, Text<Way::open> text) {
    for (; text.left >= kWideBytes; text.skip(kWideBytes)) {
        apply_eight(input, text.from, text.to, kWideBytes, &poly, text.from);
    }
    absorb_padded(poly, text.from, text.left);
    apply_some(input, text.from, text.to, text.left);
}

// Encrypts or decrypts a message and gives its tag.
template <Way way>
[[gnu::always_inline]] inline __m128i crypt(const Key& key, const std::uint8_t* nonce,
                                            const std::uint8_t* aad, std::size_t aad_bytes,
                                            const std::uint8_t* from, std::uint8_t* to,
                                            std::size_t text_bytes) {
    Input input = input_of(key, nonce);

    Poly1305 poly;
    Text<way> text{from, to, text_bytes};
    if (text_bytes <= kBlockBytes) {
        crypt_first<way, 1>(input, poly, aad, aad_bytes, text);
    } else {
        crypt_first<way, 2>(input, poly, aad, aad_bytes, text);
        crypt_rest(input, poly, text);
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

extern const AeadRow kChaCha20Poly1305Avx2;
const AeadRow kChaCha20Poly1305Avx2 = {
    .name = "chacha20poly1305.avx2",
    .key_bytes = 32,
    .usable = has_avx2,
    .expand = expand,
    .seal = seal,
    .open = open,
};

}  // namespace ferry::crypto::amd64
