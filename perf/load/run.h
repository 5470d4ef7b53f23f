// Run: one load, from the first connection to the last figure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <system_error>
#include <vector>

#include "core/users.h"
#include "io/endpoint.h"
#include "io/listener.h"
#include "io/scope.h"
#include "perf/load/channel.h"
#include "perf/load/histogram.h"
#include "perf/load/options.h"
#include "perf/load/pacer.h"

namespace ferry::load {

// What came of it.
struct Tally {
    std::uint64_t opened = 0;    // connections that were held open
    std::uint64_t done = 0;      // requests or connections, answered in full
    std::uint64_t sent = 0;      // bytes of payload, in the direction of the mode
    std::uint64_t received = 0;  // of those
    std::uint64_t failed = 0;    // connections that ended otherwise than they should
    std::uint64_t lost = 0;      // datagrams that did not come back in time
    std::uint64_t strange = 0;   // datagrams that came back to another association, or changed
    std::optional<std::errc> first_failure;
    Histogram latency;

    void fail(std::errc why) noexcept {
        ++failed;
        if (!first_failure) {
            first_failure = why;
        }
    }
};

// A near end, a far end, and what both know of each other: they live in one process.
struct Run {
    const Options& options;
    Rig rig;
    io::Scope& root;
    std::span<const proto::vmess::UserId> ids;
    const core::UserTable& table;  // of the same users, for the far end

    io::Endpoint far_end = {};  // where it listens
    std::size_t next_user = 0;
    io::Duration opening = {};  // how long it took until all connections were open
    io::TimePoint started = {};
    io::TimePoint until = {};
    io::TimePoint progressed = {};  // when something was last done or received
    Pacer pacer = {};
    Tally tally = {};

    io::TimePoint now() const noexcept { return rig.loop.backend().now(); }
    bool is_over() const noexcept { return now() >= until; }

    // A request or a connection is through: it has taken so long.
    void count_done(io::TimePoint since) noexcept {
        progressed = now();
        tally.latency.add(progressed - since);
        ++tally.done;
    }
    void count_received(std::size_t bytes) noexcept {
        progressed = now();
        tally.received += bytes;
    }
};

// What opening and winding down may take; then everything is stopped, so that a load ends by itself
// whatever the program under test does.
inline constexpr io::Duration kOpeningTime = std::chrono::seconds(60);
// And what one connection may take that is opened, or whose whole life is one request: a program
// that refuses by silence must not hold up the others.
inline constexpr io::Duration kGreetingTime = std::chrono::seconds(10);
inline constexpr io::Duration kEndingTime = std::chrono::seconds(20);

// Before the load begins, every connection that stays is proven by this much both ways.
inline constexpr std::size_t kHelloBytes = 1;

// Runs the load; stops the root when it is over. `report` hears when all idle connections are open.
io::Task<void> conduct(Run& run, void (&report)(const Run&));

// Sends datagrams from every association, and counts those that come back. `began` is called when
// all of them are open.
io::Task<void> exchange_datagrams(Run& run, void (&began)(Run&));

// Waits for exactly so much payload.
io::Task<io::Result<void>> receive_exactly(Channel& channel, std::size_t count);

// One side of a load that moves bytes: sends until the time is over, or receives until the end.
io::Task<io::Result<void>> pour(Run& run, Channel& channel);
io::Task<io::Result<void>> drain(Run& run, Channel& channel);

// The far end: accepts until the root is stopped, and does what the mode asks for. Its failures are
// the near end's, too, and are counted there.
io::Task<void> accept_all(Run& run, io::Listener& listener);

}  // namespace ferry::load
