// AES-128-GCM with KMA: one instruction for a whole message. NIST SP 800-38D.
#include <cstring>

#include "crypto/bytes.h"
#include "crypto/s390x/cpacf.h"
#include "crypto/s390x/rows.h"
#include "crypto/s390x/usable.h"
#include "crypto/state.h"

namespace ferry::crypto::s390x {

namespace {

constexpr std::uint64_t kWholeMessage = kAes128 | kLastAad | kLastText;

struct Text {
    const std::uint8_t* from;
    std::uint8_t* to;
    std::size_t bytes;
};

// The state is a parameter block with the key and the hash key, and zeros elsewhere.
void expand(AeadState& state, const std::uint8_t* key) {
    KmaBlock& block = make_in<KmaBlock>(state);
    std::memcpy(block.key, key, sizeof block.key);
    // The empty message, for what it leaves behind: the hash key. Its tag is the hash key once more
    // here, since the counter block is zero.
    complete(kma, {.function = kWholeMessage, .parameters = &block});
    wipe(block.tag, sizeof block.tag);
}

// Encrypts or decrypts a message and gives its tag.
//
//   modifier  kDecrypt or nothing
void crypt(const AeadState& state, std::uint64_t modifier, const std::uint8_t* nonce,
           const std::uint8_t* aad, std::size_t aad_bytes, const Text& text, std::uint8_t* tag) {
    constexpr std::uint32_t kFirst = 1;  // of the tag; the text begins with the next
    KmaBlock block = in<KmaBlock>(state);
    std::memcpy(block.first_counter, nonce, kNonceBytes);
    store_be(block.first_counter + kNonceBytes, kFirst);
    store_be(block.counter, kFirst);
    store_be(block.aad_bits, std::uint64_t{aad_bytes} * 8);
    store_be(block.text_bits, std::uint64_t{text.bytes} * 8);
    complete(kma, {.function = kWholeMessage | kHashKeyGiven | modifier,
                   .parameters = &block,
                   .to = text.to,
                   .from = text.from,
                   .from_bytes = text.bytes,
                   .aad = aad,
                   .aad_bytes = aad_bytes});
    std::memcpy(tag, block.tag, kTagBytes);
    wipe(&block, sizeof block);
}

void seal(const AeadState& state, const std::uint8_t* nonce, const std::uint8_t* aad,
          std::size_t aad_bytes, const std::uint8_t* from, std::uint8_t* to, std::size_t text_bytes,
          std::uint8_t* tag) {
    crypt(state, 0, nonce, aad, aad_bytes, {from, to, text_bytes}, tag);
}

// The plaintext is there before the tag is known, so it is wiped if the tag is wrong.
bool open(const AeadState& state, const std::uint8_t* nonce, const std::uint8_t* aad,
          std::size_t aad_bytes, const std::uint8_t* from, std::uint8_t* to, std::size_t text_bytes,
          const std::uint8_t* tag) {
    std::uint8_t expected[kTagBytes];
    crypt(state, kDecrypt, nonce, aad, aad_bytes, {from, to, text_bytes}, expected);
    const bool is_right = equal(expected, tag, kTagBytes);
    wipe(expected, sizeof expected);  // of a forgery, it is what the forger looks for
    if (!is_right) {
        wipe(to, text_bytes);
    }
    return is_right;
}

}  // namespace

const AeadRow kAes128GcmKma = {
    .name = "aes128gcm.kma",
    .key_bytes = 16,
    .usable = has_kma_aes128,
    .expand = expand,
    .seal = seal,
    .open = open,
};

}  // namespace ferry::crypto::s390x
