#include "core/server.h"

#include <fmt/format.h>

#include <cassert>
#include <system_error>
#include <utility>

#include "io/both.h"

namespace ferry::core {
namespace {

// How long a stopping listener goes on taking connections that the kernel has accepted already.
constexpr io::Duration kLastCall = std::chrono::milliseconds(20);

// How many numbers are tried for one that is free for connections and for datagrams.
constexpr int kTriesForBoth = 16;

}  // namespace

Server::Server(Core& core, io::Scope& root)
    : core_(core),
      root_(root),
      accepting_(std::in_place, core.loop, &root),
      sessions_(std::in_place, core.loop, &root),
      grace_(std::in_place, core.loop, &root),
      carriers_(std::in_place, core.loop, &root),
      mux_(core, *carriers_) {
    core.mux = &mux_;
}

io::Result<io::Endpoint> Server::listen(const Port& port, io::Sharing sharing) {
    Door& door = doors_.emplace_back(core_, *accepting_, *port.inbound);
    const config::Networks& networks = port.inbound->networks;
    const bool may_try_again = port.at.port() == 0 && networks.tcp && networks.udp;
    auto at = listen_at(door, port.at, sharing);
    for (int tries = 1; !at && may_try_again && tries < kTriesForBoth; ++tries) {
        at = listen_at(door, port.at, sharing);
    }
    if (!at) {
        doors_.pop_back();
    }
    return at;
}

io::Result<io::Endpoint> Server::listen_at(Door& door, const io::Endpoint& at,
                                           io::Sharing sharing) {
    auto opened = open_door(door, at, sharing);
    const bool no_ipv6 =
        !opened && (opened.error() == std::errc::address_family_not_supported ||
                    opened.error() == std::errc::address_not_available);
    if (no_ipv6 && at.family() == io::Endpoint::Family::ipv6 && at.is_any()) {
        opened = open_door(door, io::Endpoint::any(at.port()), sharing);
    }
    return opened;
}

io::Result<io::Endpoint> Server::open_door(Door& door, const io::Endpoint& at,
                                           io::Sharing sharing) {
    const config::Networks& networks = door.inbound->networks;
    door.listener.reset();
    door.at = at;
    if (networks.tcp) {
        auto listener = io::Listener::open(door.scope, at, sharing);
        if (!listener) {
            return std::unexpected(listener.error());
        }
        door.at = listener->local();
        door.listener.emplace(std::move(*listener));
    }
    if (networks.udp) {
        auto datagrams = UdpDoor::open(core_, door.scope, *sessions_, door.at, sharing);
        if (!datagrams) {
            return std::unexpected(datagrams.error());
        }
        const auto local = (*datagrams)->local();
        if (!local) {
            return std::unexpected(local.error());
        }
        door.at = *local;
        door.datagrams = std::move(*datagrams);
    }
    return door.at;
}

void Server::start() {
    carriers_->spawn(close_kept_sockets());
    for (Door& door : doors_) {
        accepting_->spawn(tend(door));
    }
}

void Server::allocate(const ChangingPorts& ports, const OtherCores& others) {
    Allocation& made = allocations_.emplace_back(ports, others);
    accepting_->spawn(made.run(core_, *this, *accepting_));
}

io::Result<io::Endpoint> Server::open(const Port& port, io::Sharing sharing) {
    if (stopping_) {
        return std::unexpected(std::errc::operation_canceled);
    }
    auto at = listen(port, sharing);
    if (at) {
        accepting_->spawn(tend(doors_.back()));
    }
    return at;
}

void Server::close(const io::Endpoint& at) {
    for (Door& door : doors_) {
        if (door.at == at) {
            door.scope.expire_at(core_.loop.now() + kLastCall);
        }
    }
}

io::Task<void> Server::tend(Door& door) {
    co_await io::both(accept_at(door), accept_datagrams(door));
    doors_.remove_if([&door](const Door& each) { return &each == &door; });
}

void Server::install(std::shared_ptr<const Snapshot> snapshot) {
    core_.snapshot = counted_apart(std::move(snapshot));
    for (Door& door : doors_) {
        door.inbound = core_.snapshot->counterpart(*door.inbound);
        assert(door.inbound != nullptr);
    }
    served_.each([](Session& session) {
        if (is_removed(session)) {
            session.scope.stop(io::Stop::removed);
        }
    });
}

// Waits until another connection may come in.
//
//   gives  false if the server is stopping
io::Task<bool> Server::wait_for_room(Door& door) {
    const Limits& limits = core_.limits;
    while (core_.stats.handshakes.read() >= limits.handshakes ||
           core_.stats.open_sessions.read() >= limits.sessions) {
        core_.stats.handshake_waits.add();
        auto changed = co_await core_.room_for_sessions.wait(door.scope);
        if (!changed) {
            co_return false;
        }
    }
    co_return true;
}

io::Task<void> Server::accept_datagrams(Door& door) {
    if (door.datagrams) {
        co_await door.datagrams->run(door.scope, door.inbound);
    }
}

io::Task<void> Server::accept_at(Door& door) {
    while (door.listener) {
        auto room = co_await wait_for_room(door);
        if (!room) {
            co_return;
        }
        const std::uint64_t pauses = door.listener->pauses();
        auto accepted = co_await door.listener->accept();
        core_.stats.accept_pauses.add(door.listener->pauses() - pauses);
        if (accepted) {
            sessions_->spawn(serve(*door.inbound, std::move(*accepted)));
        } else if (door.scope.stopping()) {
            co_return;
        } else {
            core_.log.error(LogLevel::warning, 0, "app/proxyman/inbound",
                            fmt::format("failed to accept on {}: {}", door.listener->local().text(),
                                        std::make_error_code(accepted.error()).message()));
            auto slept = co_await core_.loop.sleep_for(door.scope, io::Listener::kPause);
            if (!slept) {
                co_return;
            }
        }
    }
}

io::Task<void> Server::serve(const Inbound& inbound, io::Accepted accepted) {
    {
        Session session(core_, *sessions_, inbound, std::move(accepted));
        served_.push_back(session);
        auto outcome = co_await run(session);
        core_.stats.count(outcome);
    }
    core_.room_for_sessions.notify_one();
    core_.session_ended.notify_all();
}

void Server::stop(io::Duration grace) {
    if (!sessions_) {
        return;  // wound down already
    }
    accepting_->expire_at(core_.loop.now() + kLastCall);
    grace_->expire_at(core_.loop.now() + grace);
    core_.is_winding_down = true;
    served_.each([](Session& session) {
        if (session.is_resting) {
            session.scope.stop(io::Stop::shutdown);
        }
    });
    if (!std::exchange(stopping_, true)) {
        root_.spawn(wind_down());
    }
}

// Closes the sockets to which nobody has come back.
io::Task<void> Server::close_kept_sockets() {
    KeptSockets& kept = core_.kept_sockets;
    const auto close = [this](int fd) { core_.loop.close(fd, io::Farewell::normal); };
    while (!carriers_->stopping()) {
        const io::TimePoint next = kept.next_sweep();
        if (next == io::kNever) {
            auto changed = co_await core_.socket_kept.wait(*carriers_);
            (void)changed;  // the loop looks
        } else {
            auto slept = co_await core_.loop.sleep_until(*carriers_, next);
            (void)slept;  // the loop looks
            kept.sweep(core_.loop.now(), close);
        }
    }
    kept.sweep(io::kNever, close);
}

io::Task<void> Server::wind_down() {
    co_await accepting_->join();
    doors_.clear();  // those that never opened
    while (!sessions_->empty() && !grace_->stopping()) {
        auto changed = co_await core_.session_ended.wait(*grace_);
        (void)changed;  // the loop's condition looks at both
    }
    sessions_->stop(io::Stop::shutdown);
    co_await sessions_->join();
    carriers_->stop(io::Stop::shutdown);
    co_await carriers_->join();
    carriers_.reset();
    sessions_.reset();
    accepting_.reset();
    grace_.reset();
}

}  // namespace ferry::core
