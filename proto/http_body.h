// The two codecs on a proxy client's connection while one request is served: its body going up, and
// the response coming down.
#pragma once

#include <cstddef>
#include <cstdint>

#include "crypto/bytes.h"
#include "proto/codec.h"
#include "proto/http_chunk.h"
#include "proto/http_head.h"
#include "proto/http_response.h"

namespace ferry::proto {

// The body of a request: passes its bytes in place, framing included, and finds its end.
//
//   end      is answered behind the last byte of the body, also to an empty input: call open() once
//            before receiving, as most requests have no body. What follows is the next request and
//            stays unread
//   faults   bad_syntax: chunked framing that is none. The bytes before the wrong one were passed
class HttpRequestOpener final : public Opener {
public:
    explicit HttpRequestOpener(const HttpBody& body) noexcept : body_(body) {}

    Parsed<Opened> open(ByteSpan in) override;
    bool may_end() const noexcept override;
    bool plain() const noexcept override { return body_.kind == HttpBody::Kind::until_close; }

    // Has all of the body passed? Only then can the connection take another request.
    bool done() const noexcept;

private:
    HttpBody body_;  // counted: the bytes that are to come
    HttpChunkWalker chunks_;
};

// The response of a target, on its way to the client: rewrites the head, passes the body, finds the
// end.
//
//   head     goes out as it comes in, but for what a decision still waits for: a beginning of a
//            head may give 0 bytes. Fields that concern one connection only are dropped; framing
//            and our own Connection and Proxy-Connection fields are written behind the others
//   interim  1xx responses are passed on, to an HTTP/1.0 client not; 101 turns the rest into a
//            tunnel if the request asked for one
//   bad      a response that is none is answered with 502 if nothing has been written before
//   after    bytes behind a complete response are not passed on and are a fault
//   lifetime plain() lets a caller drop the codec: do so only if nobody asks it afterwards
class HttpResponseSealer final : public Sealer {
public:
    explicit HttpResponseSealer(const HttpRequest& request) noexcept : head_(request) {}

    std::size_t payload_max() const noexcept override;
    std::size_t added_max() const noexcept override;
    std::size_t seal(ByteView payload, ByteSpan to) override;
    std::size_t header(
        ByteSpan to) override;              // 0: there is no response before the target sends one
    std::size_t end(ByteSpan to) override;  // the target has closed; 502 if it said nothing
    bool plain() const noexcept override;

    // The client has the whole response.
    bool complete() const noexcept override { return complete_; }
    // The response is complete and its end was visible to the client, which wants to go on.
    bool keep_alive() const noexcept;
    // Something was wrong or is missing. Close, or reset if not complete().
    bool fault() const noexcept override { return fault_; }
    // Bytes have gone to the client: too late for a response of ours.
    bool started() const noexcept { return started_; }

private:
    std::size_t pass_body(ByteView in, ByteSpan to);
    std::size_t broken(std::size_t written) noexcept;
    std::size_t refused(ByteSpan to);

    HttpResponseHead head_;
    HttpChunkWalker chunks_;
    HttpBody body_;  // counted: the bytes that are to come
    bool in_body_ = false;
    bool started_ = false;
    bool complete_ = false;
    bool fault_ = false;
};

}  // namespace ferry::proto
