#include "core/allocation.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/server.h"

namespace ferry::core {
namespace {

// How many generations listen at a time: each for twice the refresh.
constexpr std::size_t kGenerations = 2;

// How long all cores together take to let go of a port, and more.
constexpr io::Duration kClosing = std::chrono::milliseconds(200);

}  // namespace

io::Task<void> Allocation::run(Core& core, Server& server, io::Scope& scope) {
    const std::chrono::minutes refresh(std::max(ports_.settings.refresh_minutes, 1u));
    for (;;) {
        io::Duration rest = refresh;
        if (generations_.size() == kGenerations) {
            close_oldest(server);
            // In a tight range, the new ports are those that close now.
            auto closed = co_await core.loop.sleep_for(scope, kClosing);
            if (!closed) {
                co_return;
            }
            rest -= kClosing;
        }
        open_generation(core, server);
        // Whoever came through a port in its last moment may still have to say who they are.
        const io::Duration handshake =
            std::min<io::Duration>(core.snapshot->policy_of(0).handshake, rest);
        auto slept = co_await core.loop.sleep_for(scope, handshake);
        if (!slept) {
            co_return;
        }
        if (ports_.made) {
            ports_.made->drop_retired();
        }
        auto refreshed = co_await core.loop.sleep_for(scope, rest - handshake);
        if (!refreshed) {
            co_return;
        }
    }
}

void Allocation::open_generation(Core& core, Server& server) {
    Generation& young = generations_.emplace_back();
    std::vector<std::uint16_t> ports;
    for (std::uint32_t count = 0; count < ports_.settings.concurrency; ++count) {
        const auto at = open_one(core, server);
        if (!at) {
            core.log.error(
                LogLevel::warning, 0, ports_.base.inbound->name(),
                fmt::format("no port from {} to {} is free; {} of {} are open", ports_.range.first,
                            ports_.range.last, ports.size(), ports_.settings.concurrency));
            break;
        }
        young.endpoints.push_back(*at);
        ports.push_back(at->port());
    }
    ports_.announced->set(std::move(ports), core.loop.now(),
                          std::chrono::minutes(ports_.settings.refresh_minutes));
}

// Begins at a random port and takes the first that opens: the range may be nearly full, or partly
// taken by other programs, and the search ends in any case.
std::optional<io::Endpoint> Allocation::open_one(Core& core, Server& server) {
    const std::uint32_t count = std::uint32_t{ports_.range.last} - ports_.range.first + 1;
    const auto start = static_cast<std::uint32_t>(core.random.below(count));
    for (std::uint32_t step = 0; step < count; ++step) {
        const auto port = static_cast<std::uint16_t>(ports_.range.first + (start + step) % count);
        if (is_open(port)) {
            continue;
        }
        Port wanted = ports_.base;
        wanted.at = ports_.base.at.with_port(port);
        auto at = server.open(wanted, io::Sharing::first);
        if (at) {
            core.log.error(LogLevel::info, 0, ports_.base.inbound->name(),
                           fmt::format("listening on {}", at->text()));
            wanted.at = *at;
            others_.open(wanted);
            return *at;
        }
        if (at.error() != std::errc::address_in_use) {
            return std::nullopt;  // another port would not help
        }
    }
    return std::nullopt;
}

void Allocation::close_oldest(Server& server) {
    for (const io::Endpoint& at : generations_.front().endpoints) {
        server.close(at);
        others_.close(at);
        if (ports_.made) {
            ports_.made->retire(at.port());
        }
    }
    generations_.pop_front();
}

bool Allocation::is_open(std::uint16_t port) const {
    return std::ranges::any_of(generations_, [port](const Generation& generation) {
        return std::ranges::any_of(generation.endpoints,
                                   [port](const io::Endpoint& at) { return at.port() == port; });
    });
}

std::vector<std::uint16_t> Allocation::listening() const {
    std::vector<std::uint16_t> ports;
    for (const Generation& generation : generations_) {
        for (const io::Endpoint& at : generation.endpoints) {
            ports.push_back(at.port());
        }
    }
    return ports;
}

}  // namespace ferry::core
