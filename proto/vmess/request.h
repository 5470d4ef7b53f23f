// The request header: parse, build, open, seal.
#pragma once

#include <array>
#include <cstdint>

#include "crypto/dispatch.h"
#include "crypto/random.h"
#include "proto/address.h"
#include "proto/fault.h"
#include "proto/vmess/auth_id.h"
#include "proto/vmess/keys.h"
#include "proto/vmess/limits.h"

namespace ferry::proto::vmess {

enum class Command : std::uint8_t { tcp = 1, udp = 2, mux = 3 };

enum class Security : std::uint8_t {
    aes128_cfb = 1,
    aes128_gcm = 3,
    chacha20_poly1305 = 4,
    none = 5,
};

// Which form the headers of a connection have, the request's and the answer's. Bodies do not depend
// on it, save for their keys.
enum class HeaderForm : std::uint8_t { aead, legacy };

// Bits of Request::options. The others are ignored, as peers do: 0x02 once meant that the
// connection would be used again.
inline constexpr std::uint8_t kOptionChunks = 0x01;   // S: chunks, with an empty one at the end
inline constexpr std::uint8_t kOptionMask = 0x04;     // M: chunk lengths are masked
inline constexpr std::uint8_t kOptionPadding = 0x08;  // P: chunks are padded; needs M
inline constexpr std::uint8_t kOptionSealedLengths = 0x10;  // A: chunk lengths are sealed

struct Request {
    HeaderForm form = HeaderForm::aead;
    Command command = Command::tcp;
    Security security = Security::none;
    std::uint8_t options = 0;       // bit set, as on the wire
    std::uint8_t response_tag = 0;  // V: echoed by the server
    BodyKeys keys;                  // chosen by the client, for its own direction
    Address target;                 // empty for mux
};

// What a user may choose for the bodies of his connections; "auto" has been decided by then.
enum class BodyChoice : std::uint8_t { aes128_gcm, chacha20_poly1305, none, zero };
enum class SealedLengths : std::uint8_t { off, on };

struct Offer {
    Security security;
    std::uint8_t options;
};

// The security and the options that a client of ours sends. A datagram needs a chunk of its own, so
// `zero` is `none` for UDP. Lengths are sealed only under a cipher.
Offer offer_for(BodyChoice choice, Command command, SealedLengths lengths) noexcept;

// Draws body key, IV and response tag for a new connection.
void draw_secrets(Request& request, crypto::Random& random) noexcept;

// Size of the whole request, known once its front is there.
//
//   prefix  exactly kPrefixBytes, beginning with the auth id
//   gives   kPrefixBytes < n <= kRequestBytesMax
//   faults  bad_tag, bad_length, too_large
Parsed<std::size_t> request_bytes(const crypto::Dispatch& dispatch, const CommandKey& key,
                                  ByteView prefix);

// Opens and checks a request, decrypting in place (it is read once and small).
//
//   sealed  exactly request_bytes() bytes
//   faults  bad_tag, and those of parse_request()
Parsed<Request> open_request(const crypto::Dispatch& dispatch, const CommandKey& key,
                             ByteSpan sealed);

// Checks a plain header. Bytes behind the checksum are ignored, as peers do. A request to the name
// that stands for mux is a mux request. Security 0 is read as AES-128-CFB, as peers read it.
//
//   faults  bad_checksum, bad_version, bad_command, bad_security, bad_option, bad_address,
//           bad_length
Parsed<Request> parse_request(ByteView plain);

// How many bytes of a plain header have to be there before more can be said: its whole size once
// `plain` shows it, and otherwise more than `plain` has.
//
//   gives   at most kPlainRequestBytesMax
std::size_t plain_request_bytes(ByteView plain) noexcept;

// Writes a plain header.
//
//   padding  0 to kHeaderPaddingMax bytes, free
//   target   for tcp and udp an address; a name must pass is_wire_name()
//   gives    bytes written, at most kPlainRequestBytesMax
std::size_t build_request(const Request& request, ByteView padding, ByteSpan to) noexcept;

// Likewise with fresh padding.
std::size_t build_new_request(const Request& request, crypto::Random& random, ByteSpan to) noexcept;

// Seals a plain header.
//
//   id      of the user and the time
//   nonce   random, of this connection
//   gives   bytes written: plain.size() and 58
std::size_t seal_request(const crypto::Dispatch& dispatch, const CommandKey& key, const AuthId& id,
                         std::span<const std::uint8_t, kConnectionNonceBytes> nonce, ByteView plain,
                         ByteSpan to);

// Builds and seals a request with fresh padding, auth id and nonce; at most kSealedRequestBytesMax.
std::size_t seal_new_request(const crypto::Dispatch& dispatch, crypto::Random& random,
                             const CommandKey& key, std::int64_t unix_time, const Request& request,
                             ByteSpan to);

}  // namespace ferry::proto::vmess
