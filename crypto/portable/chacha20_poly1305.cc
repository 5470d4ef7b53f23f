// ChaCha20-Poly1305, portable: RFC 8439.
#include <algorithm>
#include <cstring>

#include "crypto/aead.h"
#include "crypto/bytes.h"
#include "crypto/portable/chacha20.h"
#include "crypto/portable/poly1305.h"
#include "crypto/portable/rows.h"
#include "crypto/portable/xor.h"
#include "crypto/state.h"

namespace ferry::crypto::portable {

namespace {

constexpr std::size_t kBlockBytes = 64;

struct Key {
    std::uint8_t bytes[32];
};

// The key stream of one message. Its first block holds the key of Poly1305, the others go onto the
// text; they come out of the same batch, so a short message costs one batch in all.
class Stream {
public:
    Stream(const Key& key, const std::uint8_t* nonce) : chacha_(key.bytes, nonce) {
        chacha_.next(batch_);
    }
    ~Stream() { wipe(batch_, sizeof batch_); }

    const std::uint8_t* poly1305_key() const { return batch_; }  // before apply()

    void apply(const std::uint8_t* from, std::uint8_t* to, std::size_t bytes) {
        std::size_t used = kBlockBytes;
        while (bytes > 0) {
            if (used == kChaChaBatchBytes) {
                chacha_.next(batch_);
                used = 0;
            }
            const std::size_t now = std::min(bytes, kChaChaBatchBytes - used);
            xor_bytes(to, from, batch_ + used, now);
            from += now;
            to += now;
            bytes -= now;
            used += now;
        }
    }

private:
    ChaCha20 chacha_;
    std::uint8_t batch_[kChaChaBatchBytes];
};

void compute_tag(Poly1305& poly1305, const std::uint8_t* aad, std::size_t aad_bytes,
                 const std::uint8_t* sealed, std::size_t text_bytes, std::uint8_t* tag) {
    std::uint8_t lengths[16];
    store_le(lengths, std::uint64_t{aad_bytes});
    store_le(lengths + 8, std::uint64_t{text_bytes});

    poly1305.absorb_padded(aad, aad_bytes);
    poly1305.absorb_padded(sealed, text_bytes);
    poly1305.absorb_padded(lengths, sizeof lengths);
    poly1305.finish(tag);
}

void expand(AeadState& state, const std::uint8_t* key) {
    std::memcpy(make_in<Key>(state).bytes, key, sizeof Key::bytes);
}

void seal(const AeadState& state, const std::uint8_t* nonce, const std::uint8_t* aad,
          std::size_t aad_bytes, const std::uint8_t* from, std::uint8_t* to, std::size_t text_bytes,
          std::uint8_t* tag) {
    Stream stream(in<Key>(state), nonce);
    Poly1305 poly1305(stream.poly1305_key());
    stream.apply(from, to, text_bytes);
    compute_tag(poly1305, aad, aad_bytes, to, text_bytes, tag);
}

// The tag is checked before anything is decrypted: nothing unauthenticated is ever written.
bool open(const AeadState& state, const std::uint8_t* nonce, const std::uint8_t* aad,
          std::size_t aad_bytes, const std::uint8_t* from, std::uint8_t* to, std::size_t text_bytes,
          const std::uint8_t* tag) {
    Stream stream(in<Key>(state), nonce);
    Poly1305 poly1305(stream.poly1305_key());
    std::uint8_t expected[kTagBytes];
    compute_tag(poly1305, aad, aad_bytes, from, text_bytes, expected);
    if (!equal(expected, tag, kTagBytes)) {
        return false;
    }
    stream.apply(from, to, text_bytes);
    return true;
}

}  // namespace

const AeadRow kChaCha20Poly1305 = {
    .name = "chacha20poly1305.portable",
    .key_bytes = 32,
    .usable = [](const Cpu&) { return true; },
    .expand = expand,
    .seal = seal,
    .open = open,
};

}  // namespace ferry::crypto::portable
