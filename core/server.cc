#include "core/server.h"

#include <fmt/format.h>

#include <cassert>
#include <system_error>
#include <utility>

namespace ferry::core {
namespace {

// How long a stopping listener goes on taking connections that the kernel has accepted already.
constexpr io::Duration kLastCall = std::chrono::milliseconds(20);

}  // namespace

Server::Server(Core& core, io::Scope& root)
    : core_(core),
      root_(root),
      accepting_(std::in_place, core.loop, &root),
      sessions_(std::in_place, core.loop, &root),
      grace_(std::in_place, core.loop, &root) {}

io::Result<io::Endpoint> Server::listen(const Port& port, io::Sharing sharing) {
    Door& door = doors_.emplace_back(core_, *accepting_, *port.inbound);
    auto listener = io::Listener::open(door.scope, port.at, sharing);
    const bool no_ipv6 =
        !listener && (listener.error() == std::errc::address_family_not_supported ||
                      listener.error() == std::errc::address_not_available);
    if (no_ipv6 && port.at.family() == io::Endpoint::Family::ipv6 && port.at.is_any()) {
        listener = io::Listener::open(door.scope, io::Endpoint::any(port.at.port()), sharing);
    }
    if (!listener) {
        doors_.pop_back();
        return std::unexpected(listener.error());
    }
    door.listener.emplace(std::move(*listener));
    return door.listener->local();
}

void Server::start() {
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
        if (door.listener->local() == at) {
            door.scope.expire_at(core_.loop.now() + kLastCall);
        }
    }
}

io::Task<void> Server::tend(Door& door) {
    co_await accept_at(door);
    doors_.remove_if([&door](const Door& each) { return &each == &door; });
}

void Server::install(std::shared_ptr<const Snapshot> snapshot) {
    core_.snapshot = std::move(snapshot);
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

io::Task<void> Server::accept_at(Door& door) {
    for (;;) {
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

io::Task<void> Server::wind_down() {
    co_await accepting_->join();
    doors_.clear();  // those that never opened
    while (!sessions_->empty() && !grace_->stopping()) {
        auto changed = co_await core_.session_ended.wait(*grace_);
        (void)changed;  // the loop's condition looks at both
    }
    sessions_->stop(io::Stop::shutdown);
    co_await sessions_->join();
    sessions_.reset();
    accepting_.reset();
    grace_.reset();
}

}  // namespace ferry::core
