#include "core/socks_inbound.h"

#include <array>

#include "core/greeting.h"
#include "core/snapshot.h"

namespace ferry::core {
namespace {

struct SocksDialogue final : Dialogue {
    explicit SocksDialogue(std::span<const proto::Account> accounts) : server(accounts) {}
    proto::SocksServer server;
};

proto::SocksResult result_of(Outcome dialed) {
    switch (dialed) {
        case Outcome::finished:
            return proto::SocksResult::ok;
        case Outcome::refused:
            return proto::SocksResult::not_allowed;
        case Outcome::no_address:
            return proto::SocksResult::unreachable;
        case Outcome::dial_failed:
            return proto::SocksResult::refused;
        case Outcome::dial_timeout:
            return proto::SocksResult::timeout;
        case Outcome::idle:
        case Outcome::bad_request:
        case Outcome::handshake_timeout:
        case Outcome::client_lost:
        case Outcome::target_lost:
        case Outcome::wire_fault:
        case Outcome::removed:
        case Outcome::over_limit:
        case Outcome::shut_down:
            return proto::SocksResult::failed;
    }
    return proto::SocksResult::failed;
}

io::Task<Step<void>> send_answer(Session& session, proto::SocksResult result) {
    const auto& dialogue = static_cast<const SocksDialogue&>(*session.dialogue);
    std::array<std::uint8_t, proto::kSocksAnswerBytesMax> words;
    const std::size_t bytes = dialogue.server.answer(result, proto::Address{}, words);
    auto said = co_await say(session, ByteView(words).first(bytes));
    co_return said;
}

}  // namespace

SocksInbound::SocksInbound(std::string its_tag, const config::SocksInbound& settings)
    : Inbound(std::move(its_tag)), login_(settings.auth == config::SocksInbound::Auth::password) {
    for (const proto::Account& account : settings.accounts) {
        accounts_.push_back(account);
    }
    if (login_ && accounts_.empty()) {
        // An empty list would ask nobody; V2Ray lets nobody pass. No client can send an empty user.
        accounts_.push_back({});
    }
}

io::Task<Step<void>> SocksInbound::greet(Session& session) const {
    session.policy = &session.snapshot->policy_of(level);
    session.source = "tcp:" + session.peer.text();
    auto dialogue = std::make_unique<SocksDialogue>(
        login_ ? std::span<const proto::Account>(accounts_) : std::span<const proto::Account>());
    proto::SocksServer& server = dialogue->server;
    session.dialogue = std::move(dialogue);
    for (;;) {
        const proto::SocksStep step = server.next(session.early.data());
        if (step.count > 0) {
            session.early.consume(step.count);
        }
        if (step.kind == proto::SocksStep::Kind::request) {
            break;
        }
        if (step.kind == proto::SocksStep::Kind::need) {
            auto more = co_await receive_more(session);
            if (!more) {
                co_return std::unexpected(more.error());
            }
            continue;
        }
        auto said = co_await say(session, step.reply);
        if (!said) {
            co_return std::unexpected(said.error());
        }
        if (step.kind == proto::SocksStep::Kind::refused) {
            co_return faulted(session, proto::Fault::bad_syntax, Outcome::bad_request);
        }
    }
    if (server.command() == proto::SocksCommand::udp_associate) {
        auto said = co_await send_answer(session, proto::SocksResult::not_supported);
        (void)said;  // the session ends either way
        session.reason = "UDP ASSOCIATE is not supported by this version";
        co_return std::unexpected(Outcome::refused);
    }
    session.address = server.target();
    co_return {};
}

io::Task<Step<void>> SocksInbound::answer(Session& session, Outcome dialed) const {
    auto said = co_await send_answer(session, result_of(dialed));
    session.dialogue.reset();
    co_return said;
}

}  // namespace ferry::core
