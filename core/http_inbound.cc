#include "core/http_inbound.h"

#include <utility>

#include "core/greeting.h"
#include "core/snapshot.h"
#include "proto/http_body.h"
#include "proto/http_head.h"
#include "proto/text.h"

namespace ferry::core {
namespace {

struct HttpDialogue final : Dialogue {
    proto::HttpRequest request;
};

proto::HttpStatus status_of(Outcome dialed) {
    switch (dialed) {
        case Outcome::refused:
            return proto::HttpStatus::forbidden;
        case Outcome::dial_timeout:
            return proto::HttpStatus::gateway_timeout;
        case Outcome::over_limit:
        case Outcome::shut_down:
            return proto::HttpStatus::unavailable;
        case Outcome::finished:
        case Outcome::idle:
        case Outcome::bad_request:
        case Outcome::handshake_timeout:
        case Outcome::no_address:
        case Outcome::dial_failed:
        case Outcome::client_lost:
        case Outcome::target_lost:
        case Outcome::wire_fault:
        case Outcome::removed:
            return proto::HttpStatus::bad_gateway;
    }
    return proto::HttpStatus::bad_gateway;
}

// One request and its response as the two codecs of the client's end.
void begin_exchange(Session& session, proto::HttpRequest& request) {
    session.prologue = std::move(request.head);
    session.client.opener = std::make_unique<proto::HttpRequestOpener>(request.body);
    session.client.sealer = std::make_unique<proto::HttpResponseSealer>(request);
    session.client.at_end =
        request.body.kind == proto::HttpBody::Kind::until_close ? AtEnd::pass_on : AtEnd::keep;
}

// More of a request. A kept connection may end where none has begun, from either side.
io::Task<Step<void>> receive_request(Session& session) {
    session.is_resting = !session.in_handshake && session.early.data().empty();
    if (session.is_resting && session.core.is_winding_down) {
        session.over = true;
        co_return std::unexpected(Outcome::finished);
    }
    auto more = co_await receive_more(session);
    const bool was_resting = std::exchange(session.is_resting, false);
    if (!more && was_resting) {
        session.over = more.error() == Outcome::client_lost || more.error() == Outcome::shut_down;
        co_return std::unexpected(session.over ? Outcome::finished : more.error());
    }
    co_return more;
}

bool is_tunnel(const Session& session) {
    return static_cast<const HttpDialogue&>(*session.dialogue).request.method ==
           proto::HttpMethod::connect;
}

}  // namespace

HttpInbound::HttpInbound(std::string its_tag, const config::HttpInbound& settings)
    : Inbound(std::move(its_tag)), transparent_(settings.allow_transparent) {
    for (const proto::Account& account : settings.accounts) {
        accounts_.push_back(account);
    }
}

io::Task<Step<void>> HttpInbound::greet(Session& session) const {
    session.policy = &session.snapshot->policy_of(level);
    auto dialogue = std::make_unique<HttpDialogue>();
    proto::HttpRequest& request = dialogue->request;
    session.dialogue = std::move(dialogue);
    const proto::HttpRules rules{
        accounts_, transparent_ ? proto::HttpOriginForm::accept : proto::HttpOriginForm::refuse};
    proto::HttpHeadReader reader;
    for (;;) {
        const proto::HttpStep step = reader.next(session.early.data(), rules, request);
        if (step.kind == proto::HttpStep::Kind::request) {
            session.early.consume(step.count);
            break;
        }
        if (step.kind == proto::HttpStep::Kind::refused) {
            auto said = co_await say(session, proto::bytes_of(proto::http_response(step.status)));
            (void)said;  // the session ends either way
            co_return faulted(session, proto::Fault::bad_syntax, Outcome::bad_request);
        }
        auto more = co_await receive_request(session);
        if (!more) {
            co_return more;
        }
    }
    session.address = request.target;
    if (request.method != proto::HttpMethod::connect) {
        begin_exchange(session, request);
    }
    co_return {};
}

io::Task<Step<void>> HttpInbound::answer(Session& session, Outcome dialed) const {
    if (dialed != Outcome::finished) {
        auto said = co_await say(session, proto::bytes_of(proto::http_response(status_of(dialed))));
        co_return said;
    }
    if (is_tunnel(session)) {
        auto said = co_await say(session, proto::bytes_of(proto::http_established()));
        co_return said;
    }
    co_return {};
}

bool HttpInbound::again(Session& session) const {
    if (is_tunnel(session) || session.client.at_end != AtEnd::keep) {
        return false;
    }
    const auto& sealer = static_cast<const proto::HttpResponseSealer&>(*session.client.sealer);
    if (!sealer.keep_alive() || !session.request_done) {
        return false;
    }
    session.target.reset();
    session.client.opener.reset();
    session.client.sealer.reset();
    session.client.at_end = AtEnd::pass_on;
    session.dialogue.reset();
    session.prologue.clear();
    session.request_done = false;
    session.scope.touch();
    session.quiet = io::Duration::zero();
    session.up_ended = false;
    session.down_ended = false;
    session.scope.idle_after(session.idle());
    return true;
}

std::string HttpInbound::access_target(const Session& session) const {
    if (is_tunnel(session)) {
        return "//" + proto::text(session.address);
    }
    // "GET /path HTTP/1.1": what goes to the target is in origin form.
    const std::string_view head = session.prologue;
    const std::size_t from = head.find(' ') + 1;
    const std::string_view path = head.substr(from, head.find(' ', from) - from);
    const std::string host = session.address.port == 80 ? proto::host_text(session.address)
                                                        : proto::text(session.address);
    return "http://" + host + std::string(path);
}

}  // namespace ferry::core
