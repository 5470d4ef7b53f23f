// The permutation of Keccak with KIMD.
//
// There is no instruction for the permutation alone. SHAKE128 adds a block to the state and
// permutes it, and adding zeros changes nothing.
#include "crypto/bytes.h"
#include "crypto/s390x/cpacf.h"
#include "crypto/s390x/rows.h"
#include "crypto/s390x/usable.h"

namespace ferry::crypto::s390x {

namespace {

void permute(std::uint64_t* lanes) {
    static constexpr std::uint8_t kNothing[kShake128RateBytes] = {};
    Shake128Block block;
    for (std::size_t i = 0; i < 25; ++i) {
        store_le(block.lanes + 8 * i, lanes[i]);
    }
    complete(kimd, {.function = kShake128,
                    .parameters = &block,
                    .from = kNothing,
                    .from_bytes = sizeof kNothing});
    for (std::size_t i = 0; i < 25; ++i) {
        lanes[i] = load_le<std::uint64_t>(block.lanes + 8 * i);
    }
    wipe(&block, sizeof block);  // a seed is secret, and the state gives it away
}

}  // namespace

const XofRow kShake128Kimd = {
    .name = "shake128.kimd",
    .usable = has_kimd_shake128,
    .permute = permute,
};

}  // namespace ferry::crypto::s390x
