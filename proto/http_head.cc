#include "proto/http_head.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "proto/http_basic.h"
#include "proto/http_facts.h"
#include "proto/http_field.h"
#include "proto/http_target.h"
#include "proto/text.h"

namespace ferry::proto {
namespace {

constexpr std::unexpected<HttpStatus> kBad(HttpStatus::bad_request);

HttpStep refused(HttpStatus status) noexcept {
    return {.kind = HttpStep::Kind::refused, .count = 0, .status = status};
}

// Who has logged in: null where nobody is asked.
HttpRead<const Account*> account_of(const HttpFacts& facts, std::span<const Account> accounts) {
    if (accounts.empty()) {
        return nullptr;
    }
    const auto login = basic_login(facts.authorization.value_or(""));
    if (!login) {
        return std::unexpected(HttpStatus::login_required);
    }
    const std::string_view text = login->text;
    const Account* account = find_account(accounts, {.user = text.substr(0, login->colon),
                                                     .password = text.substr(login->colon + 1)});
    if (account == nullptr) {
        return std::unexpected(HttpStatus::login_required);
    }
    return account;
}

// A length together with a coding, or a coding that is not the plain one, or any coding in
// HTTP/1.0: two readers would disagree about where the next request starts.
HttpRead<HttpBody> body_of(const HttpFacts& facts, std::uint8_t minor) noexcept {
    if (facts.coding) {
        const bool is_plain = minor == 1 && !facts.length && same_word(*facts.coding, "chunked");
        if (!is_plain) {
            return kBad;
        }
        return HttpBody{.kind = HttpBody::Kind::chunked, .bytes = 0};
    }
    if (facts.length.value_or(0) == 0) {
        return HttpBody{};
    }
    return HttpBody{.kind = HttpBody::Kind::counted, .bytes = *facts.length};
}

HttpRead<HttpTarget> target_of(const HttpStartLine& start, const HttpFacts& facts,
                               HttpOriginForm origin_form) {
    if (!start.target.starts_with('/')) {
        auto target = target_from(start.target, start.method);
        return target ? HttpRead<HttpTarget>(std::move(*target)) : kBad;
    }
    if (origin_form == HttpOriginForm::refuse || !facts.host) {
        return kBad;
    }
    auto address = authority_from(*facts.host, HttpPort::default_80);
    if (!address) {
        return kBad;
    }
    return HttpTarget{.address = std::move(*address),
                      .authority = *facts.host,
                      .path = std::string(start.target)};
}

HttpAfter after_of(const HttpFacts& facts, std::uint8_t minor) noexcept {
    const bool is_kept = minor == 1 || facts.wants_keep_alive;
    return is_kept && !facts.wants_close ? HttpAfter::keep_alive : HttpAfter::close;
}

// Does the target get to see this field as it is?
bool is_passed(std::string_view name, const HttpFacts& facts, bool upgrade) noexcept {
    const HttpField field = field_of(name);
    switch (field) {
        case HttpField::hop:
        case HttpField::connection:
        case HttpField::proxy_connection:
        case HttpField::proxy_authorization:
        case HttpField::host:  // written anew
            return false;
        case HttpField::upgrade:
            return upgrade;
        case HttpField::other:
        case HttpField::content_length:
        case HttpField::transfer_encoding:
            return !may_be_dropped(field) || !facts.is_named(name);
    }
    return false;
}

// The head that the target gets. Framing stays as it came, since the body does.
std::string head_for(const HttpStartLine& start, const HttpFacts& facts, const HttpTarget& target,
                     std::string_view lines, bool upgrade) {
    // Room for all lines, a path of "/" where there was none, and the three lines of ours.
    constexpr std::size_t kAddedBytes = 128;
    std::string head;
    head.reserve(start.method.size() + target.path.size() + target.authority.size() + lines.size() +
                 kAddedBytes);
    head.append(start.method).append(" ").append(target.path);
    head.append(start.minor == 0 ? " HTTP/1.0\r\n" : " HTTP/1.1\r\n");
    head.append("Host: ").append(target.authority).append("\r\n");
    while (!lines.empty()) {
        const std::string_view line = take_line(lines);
        if (is_passed(line.substr(0, line.find(':')), facts, upgrade)) {
            head.append(line).append("\r\n");
        }
    }
    head.append(upgrade ? "Connection: Upgrade\r\n\r\n" : "Connection: close\r\n\r\n");
    return head;
}

HttpRead<HttpRequest> tunnel_from(const HttpStartLine& start, const HttpFacts& facts,
                                  const HttpBody& body) {
    auto address = authority_from(start.target, HttpPort::required);
    if (!address || facts.coding || body.kind != HttpBody::Kind::none) {
        return kBad;
    }
    HttpRequest request;
    request.method = HttpMethod::connect;
    request.minor = start.minor;
    request.target = std::move(*address);
    request.body = {.kind = HttpBody::Kind::until_close, .bytes = 0};
    return request;
}

HttpRead<HttpRequest> forward_from(const HttpStartLine& start, const HttpFacts& facts,
                                   const HttpBody& body, std::string_view lines,
                                   HttpOriginForm origin_form) {
    auto target = target_of(start, facts, origin_form);
    if (!target) {
        return std::unexpected(target.error());
    }
    HttpRequest request;
    request.method = start.method == "HEAD" ? HttpMethod::head : HttpMethod::other;
    request.minor = start.minor;
    request.body = body;
    request.after = after_of(facts, start.minor);
    const bool asks = facts.has_upgrade && facts.wants_upgrade;
    const bool may_upgrade = start.minor == 1 && request.method == HttpMethod::other;
    request.upgrade = asks && may_upgrade && body.kind == HttpBody::Kind::none;
    if (request.upgrade) {
        // What the client sends next belongs to the other protocol, or to nobody.
        request.body = {.kind = HttpBody::Kind::until_close, .bytes = 0};
        request.after = HttpAfter::close;
    }
    request.head = head_for(start, facts, *target, lines, request.upgrade);
    request.target = std::move(target->address);
    return request;
}

// `head` ends behind the line end of its last field.
HttpRead<HttpRequest> request_from(std::string_view head, const HttpRules& rules) {
    std::string_view lines = head;
    const auto start = start_line_from(take_line(lines));
    if (!start) {
        return std::unexpected(start.error());
    }
    const auto facts = facts_from(lines);
    if (!facts) {
        return std::unexpected(facts.error());
    }
    const auto body = body_of(*facts, start->minor);
    if (!body) {
        return std::unexpected(body.error());
    }
    const auto account = account_of(*facts, rules.accounts);
    if (!account) {
        return std::unexpected(account.error());
    }
    auto request = start->method == "CONNECT"
                       ? tunnel_from(*start, *facts, *body)
                       : forward_from(*start, *facts, *body, lines, rules.origin_form);
    if (request) {
        request->account = *account;
    }
    return request;
}

// Where the head ends, as far as the text is there.
struct HeadEnd {
    enum class Kind : std::uint8_t { unseen, behind, bad };
    Kind kind;
    std::size_t bytes;  // seen without an end, or up to and with the empty line
};

HeadEnd head_end(std::string_view text, std::size_t seen) noexcept {
    for (std::size_t i = seen; i < text.size(); ++i) {
        const char c = text[i];
        const bool after_cr = i > 0 && text[i - 1] == '\r';
        const bool is_line_end = c == '\r' || c == '\n';
        if (after_cr != (c == '\n') || (!is_line_end && c != '\t' && !is_field_text(c))) {
            return {.kind = HeadEnd::Kind::bad, .bytes = i};
        }
        if (text.substr(0, i + 1).ends_with("\r\n\r\n")) {
            return {.kind = HeadEnd::Kind::behind, .bytes = i + 1};
        }
    }
    return {.kind = HeadEnd::Kind::unseen, .bytes = text.size()};
}

}  // namespace

HttpStep HttpHeadReader::next(ByteView in, const HttpRules& rules, HttpRequest& request) {
    const std::string_view text = text_of(in.first(std::min(in.size(), kHttpRequestHeadBytesMax)));
    const HeadEnd end = head_end(text, seen_);
    if (end.kind == HeadEnd::Kind::bad) {
        return refused(HttpStatus::bad_request);
    }
    if (end.kind == HeadEnd::Kind::unseen) {
        seen_ = end.bytes;
        if (seen_ == kHttpRequestHeadBytesMax) {
            return refused(HttpStatus::head_too_large);
        }
        return {.kind = HttpStep::Kind::need, .count = 0, .status = {}};
    }
    std::string_view head = text.substr(0, end.bytes - 2);
    if (head.starts_with("\r\n")) {
        // Some clients send an empty line too many behind a body (RFC 9112, 2.2).
        head.remove_prefix(2);
    }
    if (head.empty()) {
        return refused(HttpStatus::bad_request);
    }
    auto read = request_from(head, rules);
    if (!read) {
        return refused(read.error());
    }
    request = std::move(*read);
    return {.kind = HttpStep::Kind::request, .count = end.bytes, .status = {}};
}

}  // namespace ferry::proto
