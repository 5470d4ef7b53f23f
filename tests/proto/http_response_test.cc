// The response's sealer promises: the head goes to the client without what concerns one connection
// only, the body goes as it is, and the connection is kept only if its end was visible. Expected
// bytes are literals.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "proto/http_body.h"
#include "tests/proto/http_sealing.h"

namespace ferry::proto::test {
namespace {

HttpRequest head_request() {
    HttpRequest request = get_request();
    request.method = HttpMethod::head;
    return request;
}

HttpRequest old_request(HttpAfter after) {
    HttpRequest request = get_request();
    request.minor = 0;
    request.after = after;
    return request;
}

HttpRequest upgrade_request() {
    HttpRequest request = get_request();
    request.upgrade = true;
    request.after = HttpAfter::close;
    return request;
}

void expect_kept(const Sealed& sealed, const std::string& text) {
    EXPECT_EQ(
        sealed,
        (Sealed{
            .text = text, .complete = true, .keep_alive = true, .fault = false, .started = true}));
}

void expect_closed(const Sealed& sealed, const std::string& text) {
    EXPECT_EQ(
        sealed,
        (Sealed{
            .text = text, .complete = true, .keep_alive = false, .fault = false, .started = true}));
}

const std::string kKeep(kKept);
const std::string kClose(kClosed);

TEST(HttpResponse, PassesACountedBody) {
    expect_kept(
        sealed(get_request(),
               "HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 5\r\nX:  y \r\n\r\nhello"),
        "HTTP/1.1 200 OK\r\nServer: x\r\nX:  y \r\nContent-Length: 5\r\n" + kKeep + "hello");
    expect_kept(sealed(get_request(), "HTTP/1.1 404 \r\ncontent-length:0\r\n\r\n"),
                "HTTP/1.1 404 \r\nContent-Length: 0\r\n" + kKeep);
}

TEST(HttpResponse, PassesAChunkedBody) {
    const std::string body = "5;a=b\r\nhello\r\n0\r\nT: x\r\n\r\n";
    expect_kept(
        sealed(get_request(), "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n" + body),
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n" + kKeep + body);
    expect_kept(sealed(get_request(),
                       "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n"
                       "Transfer-Encoding: chunked\r\n\r\n" +
                           body),
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n" + kKeep + body);
}

TEST(HttpResponse, PassesABodyUntilTheTargetCloses) {
    const std::string head = "HTTP/1.1 200 OK\r\nX: y\r\n\r\n";
    const std::string sent = "HTTP/1.1 200 OK\r\nX: y\r\n" + kClose + "hello";
    expect_closed(sealed(get_request(), head + "hello", Closing::closed), sent);
    EXPECT_FALSE(sealed(get_request(), head + "hello").complete);
    expect_closed(sealed(get_request(), "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nhello",
                         Closing::closed),
                  "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n" + kClose + "hello");
}

TEST(HttpResponse, TheCodingBeatsTheLength) {
    const std::string body = "5\r\nhello\r\n0\r\n\r\n";
    for (const std::string fields : {"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
                                     "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n"}) {
        expect_kept(sealed(get_request(), "HTTP/1.1 200 OK\r\n" + fields + body),
                    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n" + kKeep + body);
    }
}

TEST(HttpResponse, EqualLengthsAreOne) {
    for (const std::string fields :
         {"Content-Length: 5, 5\r\n\r\n", "Content-Length: 5\r\nContent-Length: 5\r\n\r\n"}) {
        expect_kept(sealed(get_request(), "HTTP/1.1 200 OK\r\n" + fields + "hello"),
                    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n" + kKeep + "hello");
    }
}

TEST(HttpResponse, SomeHaveNoBody) {
    const std::string length = "Content-Length: 5\r\n";
    const std::string coding = "Transfer-Encoding: chunked\r\n";
    expect_kept(sealed(head_request(), "HTTP/1.1 200 OK\r\n" + length + "\r\n"),
                "HTTP/1.1 200 OK\r\n" + length + kKeep);
    expect_kept(sealed(head_request(), "HTTP/1.1 200 OK\r\n" + coding + "\r\n"),
                "HTTP/1.1 200 OK\r\n" + coding + kKeep);
    expect_kept(sealed(head_request(), "HTTP/1.1 200 OK\r\n\r\n"), "HTTP/1.1 200 OK\r\n" + kKeep);
    expect_kept(sealed(get_request(), "HTTP/1.1 304 Not Modified\r\n" + length + "\r\n"),
                "HTTP/1.1 304 Not Modified\r\n" + length + kKeep);
    expect_kept(sealed(get_request(), "HTTP/1.1 204 No Content\r\n" + length + "\r\n"),
                "HTTP/1.1 204 No Content\r\n" + kKeep);
}

TEST(HttpResponse, DropsWhatConcernsOneConnectionOnly) {
    expect_kept(sealed(get_request(),
                       "HTTP/1.1 200 OK\r\nConnection: close, X-Secret\r\nx-secret: 1\r\n"
                       "Keep-Alive: timeout=5\r\nProxy-Connection: close\r\nTrailer: T\r\n"
                       "Proxy-Authenticate: Basic\r\nTE: a\r\nUpgrade: h2c\r\nX-Other: 2\r\n"
                       "Content-Length: 0\r\n\r\n"),
                "HTTP/1.1 200 OK\r\nX-Other: 2\r\nContent-Length: 0\r\n" + kKeep);
}

TEST(HttpResponse, ConnectionCannotHideFraming) {
    expect_kept(sealed(get_request(),
                       "HTTP/1.1 200 OK\r\nConnection: Content-Length\r\n"
                       "Content-Length: 5\r\n\r\nhello"),
                "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n" + kKeep + "hello");
}

TEST(HttpResponse, RemovesBlanksBeforeAColon) {
    expect_kept(sealed(get_request(), "HTTP/1.1 200 OK\r\nX \t: y\r\nContent-Length : 0\r\n\r\n"),
                "HTTP/1.1 200 OK\r\nX: y\r\nContent-Length: 0\r\n" + kKeep);
}

TEST(HttpResponse, SpeaksItsOwnVersion) {
    expect_kept(sealed(get_request(), "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
                "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n" + kKeep + "hello");
    expect_kept(sealed(get_request(), "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n"),
                "HTTP/1.1 200\r\nContent-Length: 0\r\n" + kKeep);
}

// RFC 9112, 6.1: HTTP/1.0 knows no codings, so nobody can be sure of this end.
TEST(HttpResponse, DoubtsAChunkedBodyOfAnOldTarget) {
    const std::string rest = "Transfer-Encoding: chunked\r\n";
    expect_closed(sealed(get_request(), "HTTP/1.0 200 OK\r\n" + rest + "\r\n0\r\n\r\n"),
                  "HTTP/1.1 200 OK\r\n" + rest + kClose + "0\r\n\r\n");
}

TEST(HttpResponse, ClosesForAClientThatWantsTo) {
    HttpRequest request = get_request();
    request.after = HttpAfter::close;
    expect_closed(sealed(request, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
                  "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n" + kClose + "hello");
}

TEST(HttpResponse, KeepsAnOldClientThatWantsTo) {
    const std::string sent = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n";
    expect_kept(sealed(old_request(HttpAfter::keep_alive), sent), head + kKeep + "hello");
    expect_closed(sealed(old_request(HttpAfter::close), sent), head + kClose + "hello");
}

TEST(HttpResponse, PassesInterimResponses) {
    const std::string interim =
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
    const std::string last = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n";
    expect_kept(sealed(get_request(), interim + last + "\r\nok"), interim + last + kKeep + "ok");
    expect_kept(sealed(old_request(HttpAfter::keep_alive), interim + last + "\r\nok"),
                last + kKeep + "ok");
}

// What an interim response says about a body or a connection is nothing to go by.
TEST(HttpResponse, ForgetsInterimResponses) {
    expect_kept(sealed(get_request(),
                       "HTTP/1.1 100 Continue\r\nContent-Length: 9\r\nConnection: X\r\n"
                       "Transfer-Encoding: chunked\r\n\r\n"
                       "HTTP/1.1 200 OK\r\nX: y\r\nContent-Length: 2\r\n\r\nok"),
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nX: y\r\nContent-Length: 2\r\n" +
                    kKeep + "ok");
}

TEST(HttpResponse, AnInterimResponseCompletesNothing) {
    const Sealed waiting = sealed(get_request(), "HTTP/1.1 100 Continue\r\n\r\n");
    EXPECT_FALSE(waiting.complete);
    EXPECT_FALSE(waiting.fault);
    EXPECT_EQ(waiting.text, "HTTP/1.1 100 Continue\r\n\r\n");
}

TEST(HttpResponse, BecomesATunnel) {
    const std::string sent =
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    const std::string head =
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nConnection: Upgrade\r\n\r\n";
    expect_closed(sealed(upgrade_request(), sent + "\x81\x05hello", Closing::closed),
                  head + "\x81\x05hello");
    HttpResponseSealer sealer(upgrade_request());
    std::vector<std::uint8_t> to(sent.size() + sealer.added_max());
    EXPECT_FALSE(sealer.plain());
    sealer.seal(bytes_of(sent), to);
    EXPECT_TRUE(sealer.plain());
}

TEST(HttpResponse, AnUpgradeMayBeDeclined) {
    expect_closed(sealed(upgrade_request(),
                         "HTTP/1.1 200 OK\r\nUpgrade: websocket\r\nContent-Length: 2\r\n\r\nno"),
                  "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n" + kClose + "no");
}

TEST(HttpResponse, PassesALongHead) {
    std::string fields;
    while (fields.size() < kHttpResponseHeadBytesMax - 2'000) {
        fields += "Set-Cookie: " + std::string(900, 'c') + "\r\n";
    }
    expect_kept(sealed(get_request(), "HTTP/1.1 200 OK\r\n" + fields + "Content-Length: 0\r\n\r\n"),
                "HTTP/1.1 200 OK\r\n" + fields + "Content-Length: 0\r\n" + kKeep);
}

TEST(HttpResponse, HasNoHeaderOfItsOwn) {
    HttpResponseSealer sealer(get_request());
    std::vector<std::uint8_t> to(sealer.added_max());
    EXPECT_EQ(sealer.header(to), 0u);
    EXPECT_FALSE(sealer.started());
}

// A unit of the largest size and all that is added fit one slot of 16 KiB.
TEST(HttpResponse, AUnitFitsASlot) {
    const HttpResponseSealer sealer(get_request());
    EXPECT_LE(sealer.payload_max() + sealer.added_max(), 16'384u);
}

}  // namespace
}  // namespace ferry::proto::test
