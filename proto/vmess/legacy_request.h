// The request header of the older form: seal, open.
#pragma once

#include <cstddef>
#include <cstdint>

#include "crypto/dispatch.h"
#include "crypto/random.h"
#include "proto/fault.h"
#include "proto/vmess/keys.h"
#include "proto/vmess/legacy_auth.h"
#include "proto/vmess/limits.h"
#include "proto/vmess/request.h"

namespace ferry::proto::vmess {

// What stands at the front of a connection whose time token is known.
struct LegacyOpened {
    enum class Kind : std::uint8_t {
        need,    // `bytes` are wanted in total; never more than the header has
        header,  // the header is `bytes` long; what follows is the body
    };
    Kind kind;
    std::size_t bytes;  // the token included
    Request request;    // of a header
};

// Opens the header as far as it is there. Its size is known only from its contents, so it takes up
// to four calls, each from the front, to get through it; nothing is kept between them, and nothing
// behind the header is looked at.
//
//   key        of the user whose token it is, whichever of his ids has signed
//   unix_time  the one that the token stands for
//   wire       what has arrived, beginning with the token
//   faults     bad_checksum; with a right checksum those of parse_request(), except bad_length
//   cost       per call an AES key and a block for each 16 bytes
Parsed<LegacyOpened> open_legacy_request(const crypto::Dispatch& dispatch, const CommandKey& key,
                                         std::int64_t unix_time, ByteView wire);

// The header is under no authentication but that of its checksum, and CFB lets anybody who has seen
// a request change bits of it. Does a fault suggest that somebody does? If so, nothing with this
// token may be served again (vmess.md 17, "Taint").
bool taints(Fault fault) noexcept;

// Likewise when the connection has ended after so many bytes of which the header needs more: where
// a server stops to read is what such probes are after. A header that breaks off in its fixed part
// tells them nothing.
bool cut_taints(std::size_t wire_bytes) noexcept;

// Seals a plain header.
//
//   key     of the user, not of the id that signs
//   gives   bytes written: plain.size() and 16
std::size_t seal_legacy_request(const crypto::Dispatch& dispatch, const CommandKey& key,
                                const LegacyStamp& stamp, ByteView plain, ByteSpan to);

// Builds and seals a request with fresh padding; at most kLegacyRequestBytesMax.
std::size_t seal_new_legacy_request(const crypto::Dispatch& dispatch, crypto::Random& random,
                                    const CommandKey& key, const LegacyStamp& stamp,
                                    const Request& request, ByteSpan to);

}  // namespace ferry::proto::vmess
