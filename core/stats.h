// StatsShard: the counters of one core.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

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
struct alignas(64) StatsShard {
    Counter accepted;         // connections taken from a listener
    Counter open_sessions;    // now
    Counter handshakes;       // now: connections whose request is not complete
    Counter drained;          // peers that were let go silently
    Counter drain_overflow;   // peers closed at once because too many were being drained
    Counter accept_pauses;    // no descriptor was to be had
    Counter handshake_waits;  // the listener waited because too many handshakes were in flight
    Counter replay_full;      // handshakes refused because a replay filter had no place for them
    Counter replay_unkept;    // tokens that the state file had no room for
    Counter uplink_bytes;     // plaintext, from the client
    Counter downlink_bytes;   // plaintext, to the client
    std::array<Counter, kOutcomeCount> outcomes;
    std::array<Counter, proto::kFaultCount> faults;

    void count(Outcome outcome) noexcept { outcomes[static_cast<std::size_t>(outcome)].add(); }
    void count(proto::Fault fault) noexcept { faults[static_cast<std::size_t>(fault)].add(); }
};

}  // namespace ferry::core
