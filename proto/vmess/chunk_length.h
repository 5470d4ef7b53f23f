// The length field in front of a chunk: plain, masked or sealed.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "crypto/aead.h"
#include "crypto/dispatch.h"
#include "proto/fault.h"
#include "proto/vmess/keys.h"
#include "proto/vmess/limits.h"
#include "proto/vmess/request.h"
#include "proto/vmess/shape.h"
#include "proto/vmess/size_mask.h"

namespace ferry::proto::vmess {

// The nonces of one direction, one per chunk.
class ChunkNonce {
public:
    explicit ChunkNonce(std::span<const std::uint8_t, kIvBytes> iv) noexcept;

    // The nonce of the next chunk; valid until the call after.
    std::span<const std::uint8_t, crypto::kNonceBytes> next() noexcept;

private:
    Nonce12 nonce_;
    std::uint16_t chunk_ = 0;
};

// What a length field says: a chunk of `bytes` follows, the last `padding_bytes` of which mean
// nothing.
struct ChunkSize {
    std::uint32_t bytes = 0;
    std::uint32_t padding_bytes = 0;
};

// The keys of one direction, and those of the request, from which sealed lengths are keyed in both.
struct ChunkKeys {
    const BodyKeys& own;
    const BodyKeys& request;
};

// The length fields of one direction, in order.
class ChunkLengths {
public:
    ChunkLengths(const crypto::Dispatch& dispatch, Security security, const BodyShape& shape,
                 const ChunkKeys& keys);

    std::size_t field_bytes() const noexcept { return sealed_ ? kSealedLengthBytes : kLengthBytes; }
    // The most that padding can add to a chunk.
    std::size_t padding_bytes_max() const noexcept { return padding_bytes_max_; }

    // Understands the next field.
    //
    //   field   exactly field_bytes()
    //   faults  bad_tag, bad_length
    Parsed<ChunkSize> open(ByteView field);

    // Writes the next field, for a chunk whose sealed payload has this size.
    //
    //   to      exactly field_bytes()
    ChunkSize seal(std::size_t sealed_payload_bytes, ByteSpan to);

private:
    struct Sealed {
        Sealed(const crypto::Dispatch& dispatch, Security security, const BodyKeys& request);

        crypto::Aead aead;
        ChunkNonce nonce;
    };

    SizeMask veils_;
    std::size_t padding_bytes_max_;
    std::unique_ptr<Sealed> sealed_;  // a kilobyte that most sessions do not need
};

}  // namespace ferry::proto::vmess
