// AES-128-GCM and ChaCha20-Poly1305 over BoringSSL, which picks its own code for the machine.
#include <openssl/aead.h>
#include <openssl/err.h>

#include <cassert>

#include "crypto/boring/rows.h"
#include "crypto/state.h"

namespace ferry::crypto::boring {

namespace {

// An EVP_AEAD_CTX holds the expanded key of both AEADs inside itself and nothing on the heap, so
// wiping it is all that its end takes, and ~Aead does that; EVP_AEAD_CTX_cleanup() would do
// nothing. If a later version moved the key out, its context would shrink to a pointer and this
// would no longer compile: the schedule of AES-128 and the powers of the hash key alone take over
// 400 bytes.
static_assert(sizeof(EVP_AEAD_CTX) >= 400);

template <const EVP_AEAD* (*kAead)()>
void expand(AeadState& state, const std::uint8_t* key) {
    const EVP_AEAD* aead = kAead();
    const int done = EVP_AEAD_CTX_init(&make_in<EVP_AEAD_CTX>(state), aead, key,
                                       EVP_AEAD_key_length(aead), kTagBytes, nullptr);
    assert(done == 1);  // it fails for wrong sizes only
}

void seal(const AeadState& state, const std::uint8_t* nonce, const std::uint8_t* aad,
          std::size_t aad_bytes, const std::uint8_t* from, std::uint8_t* to, std::size_t text_bytes,
          std::uint8_t* tag) {
    std::size_t tag_bytes = 0;
    const int done =
        EVP_AEAD_CTX_seal_scatter(&in<EVP_AEAD_CTX>(state), to, tag, &tag_bytes, kTagBytes, nonce,
                                  kNonceBytes, from, text_bytes, nullptr, 0, aad, aad_bytes);
    // It fails for wrong sizes and beyond the limits of the AEAD, both of which Aead keeps away.
    assert(done == 1);
    assert(tag_bytes == kTagBytes);
}

bool open(const AeadState& state, const std::uint8_t* nonce, const std::uint8_t* aad,
          std::size_t aad_bytes, const std::uint8_t* from, std::uint8_t* to, std::size_t text_bytes,
          const std::uint8_t* tag) {
    const int done = EVP_AEAD_CTX_open_gather(&in<EVP_AEAD_CTX>(state), to, nonce, kNonceBytes,
                                              from, text_bytes, tag, kTagBytes, aad, aad_bytes);
    if (done != 1) {
        // The failure went into this thread's error queue, where nobody looks for it; whoever uses
        // BoringSSL next must not find it.
        ERR_clear_error();
    }
    return done == 1;
}

bool always(const Cpu&) {
    return true;
}

}  // namespace

const AeadRow kAes128Gcm = {
    .name = "aes128gcm.boring",
    .key_bytes = 16,
    .usable = always,
    .expand = expand<EVP_aead_aes_128_gcm>,
    .seal = seal,
    .open = open,
};

const AeadRow kChaCha20Poly1305 = {
    .name = "chacha20poly1305.boring",
    .key_bytes = 32,
    .usable = always,
    .expand = expand<EVP_aead_chacha20_poly1305>,
    .seal = seal,
    .open = open,
};

}  // namespace ferry::crypto::boring
