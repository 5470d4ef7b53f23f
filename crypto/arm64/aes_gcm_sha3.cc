// AES-128-GCM with AES, PMULL and the addition of three vectors, EOR3, which came with SHA-3.
#include "crypto/arm64/aes_gcm.h"

#include <arm_neon.h>

#include "crypto/kernel.h"

namespace ferry::crypto::arm64 {

namespace {

[[gnu::always_inline]] inline uint8x16_t sum_of(uint8x16_t a, uint8x16_t b, uint8x16_t c) {
    return veor3q_u8(a, b, c);
}

}  // namespace

extern const AeadRow kAes128GcmSha3;
const AeadRow kAes128GcmSha3 = {
    .name = "aes128gcm.arm64_sha3",
    .key_bytes = 16,
    .usable = has_sha3,
    .expand = expand,
    .seal = seal,
    .open = open,
};

}  // namespace ferry::crypto::arm64
