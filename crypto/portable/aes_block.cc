// AES-128 on blocks and in CFB mode, portable.
#include <algorithm>
#include <cstring>

#include "crypto/block.h"
#include "crypto/portable/aes.h"
#include "crypto/portable/rows.h"
#include "crypto/portable/xor.h"
#include "crypto/state.h"

namespace ferry::crypto::portable {

namespace {

void expand(BlockState& state, const std::uint8_t* key) {
    aes_expand(make_in<AesKey>(state), key);
}

void encrypt(const BlockState& state, const std::uint8_t* from, std::uint8_t* to) {
    aes_encrypt_blocks(in<AesKey>(state), from, to, 1);
}

void decrypt(const BlockState& state, const std::uint8_t* from, std::uint8_t* to) {
    aes_decrypt_blocks(in<AesKey>(state), from, to, 1);
}

// Each block of key stream needs the ciphertext before it, so a batch is spent on a single block.
void cfb_encrypt(const BlockState& state, std::uint8_t* chain, const std::uint8_t* from,
                 std::uint8_t* to, std::size_t blocks) {
    const AesKey& key = in<AesKey>(state);
    for (std::size_t block = 0; block < blocks; ++block) {
        aes_encrypt_blocks(key, chain, chain, 1);
        xor_bytes(chain, chain, from, kAesBlockBytes);
        std::memcpy(to, chain, kAesBlockBytes);
        from += kAesBlockBytes;
        to += kAesBlockBytes;
    }
}

// The ciphertext is all there, so eight blocks of key stream are made at once.
void cfb_decrypt(const BlockState& state, std::uint8_t* chain, const std::uint8_t* from,
                 std::uint8_t* to, std::size_t blocks) {
    const AesKey& key = in<AesKey>(state);
    std::uint8_t stream[kAesBatchBytes];
    while (blocks > 0) {
        const std::size_t now = std::min(blocks, kAesBatchBlocks);
        const std::size_t bytes = now * kAesBlockBytes;
        std::memcpy(stream, chain, kAesBlockBytes);
        std::memcpy(stream + kAesBlockBytes, from, bytes - kAesBlockBytes);
        std::memcpy(chain, from + bytes - kAesBlockBytes, kAesBlockBytes);  // before it is replaced
        aes_encrypt_blocks(key, stream, stream, now);
        xor_bytes(to, from, stream, bytes);
        from += bytes;
        to += bytes;
        blocks -= now;
    }
    wipe(stream, sizeof stream);
}

}  // namespace

const BlockRow kAes128 = {
    .name = "aes128.portable",
    .usable = [](const Cpu&) { return true; },
    .expand = expand,
    .encrypt = encrypt,
    .decrypt = decrypt,
    .cfb_encrypt = cfb_encrypt,
    .cfb_decrypt = cfb_decrypt,
};

}  // namespace ferry::crypto::portable
