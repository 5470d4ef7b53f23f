#include "core/socks_inbound.h"

#include <array>

#include "core/endpoints.h"
#include "core/greeting.h"
#include "core/snapshot.h"
#include "core/socks_packets.h"

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

io::Task<Step<void>> send_answer(Session& session, proto::SocksResult result,
                                 const proto::Address& bound) {
    const auto& dialogue = static_cast<const SocksDialogue&>(*session.dialogue);
    std::array<std::uint8_t, proto::kSocksAnswerBytesMax> words;
    const std::size_t bytes = dialogue.server.answer(result, bound, words);
    auto said = co_await say(session, ByteView(words).first(bytes));
    co_return said;
}

}  // namespace

SocksInbound::SocksInbound(std::string its_tag, const config::SocksInbound& settings)
    : Inbound(std::move(its_tag)),
      login_(settings.auth == config::SocksInbound::Auth::password),
      serves_datagrams_(settings.udp) {
    if (settings.udp_ip) {
        told_ = endpoint_of(*settings.udp_ip);
    }
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
        auto associated = co_await associate(session, server);
        co_return associated;
    }
    session.address = server.target();
    co_return {};
}

// Opens a port for the client's datagrams, and tells it which.
io::Task<Step<void>> SocksInbound::associate(Session& session,
                                             const proto::SocksServer& server) const {
    if (!serves_datagrams_) {
        const proto::Address none;
        auto said = co_await send_answer(session, proto::SocksResult::not_supported, none);
        (void)said;  // the session ends either way
        session.reason = "UDP ASSOCIATE is not switched on at this inbound";
        co_return std::unexpected(Outcome::refused);
    }
    const auto met = session.client.socket.local();
    if (!met) {
        co_return std::unexpected(Outcome::client_lost);
    }
    // Where clients are sent elsewhere, something between may bring their datagrams to any address.
    const io::Endpoint here = met->unmapped().with_port(0);
    const bool is_ipv4 = here.family() == io::Endpoint::Family::ipv4;
    const io::Endpoint everywhere =
        is_ipv4 ? io::Endpoint::any() : io::Endpoint::ipv6(std::array<std::uint8_t, 16>{}, 0);
    auto socket = io::DatagramSocket::open(session.scope, told_ ? everywhere : here);
    const auto local = socket ? socket->local() : io::Result<io::Endpoint>(here);
    if (!socket || !local) {
        const proto::Address none;
        auto said = co_await send_answer(session, proto::SocksResult::failed, none);
        (void)said;  // the session ends either way
        session.reason = "no port for datagrams is to be had";
        co_return std::unexpected(Outcome::over_limit);
    }
    session.network = Network::udp;
    session.packets =
        std::make_unique<SocksPackets>(session, std::move(*socket), server.target().port);
    const io::Endpoint told = told_.value_or(here).with_port(local->port());
    const proto::Address bound = address_of(told);
    auto said = co_await send_answer(session, proto::SocksResult::ok, bound);
    session.dialogue.reset();
    session.early.release();
    co_return said;
}

io::Task<void> SocksInbound::attend(Session& session) const {
    for (;;) {
        // Nothing that may come here has a meaning.
        auto got = co_await session.client.socket.recv(session.scope, session.early);
        session.early.release();
        if (!got || *got == 0) {
            break;
        }
    }
    session.scope.stop(io::Stop::peer);
}

io::Task<Step<void>> SocksInbound::answer(Session& session, Outcome dialed) const {
    if (session.network == Network::udp) {
        co_return {};  // that was said when the association began
    }
    const proto::Address none;
    auto said = co_await send_answer(session, result_of(dialed), none);
    session.dialogue.reset();
    co_return said;
}

}  // namespace ferry::core
