// The response header: build, seal, open.
#pragma once

#include <array>
#include <cstdint>

#include "crypto/dispatch.h"
#include "proto/fault.h"
#include "proto/vmess/keys.h"
#include "proto/vmess/limits.h"

namespace ferry::proto::vmess {

// What a server tells its client before the answer.
struct Response {
    std::uint8_t tag = 0;      // V of the request
    std::uint8_t option = 0;   // ignored by everyone; 0
    std::uint8_t command = 0;  // an instruction for the client; 0 for none
    std::uint8_t data_bytes = 0;
    std::array<std::uint8_t, kCommandBytesMax> data_store{};

    // The instruction's data. A client that does not know the instruction ignores it.
    ByteView data() const noexcept { return ByteView(data_store).first(data_bytes); }
};

// Writes a plain header.
//
//   gives   bytes written, at most kPlainResponseBytesMax
std::size_t build_response(const Response& response, ByteSpan to) noexcept;

// Seals a plain header.
//
//   keys    response_keys() of the request
//   gives   bytes written: plain.size() and 34
std::size_t seal_response(const crypto::Dispatch& dispatch, const BodyKeys& keys, ByteView plain,
                          ByteSpan to);

// Size of the whole sealed header, known once its front is there.
//
//   prefix  exactly kSealedU16Bytes
//   gives   kSealedU16Bytes < n <= kResponseBytesMax
//   faults  bad_tag, bad_length, too_large
Parsed<std::size_t> response_bytes(const crypto::Dispatch& dispatch, const BodyKeys& keys,
                                   ByteView prefix);

// Opens a header, decrypting in place.
//
//   sealed  exactly response_bytes() bytes
//   tag     the request's
//   faults  bad_tag, response_mismatch, bad_length
Parsed<Response> open_response(const crypto::Dispatch& dispatch, const BodyKeys& keys,
                               std::uint8_t tag, ByteSpan sealed);

}  // namespace ferry::proto::vmess
