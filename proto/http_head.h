// The head of a request to an HTTP proxy: read, checked and rewritten for the target.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "crypto/bytes.h"
#include "proto/account.h"
#include "proto/address.h"
#include "proto/http_reply.h"

namespace ferry::proto {

inline constexpr std::size_t kHttpRequestHeadBytesMax = 32'768;

// How the end of a body is found.
struct HttpBody {
    enum class Kind : std::uint8_t {
        none,
        counted,      // Content-Length
        chunked,      // Transfer-Encoding: chunked
        until_close,  // a response without either; the bytes of an upgraded connection
    };
    Kind kind = Kind::none;
    std::uint64_t bytes = 0;  // counted

    friend bool operator==(const HttpBody&, const HttpBody&) = default;
};

// Whether the connection to the client takes another request after this one.
enum class HttpAfter : std::uint8_t { close, keep_alive };

// What the response parser must know about the request.
enum class HttpMethod : std::uint8_t { connect, head, other };

// Whether "GET / HTTP/1.1" is taken, with the target from the Host field. V2Ray calls it
// allowTransparent, and refuses it unless told otherwise: a proxy that is sent its own name as Host
// would call itself.
enum class HttpOriginForm : std::uint8_t { refuse, accept };

struct HttpRequest {
    HttpMethod method = HttpMethod::other;
    std::uint8_t minor = 1;  // the client speaks HTTP/1.0 or HTTP/1.1
    Address target;
    const Account* account = nullptr;  // who has logged in; null where nobody was asked
    HttpBody body;                     // until_close for a tunnel: CONNECT, or an upgrade asked for
    bool upgrade = false;              // a 101 turns the connection into a tunnel
    HttpAfter after = HttpAfter::close;  // what the client wants and its request allows
    std::string head;  // for the target, in origin form; empty for CONNECT
};

struct HttpRules {
    std::span<const Account> accounts;  // empty: nobody is asked
    HttpOriginForm origin_form = HttpOriginForm::refuse;
};

// What one call of HttpHeadReader::next() found at the front of its input.
struct HttpStep {
    enum class Kind : std::uint8_t {
        need,     // nothing yet: call again with more bytes behind these
        request,  // complete; the body starts behind `count` bytes
        refused,  // send http_response(status), then close
    };
    Kind kind;
    std::size_t count;  // input bytes finished with; 0 but for request
    HttpStatus status;  // refused
};

// Reads one head. One reader per request.
//
//   cut       any split of the input gives the same result
//   strict    whatever two parsers might read differently is refused with 400: a bare CR or LF, a
//             folded line, blanks around a field name, a second Content-Length or Host, a length
//             together with a Transfer-Encoding, a Transfer-Encoding other than "chunked"
//   target    CONNECT takes host:port and refuses a missing port, as RFC 9110, 9.3.6 demands (V2Ray
//             would tunnel to port 80). Otherwise http://host[:port]/path with 80 as the default
//             port, or, if the rules say so, /path with a Host field
//   rewriting origin form, the client's version, Host as in the URI. Connection, the fields that it
//             names, and the other fields that concern one connection only are dropped; framing
//             stays, as the body passes unchanged. `Connection: close` is sent: the target gets one
//             request per connection. An upgrade (HTTP/1.1, no body) keeps its Upgrade field
//   left out  Via and Max-Forwards are neither written nor read; V2Ray is as silent
//   lifetime  what `rules` refers to outlives the call and the request's `account`
//   source    RFC 9110, RFC 9112, RFC 7617
class HttpHeadReader {
public:
    // Reads the head at the front of `in`; `request` is written when the answer is `request`. Each
    // call's input starts with the input of the call before.
    HttpStep next(ByteView in, const HttpRules& rules, HttpRequest& request);

private:
    std::size_t seen_ = 0;  // bytes that hold neither the end of the head nor anything forbidden
};

}  // namespace ferry::proto
