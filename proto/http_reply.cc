#include "proto/http_reply.h"

#include <utility>

namespace ferry::proto {

std::string_view http_established() noexcept {
    return "HTTP/1.1 200 Connection established\r\n\r\n";
}

// Each Content-Length is the size of the body on the last line; the tests count.
std::string_view http_response(HttpStatus status) noexcept {
    switch (status) {
        case HttpStatus::bad_request:
            return "HTTP/1.1 400 Bad Request\r\n"
                   "Content-Type: text/plain\r\nContent-Length: 12\r\n"
                   "Connection: close\r\nProxy-Connection: close\r\n\r\n"
                   "bad request\n";
        case HttpStatus::forbidden:
            return "HTTP/1.1 403 Forbidden\r\n"
                   "Content-Type: text/plain\r\nContent-Length: 10\r\n"
                   "Connection: close\r\nProxy-Connection: close\r\n\r\n"
                   "forbidden\n";
        case HttpStatus::login_required:
            return "HTTP/1.1 407 Proxy Authentication Required\r\n"
                   "Proxy-Authenticate: Basic realm=\"proxy\"\r\n"
                   "Content-Type: text/plain\r\nContent-Length: 15\r\n"
                   "Connection: close\r\nProxy-Connection: close\r\n\r\n"
                   "login required\n";
        case HttpStatus::head_too_large:
            return "HTTP/1.1 431 Request Header Fields Too Large\r\n"
                   "Content-Type: text/plain\r\nContent-Length: 17\r\n"
                   "Connection: close\r\nProxy-Connection: close\r\n\r\n"
                   "header too large\n";
        case HttpStatus::bad_gateway:
            return "HTTP/1.1 502 Bad Gateway\r\n"
                   "Content-Type: text/plain\r\nContent-Length: 12\r\n"
                   "Connection: close\r\nProxy-Connection: close\r\n\r\n"
                   "bad gateway\n";
        case HttpStatus::unavailable:
            return "HTTP/1.1 503 Service Unavailable\r\n"
                   "Content-Type: text/plain\r\nContent-Length: 12\r\n"
                   "Connection: close\r\nProxy-Connection: close\r\n\r\n"
                   "unavailable\n";
        case HttpStatus::gateway_timeout:
            return "HTTP/1.1 504 Gateway Timeout\r\n"
                   "Content-Type: text/plain\r\nContent-Length: 16\r\n"
                   "Connection: close\r\nProxy-Connection: close\r\n\r\n"
                   "gateway timeout\n";
    }
    std::unreachable();
}

}  // namespace ferry::proto
