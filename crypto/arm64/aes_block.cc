// AES-128 on blocks and in CFB mode with AES instructions.
#include <arm_neon.h>

#include <cstddef>
#include <cstdint>

#include "crypto/arm64/aes_block.h"
#include "crypto/kernel.h"

namespace ferry::crypto::arm64 {

namespace {

constexpr std::size_t kAtOnce = 8;

// Round keys of both directions. Those of decryption are in the order of use; AESD and AESIMC in
// turn want the inverse of MixColumns applied to all but the outer ones.
struct Key {
    uint8x16_t encrypting[11];
    uint8x16_t decrypting[11];
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
        key.decrypting[i] = vaesimcq_u8(key.encrypting[10 - i]);
    }
    key.decrypting[10] = key.encrypting[0];
}

void encrypt(const BlockState& state, const std::uint8_t* from, std::uint8_t* to) {
    store(to, encrypted(key_in(state).encrypting, load(from)));
}

void decrypt(const BlockState& state, const std::uint8_t* from, std::uint8_t* to) {
    const Key& key = key_in(state);
    uint8x16_t block = load(from);
    for (std::size_t i = 0; i < 9; ++i) {
        block = decryption_round(block, key.decrypting[i]);
    }
    store(to, veorq_u8(vaesdq_u8(block, key.decrypting[9]), key.decrypting[10]));
}

// Each block of key stream needs the ciphertext before it: C[i] = P[i] + E(C[i - 1]). The time is
// that of one block after the other, and there is nothing to gain but the addition of the last
// round key, which the text takes on beside the chain.
void cfb_encrypt(const BlockState& state, std::uint8_t* chain, const std::uint8_t* from,
                 std::uint8_t* to, std::size_t blocks) {
    const Key& key = key_in(state);
    uint8x16_t sealed = load(chain);
    for (; blocks > 0; --blocks, from += kAesBlockBytes, to += kAesBlockBytes) {
        const uint8x16_t masked = veorq_u8(load(from), key.encrypting[10]);
        for (std::size_t i = 0; i < 9; ++i) {
            sealed = encryption_round(sealed, key.encrypting[i]);
        }
        sealed = veorq_u8(vaeseq_u8(sealed, key.encrypting[9]), masked);
        store(to, sealed);
    }
    store(chain, sealed);
}

// The ciphertext is all there, so eight blocks of key stream are made side by side. They are read
// before anything is written, since `to` may be `from`.
void cfb_decrypt(const BlockState& state, std::uint8_t* chain, const std::uint8_t* from,
                 std::uint8_t* to, std::size_t blocks) {
    const Key& key = key_in(state);
    uint8x16_t before = load(chain);
    while (blocks >= kAtOnce) {
        uint8x16_t sealed[kAtOnce];
        uint8x16_t stream[kAtOnce];
        for (std::size_t i = 0; i < kAtOnce; ++i) {
            sealed[i] = load(from + kAesBlockBytes * i);
            stream[i] = i == 0 ? before : sealed[i - 1];
        }
        for (std::size_t round = 0; round < 9; ++round) {
            for (uint8x16_t& block : stream) {
                block = encryption_round(block, key.encrypting[round]);
            }
        }
        for (std::size_t i = 0; i < kAtOnce; ++i) {
            const uint8x16_t last = veorq_u8(key.encrypting[10], sealed[i]);
            store(to + kAesBlockBytes * i, veorq_u8(vaeseq_u8(stream[i], key.encrypting[9]), last));
        }
        before = sealed[kAtOnce - 1];
        blocks -= kAtOnce;
        from += kAtOnce * kAesBlockBytes;
        to += kAtOnce * kAesBlockBytes;
    }
    for (; blocks > 0; --blocks, from += kAesBlockBytes, to += kAesBlockBytes) {
        const uint8x16_t sealed = load(from);
        store(to, veorq_u8(encrypted(key.encrypting, before), sealed));
        before = sealed;
    }
    store(chain, before);
}

}  // namespace

extern const BlockRow kAes128;
const BlockRow kAes128 = {
    .name = "aes128.arm64",
    .usable = has_crypto,
    .expand = expand,
    .encrypt = encrypt,
    .decrypt = decrypt,
    .cfb_encrypt = cfb_encrypt,
    .cfb_decrypt = cfb_decrypt,
};

}  // namespace ferry::crypto::arm64
