// The rows of a build for AMD64, fastest first.
#include <array>

#include "crypto/amd64/rows.h"
#include "crypto/boring/rows.h"
#include "crypto/portable/rows.h"

namespace ferry::crypto {

using amd64::kAes128GcmNi;
using amd64::kAes128GcmVaes256;
using amd64::kAes128GcmVaes512;
using amd64::kAes128Ni;
using amd64::kAes128TrialNi;
using amd64::kAes128TrialVaes512;
using amd64::kAes128Vaes512;
using amd64::kChaCha20Poly1305Avx2;
using amd64::kChaCha20Poly1305Avx512;
using amd64::kSha256Ni;
using amd64::kShake128Avx512;

std::span<const AeadRow* const> aes128_gcm_rows() {
    static constexpr std::array kRows = {&kAes128GcmVaes512, &kAes128GcmVaes256, &kAes128GcmNi,
                                         &boring::kAes128Gcm, &portable::kAes128Gcm};
    return kRows;
}

std::span<const AeadRow* const> chacha20_poly1305_rows() {
    // BoringSSL's assembly for AVX2 is ahead of what g++ 12 makes of ours, but for short messages.
    static constexpr std::array kRows = {&kChaCha20Poly1305Avx512, &boring::kChaCha20Poly1305,
                                         &kChaCha20Poly1305Avx2, &portable::kChaCha20Poly1305};
    return kRows;
}

std::span<const HashRow* const> sha256_rows() {
    static constexpr std::array kRows = {&kSha256Ni, &boring::kSha256, &portable::kSha256};
    return kRows;
}

std::span<const XofRow* const> shake128_rows() {
    static constexpr std::array kRows = {&kShake128Avx512, &portable::kShake128};
    return kRows;
}

std::span<const BlockRow* const> aes128_rows() {
    static constexpr std::array kRows = {&kAes128Vaes512, &kAes128Ni, &boring::kAes128,
                                         &portable::kAes128};
    return kRows;
}

std::span<const TrialRow* const> aes128_trial_rows() {
    static constexpr std::array kRows = {&kAes128TrialVaes512, &kAes128TrialNi,
                                         &portable::kAes128Trial};
    return kRows;
}

}  // namespace ferry::crypto
