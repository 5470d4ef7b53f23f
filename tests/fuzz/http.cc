// What a stranger may say to an HTTP inbound, and what a target may answer, cut anywhere.
//
//   input   a byte: which side speaks, and with what rules; four sizes of pieces; the stream
#include <cassert>
#include <string>
#include <string_view>

#include "proto/http_body.h"
#include "proto/http_head.h"
#include "proto/text.h"
#include "tests/fuzz/input.h"

namespace ferry::proto {
namespace {

// Walks over a stream in pieces of these sizes, over and over; 0 is `bytes_max`.
class Pieces {
public:
    Pieces(ByteView sizes, std::size_t bytes_max) : sizes_(sizes), bytes_max_(bytes_max) {}
    std::size_t next(std::size_t left) {
        const std::size_t bytes = sizes_.empty() ? 0 : sizes_[index_ % sizes_.size()];
        ++index_;
        return std::min({bytes == 0 ? bytes_max_ : bytes, bytes_max_, left});
    }

private:
    ByteView sizes_;
    std::size_t bytes_max_;
    std::size_t index_ = 0;
};

struct HeadRead {
    HttpStep step{};
    HttpRequest request;
};

HeadRead read_head(ByteView sent, const HttpRules& rules, ByteView piece_sizes) {
    Pieces pieces(piece_sizes, sent.size());
    HttpHeadReader reader;
    HeadRead read;
    for (std::size_t there = 0; there < sent.size();) {
        there += pieces.next(sent.size() - there);
        fuzz::ExactBytes in(sent.first(there));
        read.step = reader.next(in.span(), rules, read.request);
        if (read.step.kind != HttpStep::Kind::need) {
            return read;
        }
    }
    return read;
}

// How much of the stream belongs to the body, and whether it ends there.
struct BodyRead {
    std::size_t counted = 0;
    bool done = false;
    bool faulty = false;

    friend bool operator==(const BodyRead&, const BodyRead&) = default;
};

BodyRead read_body(const HttpBody& body, ByteView sent, ByteView piece_sizes) {
    Pieces pieces(piece_sizes, sent.size());
    HttpRequestOpener opener(body);
    BodyRead read;
    for (std::size_t there = 0; !opener.done() && !read.faulty && there < sent.size();) {
        there += pieces.next(sent.size() - there);
        while (!opener.done() && !read.faulty && read.counted < there) {
            fuzz::ExactBytes in(sent.subspan(read.counted, there - read.counted));
            const auto opened = opener.open(in.span());
            read.faulty = !opened;
            if (opened) {
                assert(opened->kind == Opened::Kind::data);
                assert(opened->data.data() == in.span().data());
                assert(opened->data.size() == opened->count);
                read.counted += opened->count;
            }
        }
    }
    read.done = opener.done();
    return read;
}

// What the target gets says the same to us as what we got.
void check_head(const HttpRequest& request) {
    if (request.method == HttpMethod::connect) {
        assert(request.head.empty());
        return;
    }
    assert(request.head.ends_with("\r\n\r\n"));
    const HttpRules rules{.accounts = {}, .origin_form = HttpOriginForm::accept};
    const HeadRead again = read_head(bytes_of(request.head), rules, {});
    if (request.head.find(" * HTTP/") != std::string::npos) {
        return;  // OPTIONS about a whole server is a form that only targets take
    }
    if (request.head.size() > kHttpRequestHeadBytesMax) {
        return;
    }
    if (again.step.kind != HttpStep::Kind::request) {
        // The two fields of ours may be one more than there may be.
        assert(again.step.status == HttpStatus::head_too_large);
        return;
    }
    assert(again.step.count == request.head.size());
    assert(again.request.target == request.target);
    assert(again.request.body == request.body);
    assert(again.request.upgrade == request.upgrade);
    assert(again.request.head == request.head);
}

void client_speaks(std::uint8_t choices, ByteView sent, ByteView pieces) {
    const std::array<Account, 1> accounts{Account{.user = "user", .password = "pass"}};
    const HttpRules rules{
        .accounts = std::span(accounts).first((choices >> 1) % 2),
        .origin_form = (choices >> 2) % 2 == 1 ? HttpOriginForm::accept : HttpOriginForm::refuse,
    };
    const HeadRead whole = read_head(sent, rules, {});
    const HeadRead cut = read_head(sent, rules, pieces);
    assert(whole.step.kind == cut.step.kind);
    assert(whole.step.count == cut.step.count);
    assert(whole.step.status == cut.step.status);
    assert(whole.request.head == cut.request.head);
    if (whole.step.kind != HttpStep::Kind::request) {
        return;
    }
    assert(whole.request.target.kind != Address::Kind::none);
    assert((whole.request.account != nullptr) == !rules.accounts.empty());
    check_head(whole.request);
    const ByteView behind = sent.subspan(whole.step.count);
    assert(read_body(whole.request.body, behind, {}) ==
           read_body(whole.request.body, behind, pieces));
}

struct Response {
    fuzz::Bytes text;
    bool complete = false;
    bool keep_alive = false;
    bool fault = false;

    friend bool operator==(const Response&, const Response&) = default;
};

Response sealed(const HttpRequest& request, ByteView sent, ByteView piece_sizes) {
    HttpResponseSealer sealer(request);
    Pieces pieces(piece_sizes, sealer.payload_max());
    Response response;
    while (!sent.empty()) {
        const std::size_t bytes = pieces.next(sent.size());
        fuzz::ExactBytes payload(sent.first(bytes));
        fuzz::Bytes to(bytes + sealer.added_max());
        to.resize(sealer.seal(payload.span(), to));
        assert(to.size() <= bytes + sealer.added_max());
        assert(to.empty() || sealer.started());
        fuzz::append(response.text, to);
        sent = sent.subspan(bytes);
    }
    fuzz::Bytes to(sealer.added_max());
    to.resize(sealer.end(to));
    fuzz::append(response.text, to);
    response.complete = sealer.complete();
    response.keep_alive = sealer.keep_alive();
    response.fault = sealer.fault();
    return response;
}

void target_speaks(std::uint8_t choices, ByteView sent, ByteView pieces) {
    HttpRequest request;
    request.method = (choices >> 1) % 2 == 1 ? HttpMethod::head : HttpMethod::other;
    request.minor = (choices >> 2) % 2;
    request.after = (choices >> 3) % 2 == 1 ? HttpAfter::close : HttpAfter::keep_alive;
    request.upgrade = (choices >> 4) % 2 == 1 && request.minor == 1;
    if (request.upgrade) {
        request.after = HttpAfter::close;
    }
    const Response whole = sealed(request, sent, {});
    assert(whole == sealed(request, sent, pieces));
    // Whatever the target does, the client can tell a whole response from a part of one.
    assert(whole.complete || whole.fault);
    assert(!whole.keep_alive || (whole.complete && !whole.fault));
    assert(!whole.keep_alive || request.after == HttpAfter::keep_alive);
    assert(!whole.complete || text_of(whole.text).starts_with("HTTP/1.1 "));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    fuzz::Input input(data, bytes);
    const std::uint8_t choices = input.u8();
    const ByteView pieces = input.bytes(4);
    const ByteView sent = input.rest();
    if (choices % 2 == 0) {
        client_speaks(choices, sent, pieces);
    } else {
        target_speaks(choices, sent, pieces);
    }
    return 0;
}

}  // namespace ferry::proto
