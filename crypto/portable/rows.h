// The portable row of every primitive: always usable, the reference for all others.
#pragma once

#include "crypto/aead.h"
#include "crypto/block.h"
#include "crypto/hash.h"
#include "crypto/trial.h"
#include "crypto/xof.h"

namespace ferry::crypto::portable {

extern const AeadRow kAes128Gcm;
extern const AeadRow kChaCha20Poly1305;
extern const HashRow kSha256;
extern const XofRow kShake128;
extern const BlockRow kAes128;
extern const TrialRow kAes128Trial;

}  // namespace ferry::crypto::portable
