// The compression function of SHA-256 with KIMD.
#include "crypto/bytes.h"
#include "crypto/s390x/cpacf.h"
#include "crypto/s390x/rows.h"
#include "crypto/s390x/usable.h"

namespace ferry::crypto::s390x {

namespace {

void compress(std::uint32_t* state, const std::uint8_t* blocks, std::size_t count) {
    Sha256Block block;
    for (std::size_t i = 0; i < 8; ++i) {
        store_be(block.words + 4 * i, state[i]);
    }
    complete(kimd, {.function = kSha256,
                    .parameters = &block,
                    .from = blocks,
                    .from_bytes = std::uint64_t{count} * kHashBlockBytes});
    for (std::size_t i = 0; i < 8; ++i) {
        state[i] = load_be<std::uint32_t>(block.words + 4 * i);
    }
    wipe(&block, sizeof block);  // the state of an HMAC is as good as its key
}

}  // namespace

const HashRow kSha256Kimd = {
    .name = "sha256.kimd",
    .usable = has_kimd_sha256,
    .compress = compress,
};

}  // namespace ferry::crypto::s390x
