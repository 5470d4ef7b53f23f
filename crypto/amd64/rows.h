// The rows for AMD64, one per kernel file.
#pragma once

#include "crypto/aead.h"
#include "crypto/block.h"
#include "crypto/hash.h"
#include "crypto/trial.h"
#include "crypto/xof.h"

namespace ferry::crypto::amd64 {

extern const AeadRow kAes128GcmVaes512;
extern const AeadRow kAes128GcmVaes256;
extern const AeadRow kAes128GcmNi;
extern const AeadRow kChaCha20Poly1305Avx512;
extern const AeadRow kChaCha20Poly1305Avx2;
extern const BlockRow kAes128Vaes512;
extern const BlockRow kAes128Ni;
extern const HashRow kSha256Ni;
extern const XofRow kShake128Avx512;
extern const TrialRow kAes128TrialVaes512;
extern const TrialRow kAes128TrialNi;

}  // namespace ferry::crypto::amd64
