// Basic authentication: the user and the password in a Proxy-Authorization field.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ferry::proto {

// Decodes standard base64 with its padding.
//
//   gives   nothing for a character outside the alphabet, a length that is not a multiple of four,
//           padding elsewhere than at the end, or bits behind the last byte that are not zero: each
//           text has one encoding
//   source  RFC 4648, section 4
std::optional<std::string> base64_decoded(std::string_view text);

// Reads "Basic dXNlcjpwYXNz" as "user:pass". A user has no colon, a password may have some.
//
//   gives   the text and where its colon is; nothing for another scheme or a text without a colon
//   source  RFC 7617
struct BasicLogin {
    std::string text;
    std::size_t colon;
};
std::optional<BasicLogin> basic_login(std::string_view field_value);

}  // namespace ferry::proto
