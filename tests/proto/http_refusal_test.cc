// The head reader promises: whatever two parsers could read in two ways is refused, every limit
// holds, and where the input is cut changes nothing.
#include "proto/http_head.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "proto/http_facts.h"
#include "tests/proto/http_reading.h"

namespace ferry::proto::test {
namespace {

using std::string_literals::operator""s;

TEST(HttpRefusal, RefusesATunnelToNowhere) {
    for (const char* target : {"a.example",
                               "a.example:",
                               "a.example:0",
                               "a.example:65536",
                               "a.example:443x",
                               "a.example:+443",
                               "a.example:000443",
                               ":443",
                               "2001:db8::1:443",
                               "[2001:db8::1]",
                               "[2001:db8::1]443",
                               "[2001:db8::1",
                               "[::1%25eth0]:443",
                               "[a.example]:443",
                               "[192.0.2.1]:443",
                               "u@a.example:443",
                               "http://a.example:443",
                               "/",
                               "*",
                               "a/b:443",
                               "a.example:443:443",
                               "a%2eexample:443",
                               "\xc3\xa4.example:443"}) {
        EXPECT_EQ(refusal("CONNECT "s + target + " HTTP/1.1\r\n\r\n"), HttpStatus::bad_request)
            << target;
    }
}

TEST(HttpRefusal, ATunnelHasNoBody) {
    const std::string line = "CONNECT a.example:443 HTTP/1.1\r\n";
    EXPECT_EQ(refusal(line + "Content-Length: 5\r\n\r\n"), HttpStatus::bad_request);
    EXPECT_EQ(refusal(line + "Transfer-Encoding: chunked\r\n\r\n"), HttpStatus::bad_request);
    EXPECT_EQ(accepted(line + "Content-Length: 0\r\n\r\n").method, HttpMethod::connect);
}

TEST(HttpRefusal, RefusesOtherUris) {
    for (const char* uri : {"https://a.example/",
                            "ftp://a.example/",
                            "ws://a.example/",
                            "a.example/",
                            "a.example:80",
                            "*",
                            "http:/a.example/",
                            "http://",
                            "http:///",
                            "http://:80/",
                            "http://u:p@/",
                            "http://a.example:x/",
                            "http://a.example:0/",
                            "http://::1/",
                            "http://[::1/",
                            "http://a.example/#b",
                            "http://a b/",
                            "http://a\tb/",
                            "http://a,b/",
                            "http://a\\b/"}) {
        EXPECT_EQ(refusal("GET "s + uri + " HTTP/1.1\r\n\r\n"), HttpStatus::bad_request) << uri;
        EXPECT_EQ(refusal("GET "s + uri + " HTTP/1.1\r\n\r\n", transparent_rules()),
                  HttpStatus::bad_request)
            << uri;
    }
}

// Otherwise a client could hide from the target what we have gone by.
TEST(HttpRefusal, KeepsFramingThatConnectionNames) {
    const HttpRequest request = accepted(
        "POST http://a.example/ HTTP/1.1\r\nConnection: Content-Length, Host\r\n"
        "Content-Length: 5\r\n\r\n");
    EXPECT_EQ(
        request.head,
        "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\nConnection: close\r\n\r\n");
    EXPECT_EQ(accepted("POST http://a.example/ HTTP/1.1\r\nConnection: Transfer-Encoding\r\n"
                       "Transfer-Encoding: chunked\r\n\r\n")
                  .head,
              "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n"
              "Connection: close\r\n\r\n");
}

// The catalogue of request smuggling: each of these is read differently by some two parsers.
TEST(HttpRefusal, RefusesAmbiguousFraming) {
    for (const char* fields : {"Content-Length: 5\r\nContent-Length: 6\r\n",
                               "Content-Length: 5\r\nContent-Length: 5\r\n",
                               "Content-Length: 5, 5\r\n",
                               "Content-Length: 5 5\r\n",
                               "Content-Length: -1\r\n",
                               "Content-Length: +1\r\n",
                               "Content-Length: 0x5\r\n",
                               "Content-Length: 5a\r\n",
                               "Content-Length: 5;q=1\r\n",
                               "Content-Length: \"5\"\r\n",
                               "Content-Length:\r\n",
                               "Content-Length: 1e1\r\n",
                               "Content-Length: 1.0\r\n",
                               "Content-Length: 9223372036854775808\r\n",
                               "Content-Length: 18446744073709551621\r\n",
                               "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
                               "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n",
                               "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
                               "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
                               "Transfer-Encoding: identity\r\n",
                               "Transfer-Encoding: xchunked\r\n",
                               "Transfer-Encoding: chunked, chunked\r\n",
                               "Transfer-Encoding: gzip, chunked\r\n",
                               "Transfer-Encoding: chunked, identity\r\n",
                               "Transfer-Encoding: chunked;a=b\r\n",
                               "Transfer-Encoding: \"chunked\"\r\n",
                               "Transfer-Encoding: ,chunked\r\n",
                               "Transfer-Encoding:\r\n",
                               "Transfer-Encoding: \v"
                               "chunked\r\n"}) {
        EXPECT_EQ(refusal(get(fields)), HttpStatus::bad_request) << fields;
    }
    EXPECT_EQ(refusal("POST http://a.example/ HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"),
              HttpStatus::bad_request);
}

TEST(HttpRefusal, RefusesAmbiguousLines) {
    for (const std::string& fields : {"Content-Length : 5\r\n"s,
                                      "Content-Length\t: 5\r\n"s,
                                      " Content-Length: 5\r\n"s,
                                      "X: y\r\n Content-Length: 5\r\n"s,
                                      "X: y\r\n\tz\r\n"s,
                                      "X: y\nContent-Length: 5\r\n"s,
                                      "X: y\rContent-Length: 5\r\n"s,
                                      "X: y\r\r\n"s,
                                      "X: y\r\n\n"s,
                                      "X: y\n\r\n"s,
                                      "X: a\0b\r\n"s,
                                      "X\0: a\r\n"s,
                                      "X: a\x01\r\n"s,
                                      "X: a\x7f\r\n"s,
                                      "X\x80: a\r\n"s,
                                      "X\r\n"s,
                                      ": y\r\n"s,
                                      "X Y: z\r\n"s,
                                      "X(: y\r\n"s,
                                      "\"X\": y\r\n"s,
                                      "X/Y: z\r\n"s,
                                      "Host: a.example\r\n"s,
                                      "Host: b.example\r\n"s}) {
        EXPECT_EQ(refusal(get(fields)), HttpStatus::bad_request) << fields;
    }
}

TEST(HttpRefusal, RefusesABadStartLine) {
    for (const std::string& line : {""s,
                                    "GET"s,
                                    "GET "s,
                                    "GET http://a.example/"s,
                                    "GET  http://a.example/ HTTP/1.1"s,
                                    "GET http://a.example/  HTTP/1.1"s,
                                    " GET http://a.example/ HTTP/1.1"s,
                                    "GET http://a.example/ HTTP/1.1 "s,
                                    "GET\thttp://a.example/ HTTP/1.1"s,
                                    "GET http://a.example/ b HTTP/1.1"s,
                                    "GET http://a.example/ HTTP/1.2"s,
                                    "GET http://a.example/ HTTP/2.0"s,
                                    "GET http://a.example/ HTTP/1.10"s,
                                    "GET http://a.example/ HTTP/0.9"s,
                                    "GET http://a.example/ http/1.1"s,
                                    "GET http://a.example/ HTTP/11"s,
                                    "G(T http://a.example/ HTTP/1.1"s,
                                    "GET http://a.example/\x7f HTTP/1.1"s,
                                    "GET http://a.example/\0 HTTP/1.1"s,
                                    "PRI * HTTP/2.0"s,
                                    "\x16\x03\x01\x02"s}) {
        EXPECT_EQ(refusal(line + "\r\nX: y\r\n\r\n"), HttpStatus::bad_request) << line;
        EXPECT_EQ(refusal(line + "\r\nX: y\r\n\r\n", transparent_rules()), HttpStatus::bad_request);
    }
}

// Refused as soon as it is seen: nobody has to wait for the end of a head that will not come.
TEST(HttpRefusal, RefusesABadByteAtOnce) {
    EXPECT_EQ(refusal("\x16"s), HttpStatus::bad_request);
    EXPECT_EQ(refusal("GET / HTTP/1.0\n"s), HttpStatus::bad_request);
    EXPECT_EQ(refusal("GET / HTTP/1.0\r\r"s), HttpStatus::bad_request);
}

TEST(HttpRefusal, AsksForMoreAtEveryPrefix) {
    const std::string sent = get("X: y\r\n");
    for (std::size_t bytes = 0; bytes < sent.size(); ++bytes) {
        EXPECT_EQ(read(sent.substr(0, bytes), open_rules()).step.kind, HttpStep::Kind::need)
            << bytes;
    }
}

TEST(HttpRefusal, HasALimitOfBytes) {
    const std::size_t others = get("X: \r\n").size();
    const std::string most(kHttpRequestHeadBytesMax - others, 'y');
    EXPECT_EQ(accepted(get("X: " + most + "\r\n")).target.port, 80);
    EXPECT_EQ(refusal(get("X: " + most + "y\r\n")), HttpStatus::head_too_large);
    EXPECT_EQ(refusal(std::string(kHttpRequestHeadBytesMax, 'G')), HttpStatus::head_too_large);
    EXPECT_EQ(read(std::string(kHttpRequestHeadBytesMax - 1, 'G'), open_rules()).step.kind,
              HttpStep::Kind::need);
}

TEST(HttpRefusal, HasALimitOfFields) {
    std::string fields;
    for (std::size_t i = 1; i < kHttpRequestFieldsMax; ++i) {  // Host is one, too
        fields += "X: y\r\n";
    }
    EXPECT_EQ(accepted(get(fields)).target.port, 80);
    EXPECT_EQ(refusal(get(fields + "X: y\r\n")), HttpStatus::head_too_large);
}

TEST(HttpRefusal, HasALimitOfConnectionNames) {
    std::string names = "Connection: a";
    for (std::size_t i = 1; i < kHttpConnectionNamesMax; ++i) {
        names += ",a";
    }
    EXPECT_EQ(accepted(get(names + "\r\n")).target.port, 80);
    EXPECT_EQ(refusal(get(names + ",a\r\n")), HttpStatus::bad_request);
}

TEST(HttpRefusal, RefusesAWrongLogin) {
    for (const char* fields :
         {"", "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n",
          "Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZR==\r\n",
          "Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=\r\n",
          "Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ\r\n",
          "Proxy-Authorization: Basic YWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n",  // aladdin
          "Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2Ft\r\n",      // open sesam
          "Proxy-Authorization: Basic QWxhZGRpbg==\r\n",                  // no colon
          "Proxy-Authorization: Basic Og==\r\n",                          // a colon
          "Proxy-Authorization: Basic\r\n", "Proxy-Authorization: Basic \r\n",
          "Proxy-Authorization:\r\n", "Proxy-Authorization: QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n",
          "Proxy-Authorization: BasicQWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n",
          "Proxy-Authorization: Digest QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n"}) {
        EXPECT_EQ(refusal(get(fields), closed_rules()), HttpStatus::login_required) << fields;
    }
}

TEST(HttpRefusal, RefusesTwoLogins) {
    const std::string login = "Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n";
    EXPECT_EQ(refusal(get(login + login), closed_rules()), HttpStatus::bad_request);
}

// Every byte replaced by every value: the result may be anything, but the same at any cut, and what
// is accepted must read the same a second time.
TEST(HttpRefusal, AnyByteInAnyPlaceIsReadTheSameWayAtAnyCut) {
    const std::string sent =
        "POST http://a.b:8/c HTTP/1.1\r\nHost: d\r\nContent-Length: 5\r\nConnection: close, E\r\n"
        "E: f\r\n\r\n";
    for (std::size_t place = 0; place < sent.size(); ++place) {
        for (int value = 0; value < 256; ++value) {
            SCOPED_TRACE(std::to_string(place) + ' ' + std::to_string(value));
            std::string changed = sent;
            changed[place] = static_cast<char>(value);
            const HeadRead whole = read_whole(changed, open_rules());
            const Cuts cuts{.first_bytes = place, .next_bytes = 1};
            expect_same(read_cut(changed, open_rules(), cuts), whole);
            if (whole.step.kind == HttpStep::Kind::request) {
                const HeadRead again = read_whole(whole.request.head, transparent_rules());
                EXPECT_EQ(again.step.kind, HttpStep::Kind::request) << whole.request.head;
                EXPECT_EQ(again.request.body, whole.request.body);
                EXPECT_EQ(again.request.target, whole.request.target);
                EXPECT_EQ(again.request.head, whole.request.head);
            }
        }
    }
}

}  // namespace
}  // namespace ferry::proto::test
