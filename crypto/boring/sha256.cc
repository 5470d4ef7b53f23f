// The compression function of SHA-256 over BoringSSL.
#include <openssl/sha.h>

#include "crypto/boring/rows.h"

namespace ferry::crypto::boring {

const HashRow kSha256 = {
    .name = "sha256.boring",
    .usable = [](const Cpu&) { return true; },
    .compress = [](std::uint32_t* state, const std::uint8_t* blocks,
                   std::size_t count) { SHA256_TransformBlocks(state, blocks, count); },
};

}  // namespace ferry::crypto::boring
