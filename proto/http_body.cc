#include "proto/http_body.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <utility>

#include "proto/text.h"

namespace ferry::proto {
namespace {

// Together 16 KiB, one slot: a unit of the largest size can always be written there.
constexpr std::size_t kPayloadBytesMax = 15'360;
constexpr std::size_t kAddedBytesMax = 1'024;
static_assert(kAddedBytesMax >= kHttpResponseAddedMax);

// How many bytes at the front of `in` belong to the body. Shortens what is left of a counted one.
std::size_t take_body(HttpBody& body, HttpChunkWalker& chunks, ByteView in) noexcept {
    switch (body.kind) {
        case HttpBody::Kind::none:
            return 0;
        case HttpBody::Kind::counted: {
            const auto count = std::min<std::uint64_t>(body.bytes, in.size());
            body.bytes -= count;
            return static_cast<std::size_t>(count);
        }
        case HttpBody::Kind::chunked:
            return chunks.walk(in);
        case HttpBody::Kind::until_close:
            return in.size();
    }
    std::unreachable();
}

bool is_over(const HttpBody& body, const HttpChunkWalker& chunks) noexcept {
    switch (body.kind) {
        case HttpBody::Kind::none:
            return true;
        case HttpBody::Kind::counted:
            return body.bytes == 0;
        case HttpBody::Kind::chunked:
            return chunks.done();
        case HttpBody::Kind::until_close:
            return false;
    }
    std::unreachable();
}

}  // namespace

Parsed<Opened> HttpRequestOpener::open(ByteSpan in) {
    if (done()) {
        return Opened{.kind = Opened::Kind::end, .count = 0, .data = {}};
    }
    if (in.empty()) {
        return Opened{.kind = Opened::Kind::need, .count = 1, .data = {}};
    }
    const std::size_t count = take_body(body_, chunks_, in);
    if (count == 0) {
        return std::unexpected(Fault::bad_syntax);
    }
    return Opened{.kind = Opened::Kind::data, .count = count, .data = in.first(count)};
}

bool HttpRequestOpener::may_end() const noexcept {
    return done() || plain();
}

bool HttpRequestOpener::done() const noexcept {
    return is_over(body_, chunks_);
}

std::size_t HttpResponseSealer::payload_max() const noexcept {
    return kPayloadBytesMax;
}

std::size_t HttpResponseSealer::added_max() const noexcept {
    return kAddedBytesMax;
}

std::size_t HttpResponseSealer::seal(ByteView payload, ByteSpan to) {
    assert(to.size() >= payload.size() + kAddedBytesMax);
    if (complete_) {
        fault_ = true;
    }
    if (fault_) {
        return 0;
    }
    std::size_t read = 0;
    std::size_t written = 0;
    if (!in_body_) {
        const auto rewritten = head_.rewrite(payload, to);
        read = rewritten.read;
        written = rewritten.written;
        started_ |= written > 0;
        if (head_.faulty()) {
            return started_ ? broken(written) : refused(to);
        }
        if (!head_.done()) {
            return written;
        }
        in_body_ = true;
        body_ = head_.body();
    }
    return written + pass_body(payload.subspan(read), to.subspan(written));
}

std::size_t HttpResponseSealer::header(ByteSpan) {
    return 0;
}

std::size_t HttpResponseSealer::end(ByteSpan to) {
    if (complete_ || fault_) {
        return 0;
    }
    if (plain()) {
        complete_ = true;
        return 0;
    }
    return started_ ? broken(0) : refused(to);
}

bool HttpResponseSealer::plain() const noexcept {
    return in_body_ && body_.kind == HttpBody::Kind::until_close;
}

bool HttpResponseSealer::keep_alive() const noexcept {
    return complete_ && !fault_ && head_.done() && head_.after() == HttpAfter::keep_alive;
}

// What does not belong to the body is an answer to a question that nobody asked.
std::size_t HttpResponseSealer::pass_body(ByteView in, ByteSpan to) {
    const std::size_t count = take_body(body_, chunks_, in);
    if (count > 0) {
        std::memcpy(to.data(), in.data(), count);
    }
    complete_ = is_over(body_, chunks_);
    fault_ = count < in.size();
    return count;
}

std::size_t HttpResponseSealer::broken(std::size_t written) noexcept {
    fault_ = true;
    return written;
}

// The client has seen nothing of the target's response, so it can have one of ours.
std::size_t HttpResponseSealer::refused(ByteSpan to) {
    const ByteView response = bytes_of(http_response(HttpStatus::bad_gateway));
    assert(to.size() >= response.size());
    std::ranges::copy(response, to.begin());
    started_ = true;
    complete_ = true;
    fault_ = true;
    return response.size();
}

}  // namespace ferry::proto
