// What the kernels of ChaCha20-Poly1305 share, however wide their vectors are: the key, the input
// of the cipher, and the way through a text. RFC 8439.
//
// Everything here has internal linkage, so that each kernel has its own copy, for its own
// instructions.
#pragma once

#include <cstddef>
#include <cstdint>

#include "crypto/kernel.h"

namespace ferry::crypto::amd64 {

namespace {

constexpr std::size_t kBlockBytes = 64;

enum class Way : std::uint8_t { seal, open };

struct Key {
    std::uint32_t words[8];
};

// ChaCha20's input: "expand 32-byte k", the key, a counter, the nonce.
struct Input {
    std::uint32_t words[16];
};

[[gnu::always_inline]] inline Input input_of(const Key& key, const std::uint8_t* nonce) {
    Input input = {{0x61707865, 0x3320646e, 0x79622d32, 0x6b206574}};
    __builtin_memcpy(input.words + 4, key.words, sizeof key.words);
    __builtin_memcpy(input.words + 13, nonce, kNonceBytes);
    return input;
}

// The text of one message, piece by piece: encrypted and then hashed, or hashed and then decrypted,
// since it is the ciphertext that is hashed and `from` may be `to`.
template <Way way>
struct Text {
    const std::uint8_t* from;
    std::uint8_t* to;
    std::size_t left;

    const std::uint8_t* sealed() const { return way == Way::seal ? to : from; }
    void skip(std::size_t bytes) {
        from += bytes;
        to += bytes;
        left -= bytes;
    }
};

[[gnu::always_inline]] inline const Key& key_in(const AeadState& state) {
    return *static_cast<const Key*>(static_cast<const void*>(&state));
}

inline void expand(AeadState& state, const std::uint8_t* key) {
    __builtin_memcpy(&state, key, sizeof(Key));
}

}  // namespace

}  // namespace ferry::crypto::amd64
