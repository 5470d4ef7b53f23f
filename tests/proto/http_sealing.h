// How the tests of the response sealer feed it: whole and cut everywhere, expecting no difference.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "proto/http_body.h"
#include "proto/text.h"

namespace ferry::proto::test {

// What the client has got, and what the sealer says about it.
struct Sealed {
    std::string text;
    bool complete = false;
    bool keep_alive = false;
    bool fault = false;
    bool started = false;

    friend bool operator==(const Sealed&, const Sealed&) = default;
};

// Whether the target closes behind its last byte.
enum class Closing : std::uint8_t { open, closed };

class SealedReader {
public:
    explicit SealedReader(const HttpRequest& request) : sealer_(request) {}

    void seal(ByteView payload) {
        // Exactly the room that the contract asks for: writing beyond it is seen by the sanitizers.
        std::vector<std::uint8_t> to(payload.size() + sealer_.added_max());
        const std::size_t bytes = sealer_.seal(payload, to);
        ASSERT_LE(bytes, to.size());
        sealed_.text += text_of(ByteView(to).first(bytes));
    }

    void end() {
        std::vector<std::uint8_t> to(sealer_.added_max());
        const std::size_t bytes = sealer_.end(to);
        ASSERT_LE(bytes, to.size());
        sealed_.text += text_of(ByteView(to).first(bytes));
    }

    Sealed sealed() {
        sealed_.complete = sealer_.complete();
        sealed_.keep_alive = sealer_.keep_alive();
        sealed_.fault = sealer_.fault();
        sealed_.started = sealer_.started();
        return sealed_;
    }

private:
    HttpResponseSealer sealer_;
    Sealed sealed_;
};

inline Sealed sealed_cut(const HttpRequest& request, const std::string& sent, Closing closing,
                         std::size_t first_bytes, std::size_t next_bytes) {
    SealedReader reader(request);
    std::size_t piece_bytes = first_bytes;
    for (ByteView left = bytes_of(sent); !left.empty();) {
        const std::size_t bytes = std::min(piece_bytes, left.size());
        reader.seal(left.first(bytes));
        left = left.subspan(bytes);
        piece_bytes = next_bytes;
    }
    if (closing == Closing::closed) {
        reader.end();
    }
    return reader.sealed();
}

inline Sealed sealed(const HttpRequest& request, const std::string& sent,
                     Closing closing = Closing::open) {
    const std::size_t all = sent.size();
    Sealed whole = sealed_cut(request, sent, closing, all, all);
    for (std::size_t cut = 1; cut < all && all < 1'000; ++cut) {
        EXPECT_EQ(sealed_cut(request, sent, closing, cut, all), whole) << "cut at " << cut;
    }
    EXPECT_EQ(sealed_cut(request, sent, closing, 1, all < 1'000 ? 1 : 97), whole);
    return whole;
}

// A GET of an HTTP/1.1 client that wants to go on.
inline HttpRequest get_request() {
    HttpRequest request;
    request.after = HttpAfter::keep_alive;
    return request;
}

inline constexpr std::string_view kKept =
    "Connection: keep-alive\r\nProxy-Connection: keep-alive\r\n\r\n";
inline constexpr std::string_view kClosed = "Connection: close\r\nProxy-Connection: close\r\n\r\n";

}  // namespace ferry::proto::test
