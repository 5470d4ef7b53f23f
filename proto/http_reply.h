// What the HTTP proxy says on its own behalf.
#pragma once

#include <cstdint>
#include <string_view>

namespace ferry::proto {

enum class HttpStatus : std::uint8_t {
    bad_request,      // 400
    forbidden,        // 403: a rule says no
    login_required,   // 407: no account, or a wrong one
    head_too_large,   // 431
    bad_gateway,      // 502: the target cannot be reached, or does not answer in HTTP
    unavailable,      // 503: a limit of ours
    gateway_timeout,  // 504
};
inline constexpr std::size_t kHttpStatusCount = 7;

// The answer to CONNECT, in the words that V2Ray uses.
std::string_view http_established() noexcept;

// A whole response with a short body. It says `Connection: close`: close after sending it.
//
//   lifetime  the text is a literal
std::string_view http_response(HttpStatus status) noexcept;

}  // namespace ferry::proto
