#include "proto/vmess/chunk_length.h"

#include <algorithm>
#include <cassert>

namespace ferry::proto::vmess {
namespace {

// A sealed length needs no mask, and draws none.
Mask mask_of(const BodyShape& shape) {
    return shape.lengths == Lengths::masked ? Mask::on : Mask::off;
}

}  // namespace

ChunkNonce::ChunkNonce(std::span<const std::uint8_t, kIvBytes> iv) noexcept {
    std::ranges::copy(iv.first<crypto::kNonceBytes>(), nonce_.begin());
}

std::span<const std::uint8_t, crypto::kNonceBytes> ChunkNonce::next() noexcept {
    crypto::store_be(nonce_.data(), chunk_);
    // Wraps after 65 536 chunks and repeats nonces then. Peers wrap too; refusing here would cut
    // long transfers.
    chunk_ = static_cast<std::uint16_t>(chunk_ + 1);
    return nonce_;
}

ChunkLengths::Sealed::Sealed(const crypto::Dispatch& dispatch, Security security,
                             const BodyKeys& request)
    : aead(aead_for(dispatch, security, chunk_length_key(*dispatch.sha256, request).view())),
      nonce(request.iv) {}

ChunkLengths::ChunkLengths(const crypto::Dispatch& dispatch, Security security,
                           const BodyShape& shape, const ChunkKeys& keys)
    : veils_(*dispatch.shake128, keys.own.iv, shape.padding, mask_of(shape)),
      padding_bytes_max_(shape.padding == Padding::on ? kPaddingBytesMax : 0) {
    if (shape.lengths == Lengths::sealed) {
        sealed_ = std::make_unique<Sealed>(dispatch, security, keys.request);
    }
}

Parsed<ChunkSize> ChunkLengths::open(ByteView field) {
    assert(field.size() == field_bytes());
    const Veil veil = veils_.next();
    ChunkSize size{.bytes = 0, .padding_bytes = veil.padding_bytes};
    if (!sealed_) {
        size.bytes = crypto::load_be<std::uint16_t>(field.data()) ^ veil.mask;
        return size;
    }
    std::array<std::uint8_t, 2> plain;
    const auto tag = field.last<crypto::kTagBytes>();
    if (!sealed_->aead.open(sealed_->nonce.next(), {}, field.first<2>(), plain, tag)) {
        return std::unexpected(Fault::bad_tag);
    }
    const std::uint32_t value = crypto::load_be<std::uint16_t>(plain.data());
    if (value > kSealedLengthValueMax) {
        return std::unexpected(Fault::bad_length);
    }
    size.bytes = value + crypto::kTagBytes;
    return size;
}

ChunkSize ChunkLengths::seal(std::size_t sealed_payload_bytes, ByteSpan to) {
    assert(to.size() == field_bytes());
    const Veil veil = veils_.next();
    const auto bytes = static_cast<std::uint32_t>(sealed_payload_bytes + veil.padding_bytes);
    assert(bytes <= kChunkBytesMax);
    if (!sealed_) {
        crypto::store_be(to.data(), static_cast<std::uint16_t>(bytes ^ veil.mask));
    } else {
        std::array<std::uint8_t, 2> plain;
        crypto::store_be(plain.data(), static_cast<std::uint16_t>(bytes - crypto::kTagBytes));
        sealed_->aead.seal(sealed_->nonce.next(), {}, plain, to.first(plain.size()),
                           to.last<crypto::kTagBytes>());
    }
    return {.bytes = bytes, .padding_bytes = veil.padding_bytes};
}

}  // namespace ferry::proto::vmess
