// The part of SimBackend that makes, connects and closes sockets.
#include <algorithm>
#include <cassert>
#include <cerrno>
#include <ranges>

#include "tests/sim/sim_backend.h"

namespace ferry::sim {

using io::Op;

namespace {

constexpr std::size_t kBacklog = 128;
constexpr io::Duration kRetry = std::chrono::milliseconds(200);  // of a dial, at a full backlog

}  // namespace

bool SimBackend::connect(Op& op) {
    Descriptor& socket = at(op.fd);
    if (socket.dial == nullptr) {
        begin_dial(socket, *op.target.peer);
        return false;
    }
    op.result = -socket.dial->error;
    socket.connection = std::move(socket.dial->connection);
    socket.dial = nullptr;
    return true;
}

void SimBackend::begin_dial(Descriptor& socket, const io::Endpoint& to) {
    world_.happened(to.port());
    if (socket.local.port() == 0) {
        socket.local = socket.local.with_port(world_.new_port());
    }
    socket.dial = std::make_shared<Dial>();
    // The dial may be given up, and even this core be gone, before the word arrives.
    std::weak_ptr<Dial> dial = socket.dial;
    world_.at(world_.now() + world_.some_delay(), [this, dial, from = socket.local, to] {
        if (const auto wanted = dial.lock()) {
            arrive(wanted, from, to);
        }
    });
}

// A dial has reached the host that it is for.
void SimBackend::arrive(const std::shared_ptr<Dial>& dial, const io::Endpoint& from,
                        const io::Endpoint& to) {
    const bool reached = std::ranges::any_of(world_.backends(), [&](const SimBackend* backend) {
        return backend == this ? is_mine(to) : backend->host_.with_port(0) == to.with_port(0);
    });
    if (!reached) {
        return;  // silence
    }
    const auto listeners = listeners_at(to);
    const bool is_refused = listeners.empty() || world_.random().chance(world_.weather().refuse);
    if (dial_watcher_) {
        dial_watcher_(to, is_refused);
    }
    if (is_refused) {
        answer_dial(dial, ECONNREFUSED);
        return;
    }
    Descriptor& chosen = *listeners[world_.random().below(listeners.size())];
    if (chosen.queue.size() >= kBacklog) {
        world_.at(world_.now() + kRetry, [this, late = std::weak_ptr(dial), from, to] {
            if (const auto wanted = late.lock()) {
                arrive(wanted, from, to);
            }
        });
        return;
    }
    const io::Endpoint there = is_mine(to) ? host_.with_port(to.port()) : to;
    dial->connection = std::make_shared<Connection>(world_, from, there);
    chosen.queue.push_back(dial->connection);
    answer_dial(dial, 0);
}

void SimBackend::answer_dial(const std::shared_ptr<Dial>& dial, std::int32_t error) {
    world_.at(world_.now() + world_.some_delay(), [late = std::weak_ptr(dial), error] {
        if (const auto wanted = late.lock()) {
            wanted->error = error;
            wanted->answered = true;
        }
    });
}

bool SimBackend::is_mine(const io::Endpoint& address) const noexcept {
    return address.with_port(0) == host_.with_port(0) ||
           address.with_port(0) == io::Endpoint::loopback();
}

// Every listener that a connection from here to `to` may reach, on any core of that host.
std::vector<SimBackend::Descriptor*> SimBackend::listeners_at(const io::Endpoint& to) const {
    std::vector<Descriptor*> found;
    for (SimBackend* backend : world_.backends()) {
        const bool there = is_mine(to) ? backend->host_.with_port(0) == host_.with_port(0)
                                       : backend->host_.with_port(0) == to.with_port(0);
        if (!there) {
            continue;
        }
        for (Descriptor& one : backend->descriptors_ | std::views::values) {
            const bool listens = one.listening && one.local.port() == to.port();
            if (listens && (one.local.is_any() || one.local.with_port(0) == to.with_port(0) ||
                            backend->is_mine(one.local))) {
                found.push_back(&one);
            }
        }
    }
    return found;
}

io::Result<int> SimBackend::listen(const io::Endpoint& wanted, io::Sharing sharing) {
    world_.happened(wanted.port());
    if (full()) {
        return std::unexpected(std::errc::too_many_files_open);
    }
    const auto where = wanted.port() == 0 ? wanted.with_port(world_.new_port()) : wanted;
    const bool taken = !listeners_at(host_.with_port(where.port())).empty();
    if (taken && sharing == io::Sharing::first) {
        return std::unexpected(std::errc::address_in_use);
    }
    const int fd = world_.new_descriptor();
    Descriptor& made = descriptors_[fd];
    made.local = where;
    made.listening = true;
    return fd;
}

io::Result<int> SimBackend::stream(const io::Endpoint&) {
    if (full()) {
        return std::unexpected(std::errc::too_many_files_open);
    }
    const int fd = world_.new_descriptor();
    descriptors_[fd].local = host_.with_port(0);
    return fd;
}

io::Result<void> SimBackend::bind(int fd, const io::Endpoint& local) {
    if (!is_mine(local)) {
        return std::unexpected(std::errc::address_not_available);
    }
    at(fd).local = local;
    return {};
}

std::size_t SimBackend::served_at(std::uint16_t port) const noexcept {
    const auto is_served = [port](const Descriptor& one) {
        return one.connection != nullptr && one.side == Side::listener && one.local.port() == port;
    };
    return static_cast<std::size_t>(
        std::ranges::count_if(descriptors_ | std::views::values, is_served));
}

bool SimBackend::was_reset(int fd) const noexcept {
    const Descriptor& on = at(fd);
    return on.connection != nullptr && on.connection->was_reset(on.side);
}

io::Result<io::Endpoint> SimBackend::local_endpoint(int fd) const {
    return at(fd).local;
}

io::Result<io::Endpoint> SimBackend::peer_endpoint(int fd) const {
    const Descriptor& on = at(fd);
    if (on.connection == nullptr) {
        return std::unexpected(std::errc::not_connected);
    }
    return on.connection->endpoint(other(on.side));
}

void SimBackend::close(int fd, io::Farewell farewell) noexcept {
    world_.happened(static_cast<std::uint64_t>(fd));
    assert(std::ranges::none_of(pending_, [fd](const Pending& one) { return one.op->fd == fd; }));
    Descriptor& on = at(fd);
    if (on.connection != nullptr) {
        on.connection->close(on.side, farewell);
    }
    // Connected, but nobody has asked for the answer: a reset is what the other side sees.
    if (on.dial != nullptr && on.dial->connection != nullptr) {
        on.dial->connection->close(Side::dialer, io::Farewell::reset);
    }
    for (const auto& waiting : on.queue) {
        waiting->close(Side::listener, io::Farewell::reset);
    }
    descriptors_.erase(fd);
}

}  // namespace ferry::sim
