// The rows of S390x that work through message-security assist, on the model of a machine.
//
// This program has these lists and this machine in place of those in the library, so the tests of
// all rows, which other programs run over the rows of the build, run over these here. They stand
// among the program's own objects: the linker takes them first and finds nothing missing for which
// it would look into the library.
#include <array>

#include "crypto/cpu.h"
#include "crypto/portable/rows.h"
#include "crypto/s390x/rows.h"

namespace ferry::crypto {

std::span<const AeadRow* const> aes128_gcm_rows() {
    static constexpr std::array kRows = {&s390x::kAes128GcmKma, &portable::kAes128Gcm};
    return kRows;
}

std::span<const AeadRow* const> chacha20_poly1305_rows() {
    static constexpr std::array kRows = {&portable::kChaCha20Poly1305};
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

Cpu detect() noexcept {
    Cpu cpu;
    cpu.cpacf = true;
    return cpu;
}

}  // namespace ferry::crypto
