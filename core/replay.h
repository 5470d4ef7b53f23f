// ReplayFilter: remembers every accepted token for as long as it could be used again.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "core/cache_line.h"
#include "core/replay_record.h"
#include "core/replay_store.h"

namespace ferry::core {

inline constexpr std::size_t kReplayShards = 64;
// Per shard and generation: 16 bytes each, so one full generation takes 64 MiB and holds 3.6
// million.
inline constexpr std::size_t kReplaySlotsMax = 65536;
// Per shard. Two are enough while the clock on the wall goes its way; the others hold what it was
// set back from.
inline constexpr std::size_t kReplayGenerationsMax = 4;

using ReplayToken = std::span<const std::uint8_t, kReplayTokenBytes>;

// An exact set of tokens (auth ids, digests of session keys), shared by all cores: a replay may
// arrive on any of them.
//
//   thread   any; one short critical section per accepted handshake, on one of 64 shards
//   memory   grows with what is in it; a generation is dropped whole once its window has passed
//   forgets  never early, see is_past(); when a shard is full, the handshake is refused
class ReplayFilter {
public:
    enum class Seen : std::uint8_t {
        fresh,
        unkept,  // fresh, and the state file has no room: it is not remembered after a restart
        repeated,
        full,
    };

    // `seed` keeps users from choosing tokens that fall into one place. `slots` is a power of two
    // from 64 on, per shard and generation.
    explicit ReplayFilter(std::uint64_t seed, std::size_t slots = kReplaySlotsMax);

    // From now on, fresh tokens are also written to `store`, which outlives the filter.
    //
    //   thread  the one that starts the others
    void keep_in(ReplayStore& store, ReplayKind kind) noexcept;

    // Takes over a token that an earlier process has accepted, and told the store.
    //
    //   unix_seconds  when that was
    //   gives         false if there is no place for it
    bool restore(ReplayToken token, std::int64_t unix_seconds, io::TimePoint now);

    // Remembers a token that has just been proven to be a user's. A repeated one is not remembered
    // any longer for that.
    Seen insert(ReplayToken token, const ReplayTime& time);

    // Is it time to tell the log about `seen` again? Says so once a minute, to one core.
    //
    //   thread  any
    bool may_tell(Seen seen, io::TimePoint now) noexcept;

    // Why tokens are unkept, in words for the log.
    std::string trouble() const;

    std::size_t size();  // for metrics and tests; takes every lock

private:
    struct Id {
        std::uint64_t high = 0;
        std::uint64_t low = 0;
        friend bool operator==(const Id&, const Id&) = default;
    };

    // Open addressing with linear probing; the id of all zeros marks a free slot.
    struct Generation {
        std::vector<Id> slots;
        std::size_t used = 0;
        io::TimePoint first;
        ReplayTime last;

        bool contains(const Id& id, std::uint64_t hash) const noexcept;
        void place(const Id& id, std::uint64_t hash) noexcept;
    };

    struct alignas(kCacheLineBytes) Shard {
        std::mutex lock;
        std::vector<Generation> generations;  // the youngest is the last
        ReplayPen pen;

        bool contains(const Id& id, std::uint64_t hash) const noexcept;
    };
    static_assert(kHasOwnLines<Shard>);

    enum class WhenFull : std::uint8_t { refuse, begin_another };

    static Id id_of(ReplayToken token) noexcept;
    std::uint64_t hash_of(const Id& id) const noexcept;
    Shard& shard_of(std::uint64_t hash) noexcept { return shards_[(hash >> 48) % kReplayShards]; }
    bool take_in(Shard& shard, const Id& id, const ReplayTime& time, WhenFull when_full) const;
    void grow(Generation& generation) const;

    const std::uint64_t seed_;
    const std::size_t slots_;
    ReplayStore* store_ = nullptr;
    ReplayKind kind_ = ReplayKind::auth_id;
    std::array<Shard, kReplayShards> shards_;
    // The next time, by Seen.
    alignas(kCacheLineBytes) std::array<std::atomic<io::Duration::rep>, 4> told_;
};

}  // namespace ferry::core
