// What stands in the lists of a build without BoringSSL.
#include "crypto/boring/rows.h"

namespace ferry::crypto::boring {

namespace {

bool never(const Cpu&) {
    return false;
}

}  // namespace

const AeadRow kAes128Gcm = {
    .name = "aes128gcm.boring",
    .key_bytes = 16,
    .usable = never,
    .expand = nullptr,
    .seal = nullptr,
    .open = nullptr,
};

const AeadRow kChaCha20Poly1305 = {
    .name = "chacha20poly1305.boring",
    .key_bytes = 32,
    .usable = never,
    .expand = nullptr,
    .seal = nullptr,
    .open = nullptr,
};

const HashRow kSha256 = {
    .name = "sha256.boring",
    .usable = never,
    .compress = nullptr,
};

const BlockRow kAes128 = {
    .name = "aes128.boring",
    .usable = never,
    .expand = nullptr,
    .encrypt = nullptr,
    .decrypt = nullptr,
    .cfb_encrypt = nullptr,
    .cfb_decrypt = nullptr,
};

}  // namespace ferry::crypto::boring
