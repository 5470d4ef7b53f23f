#include "core/vmess_outbound.h"

#include <array>

#include "core/chunk_packets.h"
#include "core/dial.h"
#include "core/snapshot.h"
#include "io/loop.h"
#include "proto/mux/names.h"
#include "proto/vmess/body.h"

namespace ferry::core {

namespace vmess = proto::vmess;

namespace {

// V2Ray's pauses before each try (config.md 1.1, vnext).
constexpr std::array<io::Duration, 5> kPauses = {
    std::chrono::milliseconds(0),   std::chrono::milliseconds(0),   std::chrono::milliseconds(200),
    std::chrono::milliseconds(400), std::chrono::milliseconds(600),
};

// How long the request header waits for payload to travel with, as in V2Ray (vmess.md 18).
constexpr io::Duration kHeaderWait = std::chrono::milliseconds(100);

constexpr std::uint16_t kQuicPort = 443;

// A name goes over VMess only in letters that all servers take.
bool can_carry(Session& session, const proto::Address& target) {
    if (target.kind != proto::Address::Kind::name || proto::is_wire_name(target.name)) {
        return true;
    }
    session.reason = "the target's name has characters that VMess cannot carry";
    return false;
}

// What `auto` stands for goes by the architecture and not by the processor, so that whoever counts
// connections by their cipher sees V2Ray's pattern (config.md 1.3).
#if defined(__x86_64__) || defined(__aarch64__) || defined(__s390x__)
constexpr auto kAutomatic = vmess::BodyChoice::aes128_gcm;
#else
constexpr auto kAutomatic = vmess::BodyChoice::chacha20_poly1305;
#endif

vmess::BodyChoice choice_of(config::Security security) {
    switch (security) {
        case config::Security::automatic:
            return kAutomatic;
        case config::Security::aes_128_gcm:
            return vmess::BodyChoice::aes128_gcm;
        case config::Security::chacha20_poly1305:
            return vmess::BodyChoice::chacha20_poly1305;
        case config::Security::none:
            return vmess::BodyChoice::none;
        case config::Security::zero:
            return vmess::BodyChoice::zero;
    }
    return vmess::BodyChoice::aes128_gcm;
}

std::shared_ptr<const ServerAccount> account_from(const config::VmessAccount& account) {
    std::optional<vmess::Signers> signers;
    if (account.alter_id > 0) {
        signers.emplace(account.id, account.alter_id);
    }
    return std::make_shared<const ServerAccount>(ServerAccount{
        account.id, vmess::CommandKey(account.id), std::move(signers), choice_of(account.security),
        account.authenticated_length ? vmess::SealedLengths::on : vmess::SealedLengths::off,
        !account.no_termination_signal, account.level});
}

}  // namespace

VmessOutbound::VmessOutbound(std::string its_tag, const config::VmessOutbound& settings,
                             const config::Mux& mux, std::optional<io::Endpoint> local)
    : Outbound(std::move(its_tag)),
      rules_{Families::any, local},
      mux_(mux),
      encoding_(settings.packet_encoding) {
    for (const config::VmessServer& server : settings.servers) {
        VmessServer mine;
        mine.address = server.address;
        for (const config::VmessAccount& account : server.users) {
            mine.accounts.push_back(account_from(account));
        }
        servers_.add(std::move(mine));
    }
    if (mux_.associations.value_or(0) > 0) {
        encoding_ = config::PacketEncoding::xudp;
    }
}

io::Task<Step<End>> VmessOutbound::dial(Session& session) const {
    if (mux_.streams == 0) {
        const Wish wish{vmess::Command::tcp, session.address};
        auto end = co_await dial_for(session, wish);
        co_return end;
    }
    const MuxShare share{*this, tag, false, mux_.streams};
    auto place = co_await take_place(session, share, proto::mux::Network::tcp);
    if (!place) {
        co_return std::unexpected(place.error());
    }
    co_return End(session.scope,
                  std::make_unique<MuxLink>(std::move(place->carrier), std::move(place->stream)));
}

io::Task<Step<End>> VmessOutbound::dial_carrier(Session& session) const {
    const Wish wish{vmess::Command::mux, {}};
    auto end = co_await dial_for(session, wish);
    co_return end;
}

io::Task<Step<MuxPlace>> VmessOutbound::take_place(Session& session, const MuxShare& share,
                                                   proto::mux::Network network) const {
    if (!can_carry(session, session.address)) {
        co_return std::unexpected(Outcome::no_address);
    }
    auto place = co_await session.core.mux->take(session, share, network);
    co_return place;
}

io::Task<Step<std::unique_ptr<PacketEnd>>> VmessOutbound::dial_packets(Session& session) const {
    const bool many = session.packets->addressed();
    const bool is_quic = session.address.port == kQuicPort;
    if (is_quic && mux_.quic == config::Mux::Quic::refuse) {
        session.reason = "xudpProxyUDP443 says so";
        co_return std::unexpected(Outcome::refused);
    }
    const bool outside = is_quic && mux_.quic == config::Mux::Quic::outside && !many;
    if (!outside && encoding_ == config::PacketEncoding::xudp) {
        auto end = co_await dial_xudp(session);
        co_return end;
    }
    const bool in_mux = mux_.streams > 0 && !mux_.associations;
    if (!outside && in_mux && encoding_ == config::PacketEncoding::none) {
        const MuxShare share{*this, tag, false, mux_.streams};
        auto place = co_await take_place(session, share, proto::mux::Network::udp);
        if (!place) {
            co_return std::unexpected(place.error());
        }
        co_return std::make_unique<MuxPackets>(session, Outcome::target_lost,
                                               std::move(place->carrier), std::move(place->stream));
    }
    auto end = co_await dial_chunks(session);
    co_return end;
}

io::Task<Step<std::unique_ptr<PacketEnd>>> VmessOutbound::dial_xudp(Session& session) const {
    auto first = co_await open_xudp(session);
    if (!first) {
        co_return std::unexpected(first.error());
    }
    co_return std::make_unique<XudpPackets>(session, std::move(*first),
                                            [this, &session] { return open_xudp(session); });
}

// An association in a connection of its own, or with others in one for associations. Where the near
// end cannot tell whom a datagram is from, the server is not asked to let anybody answer.
io::Task<Step<std::shared_ptr<MuxPackets>>> VmessOutbound::open_xudp(Session& session) const {
    const MuxShare share{*this, tag, true, mux_.associations.value_or(1)};
    auto place = co_await take_place(session, share, proto::mux::Network::udp);
    if (!place) {
        co_return std::unexpected(place.error());
    }
    if (session.packets->addressed()) {
        place->stream->addressed = true;
        place->stream->global_id = session.core.global_ids.of(session.source);
    }
    co_return std::make_shared<MuxPackets>(session, Outcome::target_lost, std::move(place->carrier),
                                           std::move(place->stream));
}

io::Task<Step<std::unique_ptr<PacketEnd>>> VmessOutbound::dial_chunks(Session& session) const {
    Wish wish{vmess::Command::udp, session.address};
    PacketFraming framing = PacketFraming::chunks;
    if (encoding_ == config::PacketEncoding::packet && session.packets->addressed()) {
        framing = PacketFraming::addressed;
        wish.target = {.kind = proto::Address::Kind::name,
                       .name = std::string(proto::mux::kPacketAddressName)};
    }
    auto end = co_await dial_for(session, wish);
    if (!end) {
        co_return std::unexpected(end.error());
    }
    const Meter wire = wire_of(session);
    end->sent = wire.up;
    end->received = wire.down;
    co_return std::make_unique<ChunkPackets>(session, std::move(*end), framing);
}

io::Task<Step<End>> VmessOutbound::dial_for(Session& session, const Wish& wish) const {
    if (!can_carry(session, wish.target)) {
        co_return std::unexpected(Outcome::no_address);
    }
    Outcome last = Outcome::dial_failed;
    for (const io::Duration pause : kPauses) {
        if (pause > io::Duration::zero()) {
            auto slept = co_await session.core.loop.sleep_for(session.scope, pause);
            if (!slept) {
                co_return std::unexpected(failure(session, slept.error(), last, last));
            }
        }
        auto server = servers_.take(session.core.loop.now());
        auto socket = co_await core::dial(session, server->address, rules_);
        if (socket) {
            co_return greet(session, std::move(server), std::move(*socket), wish);
        }
        last = socket.error();
        if (session.scope.stopping()) {
            break;
        }
    }
    co_return std::unexpected(last);
}

Step<End> VmessOutbound::greet(Session& session, std::shared_ptr<const VmessServer> server,
                               io::Socket socket, const Wish& wish) const {
    Core& core = session.core;
    const auto account = server->accounts[core.random.below(server->accounts.size())];
    vmess::Request request;
    const vmess::Offer offer =
        vmess::offer_for(account->choice, wish.command, account->sealed_lengths);
    request.form = account->signers ? vmess::HeaderForm::legacy : vmess::HeaderForm::aead;
    request.security = offer.security;
    request.options = offer.options;
    request.command = wish.command;
    request.target = wish.target;
    vmess::draw_secrets(request, core.random);

    const std::int64_t now = core.loop.unix_seconds();
    auto sealer =
        account->signers
            ? vmess::make_request_sealer(core.dispatch, core.random, account->key,
                                         account->signers->draw(core.random, now), request)
            : vmess::make_request_sealer(core.dispatch, core.random, account->key, now, request);
    if (!sealer) {
        return faulted(session, sealer.error(), Outcome::refused);
    }
    auto opener = vmess::make_response_opener(
        core.dispatch, request,
        std::make_unique<Follower>(servers_, std::move(server), account, core.loop));
    if (!opener) {
        return faulted(session, opener.error(), Outcome::refused);
    }
    session.far_policy = &session.snapshot->policy_of(account->level);
    End end(std::move(socket));
    end.sealer = std::move(*sealer);
    end.opener = std::move(*opener);
    end.mark_end = account->mark_end;
    end.header_wait = kHeaderWait;
    return end;
}

}  // namespace ferry::core
