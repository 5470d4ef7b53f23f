// The rows of a build for S390x, fastest first. BoringSSL does not exist here.

#include <array>

#include "crypto/portable/rows.h"
#include "crypto/s390x/rows.h"

namespace ferry::crypto {

std::span<const AeadRow* const> aes128_gcm_rows() {
    static constexpr std::array kRows = {&s390x::kAes128GcmKma, &portable::kAes128Gcm};
    return kRows;
}

std::span<const AeadRow* const> chacha20_poly1305_rows() {
    static constexpr std::array kRows = {&s390x::kChaCha20Poly1305Vx, &portable::kChaCha20Poly1305};
    return kRows;
}

std::span<const HashRow* const> sha256_rows() {
    static constexpr std::array kRows = {&s390x::kSha256Kimd, &portable::kSha256};
    return kRows;
}

std::span<const XofRow* const> shake128_rows() {
    static constexpr std::array kRows = {&s390x::kShake128Kimd, &portable::kShake128};
    return kRows;
}

std::span<const BlockRow* const> aes128_rows() {
    static constexpr std::array kRows = {&s390x::kAes128Km, &portable::kAes128};
    return kRows;
}

std::span<const TrialRow* const> aes128_trial_rows() {
    static constexpr std::array kRows = {&s390x::kAes128TrialKm, &portable::kAes128Trial};
    return kRows;
}

}  // namespace ferry::crypto
