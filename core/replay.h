// ReplayFilter: remembers every accepted auth id for as long as it could be used again.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <vector>

#include "crypto/bytes.h"
#include "io/result.h"

namespace ferry::core {

inline constexpr std::size_t kReplayShards = 64;
// An auth id is good from 120 s before its time to 120 s after it (vmess.md 6 and 17).
inline constexpr io::Duration kReplayWindow = std::chrono::seconds(240);
// Per shard and generation: 16 bytes each, so one full generation takes 64 MiB and holds 3.6
// million.
inline constexpr std::size_t kReplaySlotsMax = 65536;

// An exact set of auth ids, shared by all cores: a replay may arrive on any of them.
//
//   thread   any; one short critical section per accepted handshake, on one of 64 shards
//   memory   grows with what is in it; a generation is dropped whole once its window has passed
//   forgets  never early: when a shard is full, it says so and the handshake is refused
class ReplayFilter {
public:
    enum class Seen : std::uint8_t { fresh, repeated, full };

    // `seed` keeps users from choosing auth ids that fall into one place.
    explicit ReplayFilter(std::uint64_t seed) noexcept : seed_(seed) {}

    // Remembers an auth id that has just been proven to be a user's.
    Seen insert(std::span<const std::uint8_t, 16> auth_id, io::TimePoint now);

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

        bool contains(const Id& id, std::uint64_t hash) const noexcept;
        void place(const Id& id, std::uint64_t hash) noexcept;
    };

    struct alignas(64) Shard {
        std::mutex lock;
        Generation young;
        Generation old;
        io::TimePoint turned{};
    };

    std::uint64_t hash_of(const Id& id) const noexcept;
    void grow(Generation& generation) const;

    std::uint64_t seed_;
    std::array<Shard, kReplayShards> shards_;
};

}  // namespace ferry::core
