// The rows for S390x, one per file.
#pragma once

#include "crypto/aead.h"
#include "crypto/block.h"
#include "crypto/hash.h"
#include "crypto/trial.h"
#include "crypto/xof.h"

namespace ferry::crypto::s390x {

extern const AeadRow kAes128GcmKma;
extern const AeadRow kChaCha20Poly1305Vx;
extern const BlockRow kAes128Km;
extern const HashRow kSha256Kimd;
extern const XofRow kShake128Kimd;
extern const TrialRow kAes128TrialKm;

}  // namespace ferry::crypto::s390x
