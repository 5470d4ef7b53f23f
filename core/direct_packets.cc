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

// How long an answer to a question for a name serves an association: as long as a quick client
// repeats itself, and not as long as an address might be moved.
constexpr io::Duration kNameLifetime = std::chrono::seconds(60);
constexpr io::Duration kNoNameLifetime = std::chrono::seconds(5);

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
      only_(only),
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
        for (const io::Datagram& one : batch_.all()) {
            wire_.add_down(one.bytes.size());
            if (!addressed() && one.peer != only_way_) {
                session_.core.stats.datagrams_strange.add();
                continue;
            }
            if (addressed() && one.peer != last) {
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
    io::Endpoint known_way;
    for (const Packet& packet : all) {
        io::Endpoint to = only_way_;
        if (addressed()) {
            if (!known || packet.peer != *known) {
                auto found = co_await find(packet.peer);
                known = &packet.peer;
                known_way = sendable(found);
            }
            to = known_way;
        }
        if (to.family() == io::Endpoint::Family::none) {
            session_.core.stats.datagrams_unsent.add();
            continue;
        }
        outgoing_.push_back({to, packet.bytes});
        wire_.add_up(packet.bytes.size());
    }
    auto sent = co_await socket_.send(session_.scope, outgoing_);
    if (!sent) {
        co_return std::unexpected(ended_by(session_, sent.error(), Outcome::target_lost));
    }
    session_.core.stats.datagrams_unsent.add(*sent);
    co_return {};
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

// Where a datagram for `asked` goes, or nowhere.
io::Task<io::Endpoint> DirectPackets::find(const proto::Address& asked) {
    const proto::Address to = redirected(rules_.redirect, asked);
    if (to.kind != proto::Address::Kind::name) {
        co_return endpoint_of(to);
    }
    auto found = co_await resolve(to);
    co_return found;
}

io::Task<io::Endpoint> DirectPackets::resolve(const proto::Address& name) {
    const auto known = names_.find(name.name);
    if (known != names_.end() && session_.core.loop.now() < known->second.until) {
        co_return known->second.at.with_port(name.port);
    }
    auto resolved = co_await session_.core.resolver.resolve(session_.scope, name.name, name.port,
                                                            rules_.dial.families);
    Known answer{{}, session_.core.loop.now() + kNoNameLifetime};
    if (resolved) {
        answer = {resolved->front(), session_.core.loop.now() + kNameLifetime};
    }
    if (names_.size() >= kNamesMax) {
        names_.clear();  // whoever asks for so many is better served by the resolver's own memory
    }
    names_[name.name] = answer;
    co_return answer.at;
}

}  // namespace ferry::core
