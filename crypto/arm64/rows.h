// The rows for ARM64, one per kernel file.
#pragma once

#include "crypto/aead.h"
#include "crypto/block.h"
#include "crypto/hash.h"
#include "crypto/trial.h"
#include "crypto/xof.h"

namespace ferry::crypto::arm64 {

extern const AeadRow kAes128GcmSha3;
extern const AeadRow kAes128Gcm;
extern const AeadRow kChaCha20Poly1305Neon;
extern const BlockRow kAes128;
extern const HashRow kSha256;
extern const TrialRow kAes128Trial;
extern const XofRow kShake128;

}  // namespace ferry::crypto::arm64
