// AES-128-GCM with AES and PMULL.
#include "crypto/arm64/aes_gcm.h"

#include <arm_neon.h>

#include "crypto/kernel.h"

namespace ferry::crypto::arm64 {

namespace {

[[gnu::always_inline]] inline uint8x16_t sum_of(uint8x16_t a, uint8x16_t b, uint8x16_t c) {
    return veorq_u8(veorq_u8(b, c), a);
}

}  // namespace

extern const AeadRow kAes128Gcm;
const AeadRow kAes128Gcm = {
    .name = "aes128gcm.arm64",
    .key_bytes = 16,
    .usable = has_crypto,
    .expand = expand,
    .seal = seal,
    .open = open,
};

}  // namespace ferry::crypto::arm64
