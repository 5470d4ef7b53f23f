// StatsShard: the counters of one core.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "core/cache_line.h"
#include "core/outcome.h"
#include "proto/fault.h"

namespace ferry::core {

// A number that only one core writes and anyone may read.
class Counter {
public:
    void add(std::uint64_t more = 1) noexcept {
        // Not fetch_add: there is one writer, and a locked instruction would cost more than the
        // sum.
        value_.store(value_.load(std::memory_order_relaxed) + more, std::memory_order_relaxed);
    }
    void sub(std::uint64_t less = 1) noexcept {
        value_.store(value_.load(std::memory_order_relaxed) - less, std::memory_order_relaxed);
    }
    std::uint64_t read() const noexcept { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<std::uint64_t> value_{0};
};

// The counters of one core; a reader adds the shards up.
struct alignas(kCacheLineBytes) StatsShard {
    Counter accepted;         // connections taken from a listener
    Counter open_sessions;    // now
    Counter handshakes;       // now: connections whose request is not complete
    Counter made_callers;     // users who came by an account that a detour made for them
    Counter drained;          // peers that were let go silently
    Counter drain_overflow;   // peers closed at once because too many were being drained
    Counter accept_pauses;    // no descriptor was to be had
    Counter handshake_waits;  // the listener waited because too many handshakes were in flight
    Counter known_callers;    // users found among those known at their address
    Counter searches;         // passes over all users of an inbound
    Counter search_waits;     // a search waited for the budget of strangers
    Counter search_refusals;  // the budget was booked up: no search, and the peer is let go
    Counter wrong_clocks;     // a user's time was outside the window
    Counter replay_full;      // handshakes refused because a replay filter had no place for them
    Counter replay_unkept;    // tokens that the state file had no room for
    Counter mux_streams;      // streams and associations that clients opened inside connections
    Counter mux_refusals;     // of them refused: too many, or a number in use
    Counter mux_waits;        // a stream kept the others of its connection waiting
    Counter mux_stalls;       // a stream was torn down because it did so for too long
    Counter xudp_moves;       // associations that went on in another connection, at the client
    Counter uplink_bytes;     // plaintext, from the client
    Counter downlink_bytes;   // plaintext, to the client
    Counter associations;           // of datagrams, whose way out was opened
    Counter associations_refused;   // datagrams that would have begun one more than there may be
    Counter fan_evictions;          // destinations that made room for another of their association
    Counter uplink_datagrams;       // from the client
    Counter downlink_datagrams;     // to the client
    Counter datagrams_unsent;       // too large, or no way there: dropped on the way out
    Counter datagrams_strange;      // from somebody whom the association is not with
    Counter datagrams_malformed;    // without a head that can be read, or a part of one
    Counter datagrams_overrun;      // a queue had no room for them
    std::array<Counter, kOutcomeCount> outcomes;
    std::array<Counter, proto::kFaultCount> faults;

    void count(Outcome outcome) noexcept { outcomes[static_cast<std::size_t>(outcome)].add(); }
    void count(proto::Fault fault) noexcept { faults[static_cast<std::size_t>(fault)].add(); }
};
static_assert(kHasOwnLines<StatsShard>);

// Adds the counters of one core to the sums of their names, such as "core.accepted".
void add_to(std::map<std::string, std::uint64_t, std::less<>>& sums, const StatsShard& shard);

}  // namespace ferry::core
