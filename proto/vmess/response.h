// The response header in both forms: build, seal, open.
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

// Seals a plain header, in the newer form.
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

// Seals a plain header in the older form.
//
//   keys    legacy_response_keys() of the request
//   gives   bytes written: plain.size()
std::size_t seal_legacy_response(const crypto::Dispatch& dispatch, const BodyKeys& keys,
                                 ByteView plain, ByteSpan to);

// Size of the whole header of the older form, known once its front is there.
//
//   prefix  exactly kPlainResponseBytesMin
//   tag     the request's
//   gives   kPlainResponseBytesMin <= n <= kPlainResponseBytesMax
//   faults  response_mismatch: the tag is all that says whose header this is, so what else stands
//           in the front is believed only under the right one
Parsed<std::size_t> legacy_response_bytes(const crypto::Dispatch& dispatch, const BodyKeys& keys,
                                          std::uint8_t tag, ByteView prefix);

// Opens a header of the older form, and leaves it as it is: a body may go on in its key stream.
//
//   sealed  exactly legacy_response_bytes() bytes
//   faults  response_mismatch
Parsed<Response> open_legacy_response(const crypto::Dispatch& dispatch, const BodyKeys& keys,
                                      std::uint8_t tag, ByteView sealed);

}  // namespace ferry::proto::vmess
