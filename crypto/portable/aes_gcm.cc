// AES-128-GCM, portable: NIST SP 800-38D with a nonce of 96 bits.
#include <algorithm>
#include <cstring>

#include "crypto/aead.h"
#include "crypto/bytes.h"
#include "crypto/portable/aes.h"
#include "crypto/portable/ghash.h"
#include "crypto/portable/rows.h"
#include "crypto/portable/xor.h"
#include "crypto/state.h"

namespace ferry::crypto::portable {

namespace {

struct Key {
    AesKey aes;
    GhashKey ghash;
};

// Counter mode from the counter 1 on. The first block of key stream masks the tag, the others the
// text; they come out of the same batch, so a short message costs one batch in all.
class Stream {
public:
    Stream(const AesKey& key, const std::uint8_t* nonce) : key_(key) {
        for (std::size_t block = 0; block < kAesBatchBlocks; ++block) {
            std::memcpy(counters_ + 16 * block, nonce, kNonceBytes);
        }
        next_batch();
    }
    ~Stream() { wipe(stream_, sizeof stream_); }

    const std::uint8_t* tag_mask() const { return stream_; }  // before apply()

    void apply(const std::uint8_t* from, std::uint8_t* to, std::size_t bytes) {
        std::size_t used = kTagBytes;
        while (bytes > 0) {
            if (used == kAesBatchBytes) {
                next_batch();
                used = 0;
            }
            const std::size_t now = std::min(bytes, kAesBatchBytes - used);
            xor_bytes(to, from, stream_ + used, now);
            from += now;
            to += now;
            bytes -= now;
            used += now;
        }
    }

private:
    void next_batch() {
        for (std::size_t block = 0; block < kAesBatchBlocks; ++block) {
            store_be(counters_ + 16 * block + kNonceBytes, counter_);
            ++counter_;
        }
        aes_encrypt_batch(key_, counters_, stream_);
    }

    const AesKey& key_;
    std::uint32_t counter_ = 1;
    std::uint8_t counters_[kAesBatchBytes];
    std::uint8_t stream_[kAesBatchBytes];
};

void compute_tag(const Key& key, const std::uint8_t* mask, const std::uint8_t* aad,
                 std::size_t aad_bytes, const std::uint8_t* sealed, std::size_t text_bytes,
                 std::uint8_t* tag) {
    std::uint8_t lengths[16];
    store_be(lengths, std::uint64_t{aad_bytes} * 8);
    store_be(lengths + 8, std::uint64_t{text_bytes} * 8);

    GhashSum sum = ghash(key.ghash, {}, aad, aad_bytes);
    sum = ghash(key.ghash, sum, sealed, text_bytes);
    sum = ghash(key.ghash, sum, lengths, sizeof lengths);
    store_be(tag, sum.high);
    store_be(tag + 8, sum.low);
    xor_bytes(tag, tag, mask, kTagBytes);
}

void expand(AeadState& state, const std::uint8_t* bytes) {
    Key& key = make_in<Key>(state);
    aes_expand(key.aes, bytes);
    std::uint8_t hash_key[16] = {};
    aes_encrypt_blocks(key.aes, hash_key, hash_key, 1);
    ghash_expand(key.ghash, hash_key);
    wipe(hash_key, sizeof hash_key);
}

void seal(const AeadState& state, const std::uint8_t* nonce, const std::uint8_t* aad,
          std::size_t aad_bytes, const std::uint8_t* from, std::uint8_t* to, std::size_t text_bytes,
          std::uint8_t* tag) {
    const Key& key = in<Key>(state);
    Stream stream(key.aes, nonce);
    std::uint8_t mask[kTagBytes];
    std::memcpy(mask, stream.tag_mask(), kTagBytes);
    stream.apply(from, to, text_bytes);
    compute_tag(key, mask, aad, aad_bytes, to, text_bytes, tag);
}

// The tag is checked before anything is decrypted: nothing unauthenticated is ever written.
bool open(const AeadState& state, const std::uint8_t* nonce, const std::uint8_t* aad,
          std::size_t aad_bytes, const std::uint8_t* from, std::uint8_t* to, std::size_t text_bytes,
          const std::uint8_t* tag) {
    const Key& key = in<Key>(state);
    Stream stream(key.aes, nonce);
    std::uint8_t expected[kTagBytes];
    compute_tag(key, stream.tag_mask(), aad, aad_bytes, from, text_bytes, expected);
    if (!equal(expected, tag, kTagBytes)) {
        return false;
    }
    stream.apply(from, to, text_bytes);
    return true;
}

}  // namespace

const AeadRow kAes128Gcm = {
    .name = "aes128gcm.portable",
    .key_bytes = 16,
    .usable = [](const Cpu&) { return true; },
    .expand = expand,
    .seal = seal,
    .open = open,
};

}  // namespace ferry::crypto::portable
