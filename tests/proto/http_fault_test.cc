// The response's sealer promises: a response that is none becomes our 502 if the client has seen
// nothing yet, one that breaks later is never taken for a whole one, and nothing behind a whole one
// is passed on.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "proto/http_body.h"
#include "proto/http_reply.h"
#include "tests/proto/http_sealing.h"

namespace ferry::proto::test {
namespace {

using std::string_literals::operator""s;

const std::string kBadGateway(http_response(HttpStatus::bad_gateway));

void expect_bad_gateway(const std::string& sent, Closing closing = Closing::open) {
    EXPECT_EQ(sealed(get_request(), sent, closing), (Sealed{.text = kBadGateway,
                                                            .complete = true,
                                                            .keep_alive = false,
                                                            .fault = true,
                                                            .started = true}))
        << sent;
}

// The client has got `text`, and that is not all of a response.
void expect_cut(const std::string& sent, const std::string& text, Closing closing = Closing::open) {
    EXPECT_EQ(
        sealed(get_request(), sent, closing),
        (Sealed{
            .text = text, .complete = false, .keep_alive = false, .fault = true, .started = true}))
        << sent;
}

TEST(HttpFault, WhatIsNoResponseBecomesOurs) {
    for (const std::string& sent :
         {"ICY 200 OK\r\n\r\n"s, "http/1.1 200 OK\r\n\r\n"s, "HTTP/2.0 200 OK\r\n\r\n"s,
          "HTTP/1.x 200 OK\r\n\r\n"s, "HTTP/1.1  200 OK\r\n\r\n"s, "HTTP/1.1 20 OK\r\n\r\n"s,
          "HTTP/1.1 2000 OK\r\n\r\n"s, "HTTP/1.1 099 OK\r\n\r\n"s, "HTTP/1.1 2x0 OK\r\n\r\n"s,
          "HTTP/1.1 200\tOK\r\n\r\n"s, "HTTP/1.1 200\nOK\r\n\r\n"s, "<html></html>"s, "\r\n\r\n"s,
          "\x16\x03\x01"s, "\0"s}) {
        expect_bad_gateway(sent);
    }
}

TEST(HttpFault, ATargetThatSaysNothingGetsABadGateway) {
    expect_bad_gateway("", Closing::closed);
    expect_bad_gateway("HTTP/1.1 20", Closing::closed);
    expect_bad_gateway("HTTP/1.1 200", Closing::closed);
}

TEST(HttpFault, NobodyAskedForAnotherProtocol) {
    expect_bad_gateway("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n");
}

TEST(HttpFault, ACutHeadIsNoResponse) {
    expect_cut("HTTP/1.1 200 OK\r\nX: y", "HTTP/1.1 200 OK\r\nX: y", Closing::closed);
    expect_cut("HTTP/1.1 200 OK\r\nX: y\r\n\r", "HTTP/1.1 200 OK\r\nX: y\r\n", Closing::closed);
    expect_cut("HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\n", Closing::closed);
}

TEST(HttpFault, ACutBodyIsNoResponse) {
    const std::string counted = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n";
    expect_cut(counted + "\r\nhello", counted + std::string(kKept) + "hello", Closing::closed);
    const std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n";
    expect_cut(chunked + "\r\n5\r\nhello\r\n0\r\n\r",
               chunked + std::string(kKept) + "5\r\nhello\r\n0\r\n\r", Closing::closed);
}

TEST(HttpFault, RefusesABadHeadAtItsFirstBadByte) {
    const std::string line = "HTTP/1.1 200 OK\r\n";
    expect_cut("HTTP/1.1 200 O\0K\r\n\r\n"s, "HTTP/1.1 200 O");
    expect_cut("HTTP/1.1 200 OK\n\r\n", "HTTP/1.1 200 OK");
    expect_cut("HTTP/1.1 200 OK\r\r\n", "HTTP/1.1 200 OK");
    for (const std::string& fields : {" X: y\r\n\r\n"s, ": y\r\n\r\n"s, "X Y: z\r\n\r\n"s,
                                      "X\r\n\r\n"s, "\n"s, "\r\r\n"s, "X\x80: y\r\n\r\n"s}) {
        expect_cut(line + fields, line);
    }
    expect_cut(line + "X: y\r\n z\r\n\r\n", line + "X: y\r\n");  // folded
    expect_cut(line + "X: y\n\r\n", line + "X: y");
    expect_cut(line + "X: y\rz\r\n", line + "X: y");
    expect_cut(line + "X: \0y\r\n"s, line + "X: ");
}

TEST(HttpFault, RefusesAmbiguousFraming) {
    const std::string line = "HTTP/1.1 200 OK\r\n";
    for (const char* fields :
         {"Content-Length: 5\r\nContent-Length: 6\r\n\r\n", "Content-Length: 5, 6\r\n\r\n",
          "Content-Length: -1\r\n\r\n", "Content-Length: 5x\r\n\r\n", "Content-Length:\r\n\r\n",
          "Content-Length: 9223372036854775808\r\n\r\n",
          "Transfer-Encoding: chunked, chunked\r\n\r\n", "Transfer-Encoding: chunked, gzip\r\n\r\n",
          "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"}) {
        expect_cut(line + fields, line);
    }
}

TEST(HttpFault, RefusesBadChunks) {
    const std::string head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n";
    expect_cut(head + "\r\n5\r\nhello!", head + std::string(kKept) + "5\r\nhello");
}

TEST(HttpFault, PassesNothingBehindAResponse) {
    const std::string counted = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n";
    const std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n";
    const std::string empty = "HTTP/1.1 204 No Content\r\n";
    const std::string kept(kKept);
    for (const auto& [sent, text] : {
             std::pair(counted + "\r\nhello", counted + kept + "hello"),
             std::pair(chunked + "\r\n0\r\n\r\n", chunked + kept + "0\r\n\r\n"),
             std::pair(empty + "\r\n", empty + kept),
         }) {
        EXPECT_EQ(sealed(get_request(), sent + "HTTP/1.1 200 OK\r\n"), (Sealed{.text = text,
                                                                               .complete = true,
                                                                               .keep_alive = false,
                                                                               .fault = true,
                                                                               .started = true}));
    }
}

TEST(HttpFault, HasALimitOfAHead) {
    const std::string begin = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: ";
    const std::size_t others = begin.size() + 4;
    const std::string most(kHttpResponseHeadBytesMax - others, 'y');
    EXPECT_TRUE(sealed(get_request(), begin + most + "\r\n\r\n").keep_alive);
    EXPECT_TRUE(sealed(get_request(), begin + most + "y\r\n\r\n").fault);
    EXPECT_FALSE(sealed(get_request(), begin + most + "y\r\n\r\n").complete);
}

TEST(HttpFault, HasLimitsOfWhatItHolds) {
    const std::string line = "HTTP/1.1 200 OK\r\n";
    const auto is_fine = [&line](const std::string& fields) {
        return !sealed(get_request(), line + fields + "\r\n\r\n").fault;
    };
    const std::string name(kHttpResponseNameBytesMax, 'n');
    EXPECT_TRUE(is_fine(name + ": x"));
    EXPECT_FALSE(is_fine(name + "n: x"));
    const std::string value(kHttpResponseValueBytesMax, 'v');
    EXPECT_TRUE(is_fine("Connection:" + value));
    EXPECT_FALSE(is_fine("Connection:" + value + "v"));
    EXPECT_FALSE(is_fine("Connection:" + value + "\r\nConnection: v"));
    const std::string coding(kHttpResponseCodingBytesMax, 'c');
    EXPECT_TRUE(is_fine("Transfer-Encoding:" + coding));
    EXPECT_FALSE(is_fine("Transfer-Encoding:" + coding + "c"));
}

TEST(HttpFault, HasALimitOfInterimResponses) {
    std::string interims;
    for (std::size_t i = 0; i < kHttpInterimMax; ++i) {
        interims += "HTTP/1.1 100 Continue\r\n\r\n";
    }
    const std::string last = "HTTP/1.1 204 No Content\r\n\r\n";
    EXPECT_TRUE(sealed(get_request(), interims + last).keep_alive);
    EXPECT_TRUE(sealed(get_request(), interims + "HTTP/1.1 100 Continue\r\n\r\n" + last).fault);
}

// Every byte of a response replaced by every value: the same output at any cut, and within the
// bounds that the sealer has promised (checked where it is fed).
TEST(HttpFault, AnyByteInAnyPlaceIsReadTheSameWayAtAnyCut) {
    const std::string sent =
        "HTTP/1.1 100 A\r\nB: c\r\n\r\nHTTP/1.1 200 OK\r\nConnection: close, D\r\nD: e\r\n"
        "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    for (std::size_t place = 0; place < sent.size(); ++place) {
        for (int value = 0; value < 256; ++value) {
            std::string changed = sent;
            changed[place] = static_cast<char>(value);
            const Sealed whole =
                sealed_cut(get_request(), changed, Closing::closed, sent.size(), 1);
            EXPECT_EQ(sealed_cut(get_request(), changed, Closing::closed, place + 1, 31), whole)
                << place << ' ' << value;
        }
    }
}

}  // namespace
}  // namespace ferry::proto::test
