// AES-128 on blocks and in CFB mode with AES-NI.
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "crypto/amd64/aes_cfb.h"
#include "crypto/kernel.h"

namespace ferry::crypto::amd64 {

namespace {

constexpr std::size_t kAtOnce = 8;

// The ciphertext is all there, so eight blocks of key stream are made side by side. They are read
// before anything is written, since `to` may be `from`.
void cfb_decrypt(const BlockState& state, std::uint8_t* chain, const std::uint8_t* from,
                 std::uint8_t* to, std::size_t blocks) {
    const Key& key = key_in(state);
    __m128i before = load(chain);
    while (blocks >= kAtOnce) {
        __m128i sealed[kAtOnce];
        __m128i stream[kAtOnce];
        for (std::size_t i = 0; i < kAtOnce; ++i) {
            sealed[i] = load(from + kAesBlockBytes * i);
            stream[i] = _mm_xor_si128(i == 0 ? before : sealed[i - 1], key.encrypting[0]);
        }
        for (std::size_t round = 1; round < 10; ++round) {
            for (__m128i& block : stream) {
                block = _mm_aesenc_si128(block, key.encrypting[round]);
            }
        }
        for (std::size_t i = 0; i < kAtOnce; ++i) {
            const __m128i last = _mm_xor_si128(key.encrypting[10], sealed[i]);
            store(to + kAesBlockBytes * i, _mm_aesenclast_si128(stream[i], last));
        }
        before = sealed[kAtOnce - 1];
        blocks -= kAtOnce;
        from += kAtOnce * kAesBlockBytes;
        to += kAtOnce * kAesBlockBytes;
    }
    store(chain, before);
    decrypt_one_by_one(key, chain, from, to, blocks);
}

}  // namespace

extern const BlockRow kAes128Ni;
const BlockRow kAes128Ni = {
    .name = "aes128.ni",
    .usable = has_aes_ni,
    .expand = expand,
    .encrypt = encrypt,
    .decrypt = decrypt,
    .cfb_encrypt = cfb_encrypt,
    .cfb_decrypt = cfb_decrypt,
};

}  // namespace ferry::crypto::amd64
