// Core: what every session of one core may use.
#pragma once

#include <cstdint>
#include <map>
#include <memory>

#include "core/kept_sockets.h"
#include "core/log.h"
#include "core/meters.h"
#include "core/replay.h"
#include "core/resolver.h"
#include "core/skew_reports.h"
#include "core/stats.h"
#include "core/user_search.h"
#include "crypto/dispatch.h"
#include "crypto/random.h"
#include "proto/mux/global_id.h"
#include "io/buffer.h"
#include "io/condition.h"
#include "io/loop.h"
#include "io/pipe.h"

namespace ferry::core {

struct Snapshot;
class MuxClients;

// The beginning of a request waits for the rest in one of these: room for the longest of VMess.
inline constexpr std::size_t kHelloSlotBytes = 2304;
// Slot sizes. An `in` slot is what the kernel fills when a quiet direction wakes; a run buffer is
// what a busy one receives into, and a bulk buffer what it goes on with if it fills that, too. The
// others hold the same plaintext sealed: with the longest header, and with the additions of each
// unit.
inline constexpr std::size_t kInSlotBytes = 16 * 1024;
inline constexpr std::size_t kOutSlotBytes = 18 * 1024;
inline constexpr std::size_t kRunBytes = 64 * 1024;
inline constexpr std::size_t kOutRunBytes = 68 * 1024;
inline constexpr std::size_t kBulkBytes = 128 * 1024;
inline constexpr std::size_t kOutBulkBytes = 134 * 1024;
// Directions go on in bulk buffers while all that a core receives into is no more than this. It is
// what one turn may have to work through, and so what a small request beside it waits for.
inline constexpr std::size_t kBusyBytes = 256 * 1024;
// What streams inside a connection have been sent and have not taken lies in slots of this size.
inline constexpr std::size_t kMuxSlotBytes = 16 * 1024;
// Frames of many streams are put together in one of these before they are sealed.
inline constexpr std::size_t kFrameSlotBytes = 64 * 1024;

// Limits of one core; architecture.md, "Limits and budgets".
struct Limits {
    std::uint32_t in_slots = 4096;
    std::uint32_t out_slots = 1024;
    std::uint32_t run_buffers = 256;
    std::uint32_t bulk_buffers = 2;  // of each kind: kBusyBytes
    std::uint32_t mux_slots = 2048;
    // How long one stream may keep the others of its connection waiting, in all; limits.md.
    io::Duration mux_patience = std::chrono::seconds(10);
    std::uint32_t pipes = 256;  // each takes two descriptors; fewer where those are scarce
    std::uint32_t sessions = 65536;
    std::uint32_t handshakes = 16384;
    std::uint32_t associations = 16384;  // begun by datagrams at one port
    std::uint32_t drains = 256;
    std::uint32_t drains_per_address = 8;
    std::uint32_t known_addresses = 65536;
    TrialRates trials;
};

// The kinds of memory that bytes pass through. A coroutine that holds a slot may wait for one
// of a later kind, never for one of an earlier: so they cannot deadlock.
struct Pools {
    explicit Pools(const Limits& limits)
        : hello(kHelloSlotBytes, limits.handshakes),
          in(kInSlotBytes, limits.in_slots),
          run(kRunBytes, limits.run_buffers),
          bulk(kBulkBytes, limits.bulk_buffers),
          mux(kMuxSlotBytes, limits.mux_slots),
          frames(kFrameSlotBytes, limits.run_buffers),
          out(kOutSlotBytes, limits.out_slots),
          out_run(kOutRunBytes, limits.run_buffers),
          out_bulk(kOutBulkBytes, limits.bulk_buffers) {}

    io::BufferPool hello;  // one for each handshake: nobody waits for one of these
    io::BufferPool in;
    io::BufferPool run;
    io::BufferPool bulk;  // nobody waits for one of these
    io::BufferPool mux;
    io::BufferPool frames;
    io::BufferPool out;
    io::BufferPool out_run;
    io::BufferPool out_bulk;  // likewise
};

// How many connections are being drained, in all and for each address.
struct Drains {
    std::uint32_t open = 0;
    std::map<io::Endpoint, std::uint32_t> by_address;  // with port 0
};

struct Core {
    io::Loop& loop;
    Pools& pools;
    const Limits& limits;
    const crypto::Dispatch& dispatch;
    crypto::Random& random;
    Resolver& resolver;
    CoreLog& log;
    StatsShard& stats;
    Meters& meters;
    // Shared by all cores; once per handshake: auth ids, and the keys that sessions were opened
    // with.
    ReplayFilter& replay;
    ReplayFilter& session_keys;
    SkewReports& skew_reports;
    KeptSockets& kept_sockets;  // shared by all cores; when an association with a global id begins
    std::shared_ptr<const Snapshot> snapshot;  // this core's own reference count
    Drains drains;
    io::Condition room_for_sessions;  // for listeners that wait at a limit
    io::Condition session_ended;      // for a server that winds down
    io::Condition socket_kept;        // for whoever closes those that nobody comes back to
    // Runs something on this core, from any thread; not for what cannot be lost.
    std::function<void(std::move_only_function<void()>)> post;
    MuxClients* mux = nullptr;        // the server's
    UserSearch search{random.next(), limits.trials, limits.known_addresses};
    proto::mux::GlobalIds global_ids{*dispatch.sha256, random.bytes<32>()};
    bool is_winding_down = false;  // a kept connection ends where no request has begun
    io::PipePool pipes{loop, limits.pipes};
};

}  // namespace ferry::core
