// The chunk walker promises: it finds the end of a chunked body to the byte, refuses what is no
// chunked body at the first wrong byte, and where the input is cut changes nothing.
#include "proto/http_chunk.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "proto/text.h"

namespace ferry::proto {
namespace {

using std::string_literals::operator""s;

struct Walked {
    std::size_t count = 0;
    bool done = false;
    bool faulty = false;

    friend bool operator==(const Walked&, const Walked&) = default;
};

Walked walked_cut(const std::string& sent, std::size_t cut, std::size_t piece_bytes) {
    HttpChunkWalker walker;
    std::size_t count = 0;
    std::size_t there = std::min(cut, sent.size());
    for (;;) {
        // A copy of exactly what is there: reading beyond it is seen by the sanitizers.
        const std::vector<std::uint8_t> in(sent.begin() + static_cast<std::ptrdiff_t>(count),
                                           sent.begin() + static_cast<std::ptrdiff_t>(there));
        count += walker.walk(in);
        const bool is_over = walker.done() || walker.faulty();
        EXPECT_TRUE(is_over || count == there);
        if (is_over || there == sent.size()) {
            return {.count = count, .done = walker.done(), .faulty = walker.faulty()};
        }
        there = std::min(there + piece_bytes, sent.size());
    }
}

// In one piece; every cut in two, and the one into single bytes, must agree.
Walked walked(const std::string& sent) {
    const Walked whole = walked_cut(sent, sent.size(), 1);
    for (std::size_t cut = 0; cut < sent.size() && sent.size() < 1'000; ++cut) {
        EXPECT_EQ(walked_cut(sent, cut, sent.size()), whole) << "cut at " << cut;
    }
    EXPECT_EQ(walked_cut(sent, 0, 1), whole) << "byte by byte";
    return whole;
}

// The body is over behind `body`, whatever follows.
void expect_body(const std::string& body) {
    for (const std::string& next : {""s, "GET / HTTP/1.1\r\n"s, "\r\n"s, "0\r\n\r\n"s, "\0"s}) {
        EXPECT_EQ(walked(body + next),
                  (Walked{.count = body.size(), .done = true, .faulty = false}))
            << body << next;
    }
    for (std::size_t bytes = 0; bytes < body.size(); ++bytes) {
        EXPECT_EQ(walked_cut(body.substr(0, bytes), bytes, 1),
                  (Walked{.count = bytes, .done = false, .faulty = false}))
            << bytes;
    }
}

// The byte behind `good` is the first that cannot be there.
void expect_fault(const std::string& good, const std::string& bad) {
    EXPECT_EQ(walked(good + bad), (Walked{.count = good.size(), .done = false, .faulty = true}))
        << good << bad;
}

TEST(HttpChunk, FindsTheEnd) {
    expect_body("0\r\n\r\n");
    expect_body("5\r\nhello\r\n0\r\n\r\n");
    expect_body("5\r\nhello\r\n1\r\n\n\r\n00\r\n\r\n");
    expect_body("a\r\n0\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n");
    expect_body(
        "1A\r\nabcdefghijklmnopqrstuvwxyz\r\n1a\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\n\r\n");
}

TEST(HttpChunk, SkipsExtensions) {
    expect_body("5;a=b\r\nhello\r\n0;last\r\n\r\n");
    expect_body("5 ;a = \"b;c\"\t; d\r\nhello\r\n0\r\n\r\n");
    expect_body("5;\r\nhello\r\n0;;;\r\n\r\n");
    expect_body("5  \t\r\nhello\r\n0 \r\n\r\n");  // some servers pad their sizes
    expect_body("5;\xc3\xa4=\x80\r\nhello\r\n0\r\n\r\n");
}

TEST(HttpChunk, SkipsTrailers) {
    expect_body("0\r\nA: b\r\n\r\n");
    expect_body("5\r\nhello\r\n0\r\nA: b\r\nCcc:\r\nD:\t e : f \r\n\r\n");
}

TEST(HttpChunk, CountsTheLargestChunk) {
    HttpChunkWalker walker;
    const std::string head = "7fffffffffffffff\r\n";
    EXPECT_EQ(walker.walk(bytes_of(head)), head.size());
    const std::vector<std::uint8_t> some(100'000);
    EXPECT_EQ(walker.walk(some), some.size());
    EXPECT_FALSE(walker.done());
    EXPECT_FALSE(walker.faulty());
}

TEST(HttpChunk, RefusesALargerChunk) {
    expect_fault("800000000000000", "0\r\n");
    expect_fault("fffffffffffffff", "f\r\n");
    expect_fault("7fffffffffffffff", "0\r\n");
    expect_fault("1000000000000000", "0\r\n");  // wraps to zero in 64 bits
    expect_fault("1000000000000000", "5\r\n");  // and to five
}

TEST(HttpChunk, RefusesManyDigits) {
    expect_body(std::string(15, '0') + "5\r\nhello\r\n" + std::string(16, '0') + "\r\n\r\n");
    expect_fault(std::string(16, '0'), "5\r\nhello\r\n");
}

TEST(HttpChunk, RefusesABadSize) {
    for (const std::string& bad : {"\r\n"s, "\n"s, " 5\r\n"s, ";a\r\n"s, "-5\r\n"s, "+5\r\n"s,
                                   "x\r\n"s, "g\r\n"s, "\"5\"\r\n"s, "\0\r\n"s, "\xb5\r\n"s}) {
        expect_fault("", bad);
        expect_fault("1\r\na\r\n", bad);
    }
    expect_fault("0", "x5\r\n");
    expect_fault("5", "\nhello\r\n");
    expect_fault("5", "g\r\n");
    expect_fault("5", ",6\r\n");
    expect_fault("5", "\v\r\n");
    expect_fault("5 ", "5\r\n");
    expect_fault("5\r", "hello\r\n");
    expect_fault("5\r", "\r\nhello\r\n");
}

// What hides a second request from a reader that ends lines at a bare CR or LF.
TEST(HttpChunk, RefusesABadExtension) {
    expect_fault("5;a", "\nhello\r\n0\r\n\r\n");
    expect_fault("5;a\r", "bc\r\nhello\r\n");
    expect_fault("5;a", "\0\r\n"s);
    expect_fault("5;a", "\x7f\r\n");
    expect_fault("5 ", "\nhello");
}

TEST(HttpChunk, RefusesABadEndOfAChunk) {
    expect_fault("5\r\nhello", "0\r\n\r\n");
    expect_fault("5\r\nhello", "!\r\n0\r\n\r\n");
    expect_fault("5\r\nhello", "\n0\r\n\r\n");
    expect_fault("5\r\nhello\r", "0\r\n\r\n");
    expect_fault("5\r\nhello\r", "\r\n0\r\n\r\n");
}

TEST(HttpChunk, RefusesABadTrailer) {
    for (const std::string& bad : {"\n"s, " A: b\r\n"s, "\tA: b\r\n"s, ": b\r\n"s, "\0: b\r\n"s}) {
        expect_fault("0\r\n", bad);
        expect_fault("0\r\nA: b\r\n", bad);
    }
    expect_fault("0\r\n\r", "x");
    expect_fault("0\r\nA", "\r\n\r\n");
    expect_fault("0\r\nA", " : b\r\n\r\n");
    expect_fault("0\r\nA: b", "\n\r\n");
    expect_fault("0\r\nA: b\r", "c\r\n\r\n");
    expect_fault("0\r\nA: b", "\0\r\n"s);
}

TEST(HttpChunk, HasALimitOfASizeLine) {
    const std::string most(kHttpChunkLineBytesMax - 2, 'x');
    expect_fault("1;" + most, "x\r\na\r\n0\r\n\r\n");
    const std::string body = "1;" + most + "\r\na\r\n0;" + most + "\r\n\r\n";
    EXPECT_EQ(walked_cut(body, 0, 7).count, body.size());
    EXPECT_TRUE(walked_cut(body, 0, 7).done);
}

TEST(HttpChunk, HasALimitOfTrailers) {
    const std::string half(kHttpTrailerBytesMax / 2 - 2, 'x');
    const std::string body = "0\r\nA:" + half + "\r\nB:" + half + "\r\n\r\n";
    EXPECT_TRUE(walked_cut(body, 0, 7).done);
    expect_fault("0\r\nA:" + half + "\r\nB:" + half, "x\r\n\r\n");
}

// Every byte of a body replaced by every value: the same result at any cut.
TEST(HttpChunk, AnyByteInAnyPlaceIsReadTheSameWayAtAnyCut) {
    const std::string body = "3 ;a=b\r\nabc\r\n0b\r\n0123456789\n\r\n0\r\nA: b\r\n\r\nrest";
    for (std::size_t place = 0; place < body.size(); ++place) {
        for (int value = 0; value < 256; ++value) {
            std::string changed = body;
            changed[place] = static_cast<char>(value);
            EXPECT_EQ(walked_cut(changed, 0, 1), walked_cut(changed, changed.size(), 1))
                << place << ' ' << value;
        }
    }
}

}  // namespace
}  // namespace ferry::proto
