// What the rows of AES-128 on blocks share: the state, single blocks, CFB block by block.
//
// Everything here has internal linkage, so that each kernel has its own copy, for its own
// instructions.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "crypto/amd64/aes_block.h"
#include "crypto/kernel.h"

namespace ferry::crypto::amd64 {

namespace {

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

// Few blocks, or the ends of many.
[[gnu::always_inline]] inline void decrypt_one_by_one(const Key& key, std::uint8_t* chain,
                                                      const std::uint8_t* from, std::uint8_t* to,
                                                      std::size_t blocks) {
    __m128i before = load(chain);
    for (; blocks > 0; --blocks, from += kAesBlockBytes, to += kAesBlockBytes) {
        const __m128i sealed = load(from);
        store(to, _mm_xor_si128(encrypted(key.encrypting, before), sealed));
        before = sealed;
    }
    store(chain, before);
}

}  // namespace

}  // namespace ferry::crypto::amd64
