#include "proto/vmess/header_seal.h"

#include <array>
#include <cassert>
#include <limits>

namespace ferry::proto::vmess {

void HeaderSeal::seal(ByteView plain, ByteSpan to) const {
    assert(to.size() == plain.size() + crypto::kTagBytes);
    aead_.seal(nonce_, aad_, plain, to.first(plain.size()), to.last<crypto::kTagBytes>());
}

void HeaderSeal::seal_length(std::size_t header_bytes, ByteSpan to) const {
    assert(header_bytes <= std::numeric_limits<std::uint16_t>::max());
    std::array<std::uint8_t, 2> plain;
    crypto::store_be(plain.data(), static_cast<std::uint16_t>(header_bytes));
    seal(plain, to);
}

Parsed<ByteSpan> HeaderSeal::open(ByteSpan sealed) const {
    assert(sealed.size() >= crypto::kTagBytes);
    const ByteSpan plain = sealed.first(sealed.size() - crypto::kTagBytes);
    if (!aead_.open(nonce_, aad_, plain, plain, sealed.last<crypto::kTagBytes>())) {
        return std::unexpected(Fault::bad_tag);
    }
    return plain;
}

Parsed<std::size_t> HeaderSeal::open_length(ByteView sealed, const Bounds& bounds) const {
    assert(sealed.size() == kSealedU16Bytes);
    std::array<std::uint8_t, 2> plain;
    if (!aead_.open(nonce_, aad_, sealed.first<2>(), plain, sealed.last<crypto::kTagBytes>())) {
        return std::unexpected(Fault::bad_tag);
    }
    const std::size_t header_bytes = crypto::load_be<std::uint16_t>(plain.data());
    if (header_bytes < bounds.least) {
        return std::unexpected(Fault::bad_length);
    }
    if (header_bytes > bounds.most) {
        return std::unexpected(Fault::too_large);
    }
    return header_bytes;
}

}  // namespace ferry::proto::vmess
