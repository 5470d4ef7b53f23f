#include "core/watched_sockets.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cassert>
#include <utility>

#include "io/loop.h"

namespace ferry::core {

WatchedSockets::WatchedSockets(io::Scope& home, Ready ready)
    : home_(home), ready_(std::move(ready)) {}

WatchedSockets::~WatchedSockets() {
    assert(idle());
    assert(watches_.empty());
}

int WatchedSockets::open(int domain, int type, int protocol) {
    const int fd = ::socket(domain, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
    if (fd >= 0) {
        auto watch = std::make_unique<Watch>();
        watch->socket = io::Descriptor(home_.loop(), fd);
        watches_.push_back(std::move(watch));
    }
    return fd;
}

void WatchedSockets::close(int fd) {
    Watch* const watch = find(fd);
    assert(watch != nullptr);
    watch->closed = true;
    set_interest(*watch, 0);
    if (!watch->running) {
        erase(*watch);
    }
}

void WatchedSockets::set_interest(int fd, std::uint32_t events) {
    Watch* const watch = find(fd);
    assert(watch != nullptr);
    set_interest(*watch, events);
}

void WatchedSockets::set_interest(Watch& watch, std::uint32_t events) {
    if (watch.events == events) {
        return;
    }
    watch.events = events;
    if (watch.wait != nullptr) {
        watch.wait->stop(io::Stop::peer);  // watch() goes on with the new interest
    }
    if (!watch.running && events != 0) {
        watch.running = true;
        ++running_;
        home_.spawn(this->watch(watch));
    }
}

io::Task<void> WatchedSockets::watch(Watch& watch) {
    while (watch.events != 0 && !home_.stopping()) {
        io::Scope wait(home_.loop(), &home_);
        watch.wait = &wait;
        auto come = co_await home_.loop().poll(wait, watch.socket.fd(), watch.events);
        watch.wait = nullptr;
        if (come && watch.events != 0) {
            const bool error = (*come & ~std::uint32_t{POLLIN | POLLOUT}) != 0;
            ready_(watch.socket.fd(), error ? POLLIN | POLLOUT : *come);
        }
    }
    watch.running = false;
    --running_;
    if (watch.closed) {
        erase(watch);
    }
}

// A closed one that is about to go keeps its number until then, so the number is found once.
WatchedSockets::Watch* WatchedSockets::find(int fd) noexcept {
    const auto place =
        std::ranges::find_if(watches_, [=](const auto& watch) { return watch->socket.fd() == fd; });
    return place == watches_.end() ? nullptr : place->get();
}

void WatchedSockets::erase(const Watch& watch) noexcept {
    std::erase_if(watches_, [&](const auto& one) { return one.get() == &watch; });
}

}  // namespace ferry::core
