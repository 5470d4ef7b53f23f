// AES-128 in CFB mode with VAES on 512 bits: decrypts 32 blocks at a time. Single blocks and
// encryption, which has no two blocks to do at once, are as with AES-NI.
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "crypto/amd64/aes_cfb.h"
#include "crypto/kernel.h"

namespace ferry::crypto::amd64 {

namespace {

constexpr std::size_t kFourBytes = 4 * kAesBlockBytes;
constexpr std::size_t kVectors = 8;

// Decrypts 4 * `vectors` blocks and gives the last vector of ciphertext. The last quarter of
// `before` is the block in front of them. All is read before anything is written, since `to` may be
// `from`.
template <std::size_t vectors>
[[gnu::always_inline]] inline __m512i decrypt_fours(const Key& key, __m512i before,
                                                    const std::uint8_t* from, std::uint8_t* to) {
    const auto round_key = [&key](std::size_t round) {
        return _mm512_broadcast_i32x4(key.encrypting[round]);
    };
    __m512i sealed[vectors];
    __m512i stream[vectors];
    for (std::size_t i = 0; i < vectors; ++i) {
        sealed[i] = _mm512_loadu_si512(from + kFourBytes * i);
        // The blocks in front of these four: the last of the vector before, then three of this.
        const __m512i previous = _mm512_alignr_epi64(sealed[i], i == 0 ? before : sealed[i - 1], 6);
        stream[i] = _mm512_xor_si512(previous, round_key(0));
    }
    for (std::size_t round = 1; round < 10; ++round) {
        for (__m512i& blocks : stream) {
            blocks = _mm512_aesenc_epi128(blocks, round_key(round));
        }
    }
    for (std::size_t i = 0; i < vectors; ++i) {
        const __m512i last = _mm512_xor_si512(round_key(10), sealed[i]);
        _mm512_storeu_si512(to + kFourBytes * i, _mm512_aesenclast_epi128(stream[i], last));
    }
    return sealed[vectors - 1];
}

void cfb_decrypt(const BlockState& state, std::uint8_t* chain, const std::uint8_t* from,
                 std::uint8_t* to, std::size_t blocks) {
    const Key& key = key_in(state);
    __m512i before = _mm512_broadcast_i32x4(load(chain));
    for (; blocks >= 4 * kVectors; blocks -= 4 * kVectors) {
        before = decrypt_fours<kVectors>(key, before, from, to);
        from += kFourBytes * kVectors;
        to += kFourBytes * kVectors;
    }
    for (; blocks >= 4; blocks -= 4, from += kFourBytes, to += kFourBytes) {
        before = decrypt_fours<1>(key, before, from, to);
    }
    store(chain, _mm512_extracti32x4_epi32(before, 3));
    decrypt_one_by_one(key, chain, from, to, blocks);
}

}  // namespace

extern const BlockRow kAes128Vaes512;
const BlockRow kAes128Vaes512 = {
    .name = "aes128.vaes512",
    .usable = has_vaes512,
    .expand = expand,
    .encrypt = encrypt,
    .decrypt = decrypt,
    .cfb_encrypt = cfb_encrypt,
    .cfb_decrypt = cfb_decrypt,
};

}  // namespace ferry::crypto::amd64
