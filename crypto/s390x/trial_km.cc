// One block under many AES-128 keys with KM.
//
// KM takes one key at a time and leaves a block; the checksums of all blocks are computed at once,
// for which their bits are put together by place.
#include <cstring>

#include "crypto/bytes.h"
#include "crypto/portable/trial_checksum.h"
#include "crypto/s390x/cpacf.h"
#include "crypto/s390x/rows.h"
#include "crypto/s390x/usable.h"
#include "crypto/state.h"
#include "crypto/trial.h"

namespace ferry::crypto::s390x {

namespace {

// The keys as they are, in the order of the users: each is a parameter block.
struct Keys {
    std::uint8_t users[kTrialBlockUsers][kKmBytes];
};
static_assert(sizeof(Keys) == sizeof(TrialKeys));

void set(TrialKeys& keys, std::size_t index, const std::uint8_t* key) {
    std::memcpy(in<Keys>(keys).users[index], key, kKmBytes);
}

// Turns 64 words of 64 bits about their diagonal: bit i of word u becomes bit u of word i. The two
// squares off the diagonal change places, and then those within each half, down to single bits.
void transpose(std::uint64_t (&words)[64]) {
    std::uint64_t mask = 0x0000'0000'ffff'ffff;
    for (std::size_t side = 32; side > 0; side /= 2) {
        for (std::size_t i = 0; i < 64; i = ((i | side) + 1) & ~side) {
            const std::uint64_t changed = (words[i] >> side ^ words[i + side]) & mask;
            words[i] ^= changed << side;
            words[i + side] ^= changed;
        }
        mask ^= mask << (side / 2);
    }
}

// Half of every user's block as a number whose byte b, from the low end, is byte b of the half.
void put_half(const std::uint8_t (&blocks)[kTrialBlockUsers][16], std::size_t half,
              portable::TrialPlain& plain) {
    std::uint64_t words[kTrialBlockUsers];
    for (std::size_t user = 0; user < kTrialBlockUsers; ++user) {
        words[user] = load_le<std::uint64_t>(blocks[user] + 8 * half);
    }
    transpose(words);
    std::memcpy(plain[8 * half], words, sizeof words);
    wipe(words, sizeof words);
}

std::uint64_t find(const TrialKeys& keys, std::size_t count, const std::uint8_t* block) {
    const Keys& all = in<Keys>(keys);
    std::uint8_t blocks[kTrialBlockUsers][16] = {};
    for (std::size_t user = 0; user < count; ++user) {
        complete(km, {.function = kAes128 | kDecrypt,
                      .parameters = const_cast<std::uint8_t*>(all.users[user]),  // KM only reads
                      .to = blocks[user],
                      .from = block,
                      .from_bytes = 16});
    }
    portable::TrialPlain plain;
    put_half(blocks, 0, plain);
    put_half(blocks, 1, plain);
    const std::uint64_t asked =
        count == kTrialBlockUsers ? ~std::uint64_t{0} : (std::uint64_t{1} << count) - 1;
    const std::uint64_t found = ~portable::wrong_checksums(plain) & asked;
    wipe(blocks, sizeof blocks);
    wipe(plain, sizeof plain);
    return found;
}

}  // namespace

const TrialRow kAes128TrialKm = {
    .name = "trial.km",
    .usable = has_km_aes128,
    .set = set,
    .find = find,
};

}  // namespace ferry::crypto::s390x
