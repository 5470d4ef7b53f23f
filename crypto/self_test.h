// The known-answer tests that a row has to pass before it is used on this machine.
//
// Each takes a vector of its standard. Kernels have paths for long inputs that short vectors do not
// reach; those are compared with the portable row, which is correct if the vectors of the test
// suite are. All of them together take well under a millisecond.
#pragma once

#include "crypto/aead.h"
#include "crypto/block.h"
#include "crypto/hash.h"
#include "crypto/trial.h"
#include "crypto/xof.h"

namespace ferry::crypto {

[[nodiscard]] bool aes128_gcm_works(const AeadRow& row);
[[nodiscard]] bool chacha20_poly1305_works(const AeadRow& row);
[[nodiscard]] bool sha256_works(const HashRow& row);
[[nodiscard]] bool shake128_works(const XofRow& row);
[[nodiscard]] bool aes128_works(const BlockRow& row);
[[nodiscard]] bool aes128_trial_works(const TrialRow& row);

}  // namespace ferry::crypto
