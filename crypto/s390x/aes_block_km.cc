// AES-128 on blocks with KM and in CFB mode with KMF.
#include <cstring>

#include "crypto/bytes.h"
#include "crypto/s390x/cpacf.h"
#include "crypto/s390x/rows.h"
#include "crypto/s390x/usable.h"
#include "crypto/state.h"

namespace ferry::crypto::s390x {

namespace {

// KM's parameter block. The processor expands the key each time.
struct alignas(16) Key {
    std::uint8_t bytes[kKmBytes];
};

void expand(BlockState& state, const std::uint8_t* key) {
    std::memcpy(make_in<Key>(state).bytes, key, kKmBytes);
}

void crypt_block(const BlockState& state, std::uint64_t modifier, const std::uint8_t* from,
                 std::uint8_t* to) {
    complete(km, {.function = kAes128 | modifier,
                  .parameters = const_cast<Key*>(&in<Key>(state)),  // KM only reads
                  .to = to,
                  .from = from,
                  .from_bytes = kAesBlockBytes});
}

void encrypt(const BlockState& state, const std::uint8_t* from, std::uint8_t* to) {
    crypt_block(state, 0, from, to);
}

void decrypt(const BlockState& state, const std::uint8_t* from, std::uint8_t* to) {
    crypt_block(state, kDecrypt, from, to);
}

void crypt_cfb(const BlockState& state, std::uint64_t modifier, std::uint8_t* chain,
               const std::uint8_t* from, std::uint8_t* to, std::size_t blocks) {
    KmfBlock block;
    std::memcpy(block.chain, chain, sizeof block.chain);
    std::memcpy(block.key, in<Key>(state).bytes, sizeof block.key);
    complete(kmf, {.function = kAes128 | kFeedback128 | modifier,
                   .parameters = &block,
                   .to = to,
                   .from = from,
                   .from_bytes = blocks * kAesBlockBytes});
    std::memcpy(chain, block.chain, sizeof block.chain);
    wipe(&block, sizeof block);
}

void cfb_encrypt(const BlockState& state, std::uint8_t* chain, const std::uint8_t* from,
                 std::uint8_t* to, std::size_t blocks) {
    crypt_cfb(state, 0, chain, from, to, blocks);
}

void cfb_decrypt(const BlockState& state, std::uint8_t* chain, const std::uint8_t* from,
                 std::uint8_t* to, std::size_t blocks) {
    crypt_cfb(state, kDecrypt, chain, from, to, blocks);
}

}  // namespace

const BlockRow kAes128Km = {
    .name = "aes128.km",
    .usable = has_km_and_kmf_aes128,
    .expand = expand,
    .encrypt = encrypt,
    .decrypt = decrypt,
    .cfb_encrypt = cfb_encrypt,
    .cfb_decrypt = cfb_decrypt,
};

}  // namespace ferry::crypto::s390x
