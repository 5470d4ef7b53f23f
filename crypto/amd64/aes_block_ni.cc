// AES-128 on blocks and in CFB mode with AES-NI.
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "crypto/amd64/aes_block.h"
#include "crypto/kernel.h"

namespace ferry::crypto::amd64 {

namespace {

constexpr std::size_t kAtOnce = 8;

// Round keys of both directions. Those of decryption are in the order of use; AESDEC wants the
// inverse of MixColumns applied to all but the outer ones.
struct Key {
    __m128i encrypting[11];
    __m128i decrypting[11];
};
static_assert(sizeof(Key) <= sizeof(BlockState));

[[gnu::always_inline]] inline const Key& key_in(const BlockState& state) {
    return *static_cast<const Key*>(static_cast<const void*>(&state));
}

void expand(BlockState& state, const std::uint8_t* key_bytes) {
    Key& key = *static_cast<Key*>(static_cast<void*>(&state));
    expand_rounds(key.encrypting, key_bytes);
    key.decrypting[0] = key.encrypting[10];
    for (std::size_t i = 1; i < 10; ++i) {
        key.decrypting[i] = _mm_aesimc_si128(key.encrypting[10 - i]);
    }
    key.decrypting[10] = key.encrypting[0];
}

void encrypt(const BlockState& state, const std::uint8_t* from, std::uint8_t* to) {
    store(to, encrypted(key_in(state).encrypting, load(from)));
}

void decrypt(const BlockState& state, const std::uint8_t* from, std::uint8_t* to) {
    const Key& key = key_in(state);
    __m128i block = _mm_xor_si128(load(from), key.decrypting[0]);
    for (std::size_t i = 1; i < 10; ++i) {
        block = _mm_aesdec_si128(block, key.decrypting[i]);
    }
    store(to, _mm_aesdeclast_si128(block, key.decrypting[10]));
}

// Each block of key stream needs the ciphertext before it: C[i] = P[i] + E(C[i - 1]). The time is
// that of one block after the other, and there is nothing to gain.
void cfb_encrypt(const BlockState& state, std::uint8_t* chain, const std::uint8_t* from,
                 std::uint8_t* to, std::size_t blocks) {
    const Key& key = key_in(state);
    __m128i sealed = load(chain);
    for (; blocks > 0; --blocks, from += kAesBlockBytes, to += kAesBlockBytes) {
        sealed = _mm_xor_si128(encrypted(key.encrypting, sealed), load(from));
        store(to, sealed);
    }
    store(chain, sealed);
}

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
    for (; blocks > 0; --blocks, from += kAesBlockBytes, to += kAesBlockBytes) {
        const __m128i sealed = load(from);
        store(to, _mm_xor_si128(encrypted(key.encrypting, before), sealed));
        before = sealed;
    }
    store(chain, before);
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
