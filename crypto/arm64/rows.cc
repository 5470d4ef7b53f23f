// The rows of a build for ARM64, fastest first.
#include <array>

#include "crypto/arm64/rows.h"
#include "crypto/boring/rows.h"
#include "crypto/portable/rows.h"

namespace ferry::crypto {

std::span<const AeadRow* const> aes128_gcm_rows() {
    static constexpr std::array kRows = {&arm64::kAes128GcmSha3, &arm64::kAes128Gcm,
                                         &boring::kAes128Gcm, &portable::kAes128Gcm};
    return kRows;
}

std::span<const AeadRow* const> chacha20_poly1305_rows() {
    static constexpr std::array kRows = {&arm64::kChaCha20Poly1305Neon, &boring::kChaCha20Poly1305,
                                         &portable::kChaCha20Poly1305};
    return kRows;
}

std::span<const HashRow* const> sha256_rows() {
    static constexpr std::array kRows = {&arm64::kSha256, &boring::kSha256, &portable::kSha256};
    return kRows;
}

std::span<const XofRow* const> shake128_rows() {
    static constexpr std::array kRows = {&arm64::kShake128, &portable::kShake128};
    return kRows;
}

std::span<const BlockRow* const> aes128_rows() {
    static constexpr std::array kRows = {&arm64::kAes128, &boring::kAes128, &portable::kAes128};
    return kRows;
}

std::span<const TrialRow* const> aes128_trial_rows() {
    static constexpr std::array kRows = {&arm64::kAes128Trial, &portable::kAes128Trial};
    return kRows;
}

}  // namespace ferry::crypto
