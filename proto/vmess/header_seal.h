// The seal of one part of a header: AES-128-GCM with a key and a nonce that are used once.
#pragma once

#include <cstdint>

#include "crypto/aead.h"
#include "crypto/bytes.h"
#include "crypto/dispatch.h"
#include "proto/fault.h"
#include "proto/vmess/kdf.h"
#include "proto/vmess/limits.h"

namespace ferry::proto::vmess {

// Headers of both directions are two sealed parts: the length of the second in two bytes, and the
// plain header itself.
class HeaderSeal {
public:
    // `aad` is looked at until the last call.
    HeaderSeal(const crypto::Dispatch& dispatch, const SealKeys& keys, ByteView aad)
        : aead_(*dispatch.aes128_gcm, keys.key.view()), nonce_(keys.nonce), aad_(aad) {}

    // `to` has room for the tag too.
    void seal(ByteView plain, ByteSpan to) const;
    void seal_length(std::size_t header_bytes, ByteSpan to) const;

    // Opens in place.
    //
    //   gives   the plaintext, a part of `sealed`
    //   faults  bad_tag
    Parsed<ByteSpan> open(ByteSpan sealed) const;

    // Opens the length of a header.
    //
    //   sealed  exactly kSealedU16Bytes
    //   faults  bad_tag; bad_length below `least`; too_large above `most`
    struct Bounds {
        std::size_t least;
        std::size_t most;
    };
    Parsed<std::size_t> open_length(ByteView sealed, const Bounds& bounds) const;

private:
    crypto::Aead aead_;
    Nonce12 nonce_;
    ByteView aad_;
};

}  // namespace ferry::proto::vmess
