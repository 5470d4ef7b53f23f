// The head reader promises: a request to a proxy is understood as the RFCs say, and the target gets
// a head that says the same without what concerns one connection only. Expected heads are literals.
#include "proto/http_head.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/proto/http_reading.h"

namespace ferry::proto::test {
namespace {

using std::string_literals::operator""s;

std::string head_of(const std::string& fields) {
    return accepted(get(fields)).head;
}

const std::string kGetHead = "GET / HTTP/1.1\r\nHost: a.example\r\n";

TEST(HttpHead, OpensATunnel) {
    const HttpRequest request = accepted("CONNECT a.example:443 HTTP/1.1\r\nHost: b\r\n\r\n");
    EXPECT_EQ(request.method, HttpMethod::connect);
    EXPECT_EQ(text(request.target), "a.example:443");
    EXPECT_EQ(request.head, "");
    EXPECT_EQ(request.after, HttpAfter::close);
    EXPECT_EQ(request.body.kind, HttpBody::Kind::until_close);
    EXPECT_EQ(request.account, nullptr);
}

TEST(HttpHead, OpensATunnelToAnAddress) {
    EXPECT_EQ(text(accepted("CONNECT 192.0.2.1:1 HTTP/1.0\r\n\r\n").target), "192.0.2.1:1");
    const HttpRequest request = accepted("CONNECT [2001:db8::1]:65535 HTTP/1.1\r\n\r\n");
    EXPECT_EQ(request.target.kind, Address::Kind::ipv6);
    EXPECT_EQ(text(request.target), "[2001:db8::1]:65535");
}

TEST(HttpHead, LeavesEarlyDataAlone) {
    const std::string head = "CONNECT a.example:443 HTTP/1.1\r\n\r\n";
    const HeadRead whole = read(head + "\x16\x03\x01\x00\n"s, open_rules());
    EXPECT_EQ(whole.step.kind, HttpStep::Kind::request);
    EXPECT_EQ(whole.step.count, head.size());
}

TEST(HttpHead, RewritesAnAbsoluteUri) {
    const HttpRequest request = accepted(
        "GET http://a.example:8080/b?c=d&e HTTP/1.1\r\nHost: other.example\r\n"
        "User-Agent: x\r\naccept:*/*\r\nX:  y \r\n\r\n");
    EXPECT_EQ(request.head,
              "GET /b?c=d&e HTTP/1.1\r\nHost: a.example:8080\r\n"
              "User-Agent: x\r\naccept:*/*\r\nX:  y \r\nConnection: close\r\n\r\n");
    EXPECT_EQ(text(request.target), "a.example:8080");
    EXPECT_EQ(request.body, HttpBody{});
    EXPECT_EQ(request.after, HttpAfter::keep_alive);
    EXPECT_FALSE(request.upgrade);
}

TEST(HttpHead, FindsThePathOfEveryUri) {
    const auto path = [](const std::string& method, const std::string& uri) {
        const std::string head = accepted(method + " " + uri + " HTTP/1.1\r\n\r\n").head;
        return head.substr(0, head.find("\r\n"));
    };
    EXPECT_EQ(path("GET", "http://a.example"), "GET / HTTP/1.1");
    EXPECT_EQ(path("GET", "http://a.example/"), "GET / HTTP/1.1");
    EXPECT_EQ(path("GET", "http://a.example?x=/"), "GET /?x=/ HTTP/1.1");
    EXPECT_EQ(path("GET", "HTTP://A.example//b"), "GET //b HTTP/1.1");
    EXPECT_EQ(path("GET", "http://a.example/http://b.example/"), "GET /http://b.example/ HTTP/1.1");
    EXPECT_EQ(path("OPTIONS", "http://a.example"), "OPTIONS * HTTP/1.1");
    EXPECT_EQ(path("OPTIONS", "http://a.example/"), "OPTIONS / HTTP/1.1");
    EXPECT_EQ(path("M-SEARCH", "http://a.example/\xc3\xa4"), "M-SEARCH /\xc3\xa4 HTTP/1.1");
}

TEST(HttpHead, FindsThePortOfEveryUri) {
    const auto target = [](const std::string& authority) {
        return text(accepted("GET http://" + authority + "/ HTTP/1.1\r\n\r\n").target);
    };
    EXPECT_EQ(target("a.example"), "a.example:80");
    EXPECT_EQ(target("a.example:"), "a.example:80");
    EXPECT_EQ(target("a.example:81"), "a.example:81");
    EXPECT_EQ(target("[::1]"), "[::1]:80");
    EXPECT_EQ(target("[::1]:81"), "[::1]:81");
    EXPECT_EQ(target("[::ffff:192.0.2.1]:81"), "192.0.2.1:81");
}

// As wget and apt send it.
TEST(HttpHead, KeepsNameAndPasswordOfAUriToItself) {
    for (const std::string user : {"u:p@", "u@", "@", "u@v:p@"}) {
        const HttpRequest request =
            accepted("GET http://" + user + "a.example:81/b@c?d@e HTTP/1.1\r\n\r\n");
        EXPECT_EQ(text(request.target), "a.example:81") << user;
        EXPECT_EQ(request.head,
                  "GET /b@c?d@e HTTP/1.1\r\nHost: a.example:81\r\nConnection: close\r\n\r\n")
            << user;
    }
    EXPECT_EQ(text(accepted("GET http://u:p@[::1] HTTP/1.1\r\n\r\n").target), "[::1]:80");
}

TEST(HttpHead, TakesOriginFormIfToldTo) {
    const std::string sent = "GET /b?c HTTP/1.1\r\nHost: a.example:81\r\nX: y\r\n\r\n";
    EXPECT_EQ(refusal(sent), HttpStatus::bad_request);
    const HttpRequest request = accepted(sent, transparent_rules());
    EXPECT_EQ(text(request.target), "a.example:81");
    EXPECT_EQ(request.head,
              "GET /b?c HTTP/1.1\r\nHost: a.example:81\r\nX: y\r\nConnection: close\r\n\r\n");
    EXPECT_EQ(refusal("GET / HTTP/1.0\r\n\r\n", transparent_rules()), HttpStatus::bad_request);
    EXPECT_EQ(refusal("GET / HTTP/1.1\r\nHost:\r\n\r\n", transparent_rules()),
              HttpStatus::bad_request);
    EXPECT_EQ(refusal("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", transparent_rules()),
              HttpStatus::bad_request);
}

TEST(HttpHead, DropsWhatConcernsOneConnectionOnly) {
    EXPECT_EQ(head_of("Connection: close, X-Secret , x-other\r\nX-Secret: 1\r\nX-OTHER: 2\r\n"
                      "X-Third: 3\r\nProxy-Connection: keep-alive\r\nKeep-Alive: 5\r\n"
                      "Proxy-Authenticate: a\r\nProxy-Authorization: b\r\nTE: trailers\r\n"
                      "Trailer: X\r\nTrailers: X\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n"),
              kGetHead + "X-Third: 3\r\nConnection: close\r\n\r\n");
}

// A field that is named before it comes, behind it, and by a second Connection field.
TEST(HttpHead, DropsNamedFieldsAnywhere) {
    EXPECT_EQ(head_of("A: 1\r\nConnection: b\r\nB: 2\r\nC: 3\r\nConnection: ,a,, c,\r\n"),
              kGetHead + "Connection: close\r\n\r\n");
}

TEST(HttpHead, KnowsTheBody) {
    const auto body = [](const std::string& fields) { return accepted(get(fields)).body; };
    const HttpBody chunked{.kind = HttpBody::Kind::chunked, .bytes = 0};
    EXPECT_EQ(body(""), HttpBody{});
    EXPECT_EQ(body("Content-Length: 0\r\n"), HttpBody{});
    EXPECT_EQ(body("content-length:5\r\n"),
              (HttpBody{.kind = HttpBody::Kind::counted, .bytes = 5}));
    EXPECT_EQ(body("Content-Length: 9223372036854775807\t \r\n"),
              (HttpBody{.kind = HttpBody::Kind::counted, .bytes = 9'223'372'036'854'775'807}));
    EXPECT_EQ(body("Transfer-Encoding: chunked\r\n"), chunked);
    EXPECT_EQ(body("TRANSFER-ENCODING:\tChunKed\r\n"), chunked);
}

TEST(HttpHead, SkipsOneEmptyLine) {
    EXPECT_EQ(accepted("\r\n" + get("")).head, kGetHead + "Connection: close\r\n\r\n");
    EXPECT_EQ(refusal("\r\n\r\n" + get("")), HttpStatus::bad_request);
}

TEST(HttpHead, DecidesAboutTheConnection) {
    const auto after = [](const std::string& version, const std::string& fields) {
        return accepted("GET http://a.example/ HTTP/" + version + "\r\n" + fields + "\r\n").after;
    };
    EXPECT_EQ(after("1.1", ""), HttpAfter::keep_alive);
    EXPECT_EQ(after("1.1", "Connection: close\r\n"), HttpAfter::close);
    EXPECT_EQ(after("1.1", "Connection: x, CLOSE\r\n"), HttpAfter::close);
    EXPECT_EQ(after("1.1", "Proxy-Connection: close\r\n"), HttpAfter::close);
    EXPECT_EQ(after("1.1", "Connection: closed\r\n"), HttpAfter::keep_alive);
    EXPECT_EQ(after("1.1", "Connection: keep-alive, close\r\n"), HttpAfter::close);
    EXPECT_EQ(after("1.0", ""), HttpAfter::close);
    EXPECT_EQ(after("1.0", "Connection: Keep-Alive\r\n"), HttpAfter::keep_alive);
    EXPECT_EQ(after("1.0", "Proxy-Connection: keep-alive\r\n"), HttpAfter::keep_alive);
    EXPECT_EQ(after("1.0", "Connection: keep-alive\r\nConnection: close\r\n"), HttpAfter::close);
}

TEST(HttpHead, KeepsTheVersionOfTheClient) {
    const HttpRequest request = accepted("HEAD http://a.example/ HTTP/1.0\r\n\r\n");
    EXPECT_EQ(request.head, "HEAD / HTTP/1.0\r\nHost: a.example\r\nConnection: close\r\n\r\n");
    EXPECT_EQ(request.minor, 0);
    EXPECT_EQ(request.method, HttpMethod::head);
}

TEST(HttpHead, PassesAnUpgradeOn) {
    const HttpRequest request = accepted(get(
        "Proxy-Connection: keep-alive\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"));
    EXPECT_TRUE(request.upgrade);
    EXPECT_EQ(request.after, HttpAfter::close);
    EXPECT_EQ(request.body.kind, HttpBody::Kind::until_close);
    EXPECT_EQ(request.head, kGetHead +
                                "Upgrade: websocket\r\n"
                                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                                "Connection: Upgrade\r\n\r\n");
}

TEST(HttpHead, DropsAnUpgradeThatCannotBe) {
    const std::string asks = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
    const std::vector<std::string> requests{
        get("Upgrade: websocket\r\n"),
        get("Connection: Upgrade\r\n"),
        get(asks + "Content-Length: 5\r\n"),
        get(asks + "Transfer-Encoding: chunked\r\n"),
        "GET http://a.example/ HTTP/1.0\r\n" + asks + "\r\n",
        "HEAD http://a.example/ HTTP/1.1\r\n" + asks + "\r\n",
    };
    for (const std::string& sent : requests) {
        const HttpRequest request = accepted(sent);
        EXPECT_FALSE(request.upgrade) << sent;
        EXPECT_EQ(request.head.find("pgrade"), std::string::npos) << sent;
        EXPECT_TRUE(request.head.ends_with("Connection: close\r\n\r\n")) << sent;
    }
}

// RFC 7617, section 2.
TEST(HttpHead, LogsIn) {
    const HttpRequest request = accepted(
        get("Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n"), closed_rules());
    EXPECT_EQ(request.account, &http_accounts()[0]);
    EXPECT_EQ(request.head, kGetHead + "Connection: close\r\n\r\n");
    EXPECT_EQ(accepted("CONNECT a.example:443 HTTP/1.1\r\n"
                       "proxy-authorization:  bAsIc  Ym9iOmE6Yg== \r\n\r\n",
                       closed_rules())
                  .account,
              &http_accounts()[1]);
}

TEST(HttpHead, ALoginIsNotNeededWhereNobodyIsAsked) {
    EXPECT_EQ(accepted(get("Proxy-Authorization: Basic xyz\r\n")).account, nullptr);
}

}  // namespace
}  // namespace ferry::proto::test
