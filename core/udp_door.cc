#include "core/udp_door.h"

#include <fmt/format.h>

#include <system_error>
#include <utility>

namespace ferry::core {

// The socket, and who is being served.
struct UdpDoor::Desk {
    explicit Desk(io::DatagramSocket its_socket) : socket(std::move(its_socket)) {}

    io::DatagramSocket socket;
    std::map<io::Endpoint, Association*> associations;  // by the peer, as the socket names it
};

// The near end of an association.
class UdpDoor::DeskEnd final : public PacketEnd {
public:
    DeskEnd(Desk& desk, const io::Endpoint& peer, Association& association) noexcept
        : desk_(desk), peer_(peer), association_(association) {}

    io::Task<Step<void>> receive(Packets& into) override;
    io::Task<Step<void>> send(std::span<const Packet> all) override;
    io::Task<void> end() override { co_return; }
    void rest() noexcept override;
    bool addressed() const noexcept override { return false; }

private:
    Desk& desk_;
    const io::Endpoint peer_;
    Association& association_;
    std::vector<io::Datagram> outgoing_;
};

class UdpDoor::Association {
public:
    Association(Core& core, io::Scope& sessions, const Inbound& inbound, Desk& desk,
                const io::Endpoint& from)
        : peer(from), queue(core.pools), session(core, sessions, inbound, from) {
        session.packets = std::make_unique<DeskEnd>(desk, from, *this);
    }

    const io::Endpoint peer;
    PacketQueue queue;
    Session session;
};

io::Task<Step<void>> UdpDoor::DeskEnd::receive(Packets& into) {
    return association_.queue.receive(association_.session, into);
}

void UdpDoor::DeskEnd::rest() noexcept {
    association_.queue.rest();
}

io::Task<Step<void>> UdpDoor::DeskEnd::send(std::span<const Packet> all) {
    Session& session = association_.session;
    outgoing_.clear();
    for (const Packet& packet : all) {
        outgoing_.push_back({peer_, packet.bytes});
        session.client.count_sent(packet.bytes.size());
    }
    auto sent = co_await desk_.socket.send(session.scope, outgoing_);
    if (!sent) {
        co_return std::unexpected(ended_by(session, sent.error(), Outcome::client_lost));
    }
    session.core.stats.datagrams_unsent.add(*sent);
    co_return {};
}

io::Result<std::unique_ptr<UdpDoor>> UdpDoor::open(Core& core, io::Scope& scope,
                                                   io::Scope& sessions, const io::Endpoint& at,
                                                   io::Sharing sharing) {
    auto socket = io::DatagramSocket::open(scope, at, sharing);
    if (!socket) {
        return std::unexpected(socket.error());
    }
    return std::make_unique<UdpDoor>(core, sessions, std::move(*socket));
}

UdpDoor::UdpDoor(Core& core, io::Scope& sessions, io::DatagramSocket socket)
    : core_(core), sessions_(sessions), desk_(std::make_shared<Desk>(std::move(socket))) {}

UdpDoor::~UdpDoor() {
    for (const auto& [peer, association] : desk_->associations) {
        association->queue.close();
    }
}

io::Result<io::Endpoint> UdpDoor::local() const {
    return desk_->socket.local();
}

io::Task<void> UdpDoor::run(io::Scope& scope, const Inbound* const& inbound) {
    io::DatagramBatch batch;
    for (;;) {
        auto got = co_await desk_->socket.recv(scope, core_.pools.run, batch);
        if (scope.stopping()) {
            co_return;
        }
        if (!got) {
            core_.log.error(LogLevel::warning, 0, "app/proxyman/inbound",
                            fmt::format("failed to receive datagrams: {}",
                                        std::make_error_code(got.error()).message()));
            auto slept = co_await core_.loop.sleep_for(scope, io::Listener::kPause);
            if (!slept) {
                co_return;
            }
            continue;
        }
        core_.stats.datagrams_overrun.add(batch.dropped());
        take_all(*inbound, batch.all());
    }
}

void UdpDoor::take_all(const Inbound& inbound, std::span<const io::Datagram> all) {
    Association* association = nullptr;
    for (const io::Datagram& one : all) {
        // Most come from the one that the last came from. No association ends in here, except one
        // that has only begun.
        if (association == nullptr || one.peer != association->peer) {
            const auto found = desk_->associations.find(one.peer);
            association =
                found != desk_->associations.end() ? found->second : begin(inbound, one.peer);
        }
        if (association == nullptr) {
            core_.stats.associations_refused.add();
            continue;
        }
        association->session.client.count_received(one.bytes.size());
        core_.stats.datagrams_overrun.add(association->queue.push({one.bytes, {}}));
    }
}

UdpDoor::Association* UdpDoor::begin(const Inbound& inbound, const io::Endpoint& from) {
    if (desk_->associations.size() >= core_.limits.associations ||
        core_.stats.open_sessions.read() >= core_.limits.sessions) {
        return nullptr;
    }
    auto made = std::make_unique<Association>(core_, sessions_, inbound, *desk_, from);
    const auto at = desk_->socket.local();
    if (!at) {
        return nullptr;
    }
    inbound.meet(made->session, *at);
    desk_->associations.emplace(from, made.get());
    sessions_.spawn(serve(desk_, std::move(made)));
    // It may have ended before its first wait.
    const auto found = desk_->associations.find(from);
    return found == desk_->associations.end() ? nullptr : found->second;
}

io::Task<void> UdpDoor::serve(std::shared_ptr<Desk> desk, std::unique_ptr<Association> mine) {
    co_await run_inner(mine->session);
    Core& core = mine->session.core;
    desk->associations.erase(mine->peer);
    mine.reset();
    core.room_for_sessions.notify_one();
    core.session_ended.notify_all();
}

}  // namespace ferry::core
