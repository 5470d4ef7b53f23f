// What the lines of a request's head say, before anything is decided.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string_view>

#include "proto/http_field.h"
#include "proto/http_reply.h"

namespace ferry::proto {

inline constexpr std::size_t kHttpRequestFieldsMax = 128;
inline constexpr std::size_t kHttpConnectionNamesMax = 32;  // names in all Connection fields

// A value, or what the client is told instead.
template <class T>
using HttpRead = std::expected<T, HttpStatus>;

// Takes one line off `lines`, without its CR LF. The caller has seen that the text ends in one and
// that neither character stands anywhere alone.
std::string_view take_line(std::string_view& lines) noexcept;

// "GET http://example.org/ HTTP/1.1", with exactly one blank between the parts.
struct HttpStartLine {
    std::string_view method;
    std::string_view target;
    std::uint8_t minor;
};
HttpRead<HttpStartLine> start_line_from(std::string_view line) noexcept;

// "Name: value". A blank in front of the colon or of the name (a folded line) is refused: parsers
// differ in what they make of it.
struct HttpFieldLine {
    std::string_view name;
    std::string_view value;  // trimmed
};
HttpRead<HttpFieldLine> field_line_from(std::string_view line) noexcept;

// The fields that a proxy acts upon. One that may stand only once is refused when it comes twice.
//
//   lifetime  views into the head
struct HttpFacts {
    std::optional<std::string_view> host;
    std::optional<std::string_view> authorization;  // Proxy-Authorization
    std::optional<std::string_view> coding;         // Transfer-Encoding
    std::optional<std::uint64_t> length;            // Content-Length
    bool has_upgrade = false;                       // an Upgrade field
    bool wants_upgrade = false;                     // these three: said in Connection
    bool wants_close = false;                       // or Proxy-Connection
    bool wants_keep_alive = false;
    std::array<std::string_view, kHttpConnectionNamesMax> names{};
    std::size_t name_count = 0;

    // Has a Connection field named this field?
    bool is_named(std::string_view name) const noexcept;
};
HttpRead<HttpFacts> facts_from(std::string_view lines) noexcept;

}  // namespace ferry::proto
