// AES-128 blocks and CFB over BoringSSL.
#include <openssl/aes.h>

#include <cassert>
#include <cstring>

#include "crypto/boring/rows.h"
#include "crypto/state.h"

namespace ferry::crypto::boring {

namespace {

struct Keys {
    AES_KEY encrypt;
    AES_KEY decrypt;
};

constexpr unsigned kKeyBits = 128;

void expand(BlockState& state, const std::uint8_t* key) {
    Keys& keys = make_in<Keys>(state);
    const int encrypt_failed = AES_set_encrypt_key(key, kKeyBits, &keys.encrypt);
    const int decrypt_failed = AES_set_decrypt_key(key, kKeyBits, &keys.decrypt);
    assert(encrypt_failed == 0);
    assert(decrypt_failed == 0);
}

void encrypt(const BlockState& state, const std::uint8_t* from, std::uint8_t* to) {
    AES_encrypt(from, to, &in<Keys>(state).encrypt);
}

void decrypt(const BlockState& state, const std::uint8_t* from, std::uint8_t* to) {
    AES_decrypt(from, to, &in<Keys>(state).decrypt);
}

template <int kWay>
void cfb(const BlockState& state, std::uint8_t* chain, const std::uint8_t* from, std::uint8_t* to,
         std::size_t blocks) {
    int used = 0;
    AES_cfb128_encrypt(from, to, kAesBlockBytes * blocks, &in<Keys>(state).encrypt, chain, &used,
                       kWay);
    assert(used == 0);
}

}  // namespace

const BlockRow kAes128 = {
    .name = "aes128.boring",
    .usable = [](const Cpu&) { return true; },
    .expand = expand,
    .encrypt = encrypt,
    .decrypt = decrypt,
    .cfb_encrypt = cfb<AES_ENCRYPT>,
    .cfb_decrypt = cfb<AES_DECRYPT>,
};

}  // namespace ferry::crypto::boring
