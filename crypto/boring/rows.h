// The rows over BoringSSL. A build without it has them too (absent.cc), never usable, so that the
// lists of the architectures need no cases and a report says what this build lacks.
#pragma once

#include "crypto/aead.h"
#include "crypto/block.h"
#include "crypto/hash.h"

namespace ferry::crypto::boring {

extern const AeadRow kAes128Gcm;
extern const AeadRow kChaCha20Poly1305;
extern const HashRow kSha256;
extern const BlockRow kAes128;

}  // namespace ferry::crypto::boring
