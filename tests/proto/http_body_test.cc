// The request's opener promises: the body passes unchanged, its end is found to the byte so that
// the next request stays unread, and where the input is cut changes nothing.
#include "proto/http_body.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "proto/text.h"

namespace ferry::proto {
namespace {

using Kind = Opened::Kind;

struct Opening {
    std::string data;
    bool ended = false;
    bool faulty = false;
    bool may_end = false;

    friend bool operator==(const Opening&, const Opening&) = default;
};

// Opens until the opener wants more, has ended or finds a fault. False when it goes on no further.
bool open_all(HttpRequestOpener& opener, std::vector<std::uint8_t>& in, Opening& opening) {
    for (;;) {
        const auto opened = opener.open(in);
        if (!opened) {
            EXPECT_EQ(opened.error(), Fault::bad_syntax);
            opening.faulty = true;
            return false;
        }
        if (opened->kind == Kind::need) {
            EXPECT_GT(opened->count, in.size());
            return true;
        }
        EXPECT_LE(opened->count, in.size());
        if (opened->kind == Kind::end) {
            EXPECT_EQ(opened->count, 0u);
            opening.ended = true;
            return false;
        }
        EXPECT_EQ(opened->kind, Kind::data);
        EXPECT_EQ(opened->data.data(), in.data());
        opening.data += text_of(opened->data);
        in.erase(in.begin(), in.begin() + static_cast<std::ptrdiff_t>(opened->count));
    }
}

Opening opening_of(const HttpBody& body, const std::string& sent, std::size_t piece_bytes) {
    HttpRequestOpener opener(body);
    Opening opening;
    std::vector<std::uint8_t> in;
    bool goes_on = open_all(opener, in, opening);
    for (std::size_t at = 0; goes_on && at < sent.size(); at += piece_bytes) {
        const ByteView piece = bytes_of(sent).subspan(at, std::min(piece_bytes, sent.size() - at));
        in.insert(in.end(), piece.begin(), piece.end());
        goes_on = open_all(opener, in, opening);
    }
    opening.may_end = opener.may_end();
    EXPECT_EQ(opening.ended, opener.done());
    return opening;
}

Opening opening_of(const HttpBody& body, const std::string& sent) {
    const Opening whole = opening_of(body, sent, sent.size() + 1);
    for (std::size_t piece_bytes = 1; piece_bytes <= sent.size(); ++piece_bytes) {
        EXPECT_EQ(opening_of(body, sent, piece_bytes), whole) << piece_bytes;
    }
    return whole;
}

constexpr HttpBody kNone{};
constexpr HttpBody kFive{.kind = HttpBody::Kind::counted, .bytes = 5};
constexpr HttpBody kChunked{.kind = HttpBody::Kind::chunked, .bytes = 0};
constexpr HttpBody kTunnel{.kind = HttpBody::Kind::until_close, .bytes = 0};

Opening ended(const std::string& data) {
    return {.data = data, .ended = true, .faulty = false, .may_end = true};
}

TEST(HttpOpener, ARequestWithoutABodyIsOverBeforeAnyByte) {
    EXPECT_EQ(opening_of(kNone, ""), ended(""));
    EXPECT_EQ(opening_of(kNone, "GET / HTTP/1.1\r\n"), ended(""));
}

TEST(HttpOpener, CountsALength) {
    EXPECT_EQ(opening_of(kFive, "hello"), ended("hello"));
    EXPECT_EQ(opening_of(kFive, "helloGET / HTTP/1.1\r\n"), ended("hello"));
    const Opening cut{.data = "hell", .ended = false, .faulty = false, .may_end = false};
    EXPECT_EQ(opening_of(kFive, "hell"), cut);
}

TEST(HttpOpener, WalksChunks) {
    const std::string body = "5;x=y\r\nhello\r\n0\r\nA: b\r\n\r\n";
    EXPECT_EQ(opening_of(kChunked, body), ended(body));
    EXPECT_EQ(opening_of(kChunked, body + "GET / HTTP/1.1\r\n"), ended(body));
    const Opening cut{.data = "5\r\nhel", .ended = false, .faulty = false, .may_end = false};
    EXPECT_EQ(opening_of(kChunked, "5\r\nhel"), cut);
}

// What was good has passed, whatever came with what was not.
TEST(HttpOpener, RefusesBadChunksAtTheirFirstBadByte) {
    const Opening faulty{.data = "5\r\nhello", .ended = false, .faulty = true, .may_end = false};
    EXPECT_EQ(opening_of(kChunked, "5\r\nhello!\r\n0\r\n\r\n"), faulty);
    const Opening at_once{.data = "", .ended = false, .faulty = true, .may_end = false};
    EXPECT_EQ(opening_of(kChunked, "GET / HTTP/1.1\r\n"), at_once);
}

TEST(HttpOpener, ATunnelPassesEverything) {
    const HttpRequestOpener opener(kTunnel);
    EXPECT_TRUE(opener.plain());
    EXPECT_TRUE(opener.may_end());
    const Opening all{.data = "0\r\n\r\nGET", .ended = false, .faulty = false, .may_end = true};
    EXPECT_EQ(opening_of(kTunnel, "0\r\n\r\nGET"), all);
}

TEST(HttpOpener, OnlyATunnelIsPlain) {
    EXPECT_FALSE(HttpRequestOpener(kNone).plain());
    EXPECT_FALSE(HttpRequestOpener(kFive).plain());
    EXPECT_FALSE(HttpRequestOpener(kChunked).plain());
}

}  // namespace
}  // namespace ferry::proto
