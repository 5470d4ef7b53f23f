#include "core/direct_packets.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <system_error>
#include <utility>

#include "core/endpoints.h"
#include "core/outbound.h"
#include "core/snapshot.h"

namespace ferry::core {
namespace {

io::Endpoint every_address() {
    return io::Endpoint::ipv6(std::array<std::uint8_t, 16>{}, 0);
}

// The first address that can be reached from `local`; nowhere if there is none.
io::Endpoint first_from(const std::optional<io::Endpoint>& local, const Endpoints& found) {
    const auto fits = std::ranges::find_if(
        found, [&](const io::Endpoint& at) { return !local || at.family() == local->family(); });
    return fits == found.end() ? io::Endpoint() : *fits;
}

// Opens a socket that reaches `only`, or everybody.
io::Result<io::DatagramSocket> open_socket(Session& session, const PacketRules& rules,
                                           const io::Endpoint& only, io::Endpoint& local) {
    if (rules.dial.local) {
        local = *rules.dial.local;
    } else if (only == io::Endpoint() || only.family() == io::Endpoint::Family::ipv6) {
        local = every_address();
    } else {
        local = io::Endpoint::any();
    }
    auto socket = io::DatagramSocket::open(session.scope, local);
    const bool no_ipv6 = !socket && (socket.error() == std::errc::address_family_not_supported ||
                                     socket.error() == std::errc::address_not_available);
    if (no_ipv6 && only == io::Endpoint() && !rules.dial.local) {
        local = io::Endpoint::any();
        socket = io::DatagramSocket::open(session.scope, local);
    }
    return socket;
}

// A global id is one of its user's.
KeptSockets::Key key_of(const Session& session) {
    return {session.user.id().bytes, *session.global_id};
}

std::optional<KeptSockets::Socket> socket_of_before(Session& session) {
    if (!session.global_id || !session.packets->addressed()) {
        return std::nullopt;
    }
    return session.core.kept_sockets.take(
        key_of(session), [&](int fd) { return session.core.loop.backend().duplicate(fd); });
}

}  // namespace

proto::Address redirected(const std::optional<proto::Address>& redirect,
                          const proto::Address& asked) {
    if (!redirect) {
        return asked;
    }
    proto::Address to = redirect->kind == proto::Address::Kind::none ? asked : *redirect;
    to.port = redirect->port != 0 ? redirect->port : asked.port;
    return to;
}

io::Task<Step<std::unique_ptr<PacketEnd>>> DirectPackets::dial(Session& session,
                                                               const PacketRules& rules) {
    io::Endpoint only;
    if (!session.packets->addressed()) {
        const proto::Address to = redirected(rules.redirect, session.address);
        auto found = co_await find_addresses(session, to, rules.dial.families);
        if (!found) {
            co_return std::unexpected(found.error());
        }
        only = first_from(rules.dial.local, *found);
        if (only == io::Endpoint()) {
            session.reason = "no address of the target can be reached from that of sendThrough";
            co_return std::unexpected(Outcome::no_address);
        }
    }
    const auto kept = socket_of_before(session);
    if (kept) {
        co_return std::make_unique<DirectPackets>(
            session, io::DatagramSocket::adopt(session.core.loop, kept->fd), kept->local, only,
            std::move(rules));
    }
    io::Endpoint local;
    auto socket = open_socket(session, rules, only, local);
    if (!socket) {
        session.reason = fmt::format("open a socket for datagrams: {}",
                                     std::make_error_code(socket.error()).message());
        co_return std::unexpected(Outcome::dial_failed);
    }
    co_return std::make_unique<DirectPackets>(session, std::move(*socket), local, only, rules);
}

DirectPackets::DirectPackets(Session& session, io::DatagramSocket socket, const io::Endpoint& local,
                             const io::Endpoint& only, PacketRules rules)
    : session_(session),
      socket_(std::move(socket)),
      local_(local),
      only_way_(sendable(only)),
      rules_(std::move(rules)),
      wire_(wire_of(session)) {
    if (session.global_id && addressed()) {
        claim();
    }
}

// Whoever comes back in another connection, maybe on another core, ends this one.
void DirectPackets::claim() {
    owner_ = std::make_shared<io::Scope*>(&session_.scope);
    claim_ = std::make_shared<KeptSockets::Claim>();
    claim_->stop = [post = session_.core.post, owner = std::weak_ptr(owner_)] {
        post([owner] {
            if (const auto scope = owner.lock()) {
                (*scope)->stop(io::Stop::peer);
            }
        });
    };
    session_.core.kept_sockets.claim(key_of(session_), {socket_.fd(), local_}, claim_);
}

DirectPackets::~DirectPackets() {
    if (!claim_) {
        return;
    }
    Core& core = session_.core;
    const KeptSockets::Key key = key_of(session_);
    if (!session_.packets->may_return()) {
        core.kept_sockets.forget(key, claim_);
    } else if (core.kept_sockets.leave(key, claim_, core.loop.now())) {
        (void)socket_.release();
        core.socket_kept.notify_all();
    }
}

io::Task<Step<void>> DirectPackets::receive(Packets& into) {
    into.clear();
    while (into.empty()) {
        auto got = co_await socket_.recv(session_.scope, session_.core.pools.run, batch_);
        if (!got) {
            co_return std::unexpected(ended_by(session_, got.error(), Outcome::target_lost));
        }
        session_.core.stats.datagrams_overrun.add(batch_.dropped());
        // Most come from the one that the last came from.
        io::Endpoint last;
        proto::Address from;
        const bool from_all = addressed();
        for (const io::Datagram& one : batch_.all()) {
            wire_.add_down(one.bytes.size());
            if (!from_all && one.peer != only_way_) {
                session_.core.stats.datagrams_strange.add();
                continue;
            }
            if (from_all && one.peer != last) {
                last = one.peer;
                from = address_of(last.unmapped());
            }
            into.push_back({one.bytes, from});
        }
    }
    co_return {};
}

io::Task<Step<void>> DirectPackets::send(std::span<const Packet> all) {
    outgoing_.clear();
    // Most go where the last one went.
    const proto::Address* known = nullptr;
    std::optional<io::Endpoint> way;
    for (const Packet& packet : all) {
        if (!known || packet.peer != *known) {
            known = &packet.peer;
            way = find(packet.peer);
        }
        if (way) {
            add(outgoing_, packet, *way);
        } else {
            names_->put_aside({packet.bytes, redirected(rules_.redirect, packet.peer)});
        }
    }
    auto sent = co_await socket_.send(session_.scope, outgoing_);
    if (!sent) {
        co_return std::unexpected(ended_by(session_, sent.error(), Outcome::target_lost));
    }
    session_.core.stats.datagrams_unsent.add(*sent);
    co_return {};
}

// Adds one to those that are sent, if there is a way.
void DirectPackets::add(std::vector<io::Datagram>& outgoing, const Packet& packet,
                        const io::Endpoint& way) const {
    if (way.family() == io::Endpoint::Family::none) {
        session_.core.stats.datagrams_unsent.add();
        return;
    }
    outgoing.push_back({way, packet.bytes});
    wire_.add_up(packet.bytes.size());
}

// Sends what has waited for a name, beside what send() may be sending at the same time.
io::Task<void> DirectPackets::send_named(io::Scope& scope, std::span<const Packet> all,
                                         io::Endpoint at) {
    std::vector<io::Datagram> outgoing;
    for (const Packet& packet : all) {
        add(outgoing, packet, sendable(at.with_port(packet.peer.port)));
    }
    auto sent = co_await socket_.send(scope, outgoing);
    if (sent) {  // otherwise the association is being stopped
        session_.core.stats.datagrams_unsent.add(*sent);
    }
}

io::Task<void> DirectPackets::settle() {
    if (names_) {
        co_await names_->end();
    }
}

// As the socket takes it, or nowhere if that family is not its own.
io::Endpoint DirectPackets::sendable(const io::Endpoint& to) const {
    if (to.port() == 0) {
        return {};
    }
    if (to.family() == local_.family()) {
        return to;
    }
    const bool takes_both = local_.family() == io::Endpoint::Family::ipv6 && local_.is_any();
    return takes_both ? to.mapped() : io::Endpoint();
}

// Where a datagram for `asked` goes, or nowhere; nothing: to names_, which does not know yet.
std::optional<io::Endpoint> DirectPackets::find(const proto::Address& asked) {
    const bool has_one = only_way_.family() != io::Endpoint::Family::none;
    if (asked.kind == proto::Address::Kind::none || (has_one && asked == session_.address)) {
        return only_way_;
    }
    const proto::Address to = redirected(rules_.redirect, asked);
    if (to.kind != proto::Address::Kind::name) {
        return sendable(endpoint_of(to));
    }
    if (!names_) {
        names_ = std::make_unique<PacketNames>(
            session_, rules_.dial.families,
            [this](io::Scope& scope, std::span<const Packet> all, io::Endpoint at) {
                return send_named(scope, all, at);
            });
    }
    const auto found = names_->find(to);
    return found ? std::optional(sendable(*found)) : std::nullopt;
}

}  // namespace ferry::core
