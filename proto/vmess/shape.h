// How the body of a request is laid out, as its command, security and options say.
#pragma once

#include <cstddef>
#include <cstdint>

#include "crypto/aead.h"
#include "crypto/dispatch.h"
#include "proto/vmess/request.h"
#include "proto/vmess/size_mask.h"

namespace ferry::proto::vmess {

enum class Framing : std::uint8_t { raw, chunks };
enum class Lengths : std::uint8_t { plain, masked, sealed };
enum class EndMark : std::uint8_t { off, on };
// What a chunk holds: any piece of a stream, or exactly one datagram.
enum class Units : std::uint8_t { pieces, datagrams };

// The layout of both directions of a body.
struct BodyShape {
    Framing framing = Framing::raw;
    Lengths lengths = Lengths::plain;
    Padding padding = Padding::off;
    EndMark end_mark = EndMark::off;  // whether we write one; a peer's is always understood
    Units units = Units::pieces;

    friend bool operator==(const BodyShape&, const BodyShape&) = default;
};

// Options that mean nothing for the request's security or command are left out here, as peers do:
// padding for `none` in a stream, sealed lengths without a cipher, a mask under sealed lengths.
BodyShape shape_of(const Request& request) noexcept;

// A key at work for the bodies of a security that has a cipher.
//
//   key     16 bytes; drawn out for ChaCha20-Poly1305
crypto::Aead aead_for(const crypto::Dispatch& dispatch, Security security,
                      std::span<const std::uint8_t, kKeyBytes> key);

}  // namespace ferry::proto::vmess
