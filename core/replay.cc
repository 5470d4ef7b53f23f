#include "core/replay.h"

#include <bit>
#include <utility>

namespace ferry::core {
namespace {

constexpr std::size_t kFirstSlots = 64;
constexpr std::uint64_t kMix = 0x9e3779b97f4a7c15;  // 2^64 divided by the golden ratio

// A slot table is worked up to seven eighths; beyond that, probes become long.
std::size_t room_of(std::size_t slots) {
    return slots - slots / 8;
}

}  // namespace

std::uint64_t ReplayFilter::hash_of(const Id& id) const noexcept {
    std::uint64_t hash = (id.high ^ seed_) * kMix;
    hash = (std::rotl(hash, 29) ^ id.low) * kMix;
    return hash ^ (hash >> 32);
}

void ReplayFilter::Generation::place(const Id& id, std::uint64_t hash) noexcept {
    const std::size_t mask = slots.size() - 1;
    std::size_t index = hash & mask;
    while (slots[index] != Id{}) {
        index = (index + 1) & mask;
    }
    slots[index] = id;
}

bool ReplayFilter::Generation::contains(const Id& id, std::uint64_t hash) const noexcept {
    if (slots.empty()) {
        return false;
    }
    const std::size_t mask = slots.size() - 1;
    for (std::size_t index = hash & mask; slots[index] != Id{}; index = (index + 1) & mask) {
        if (slots[index] == id) {
            return true;
        }
    }
    return false;
}

void ReplayFilter::grow(Generation& generation) const {
    std::vector<Id> before = std::exchange(
        generation.slots,
        std::vector<Id>(generation.slots.empty() ? kFirstSlots : generation.slots.size() * 2));
    for (const Id& id : before) {
        if (id != Id{}) {
            generation.place(id, hash_of(id));
        }
    }
}

ReplayFilter::Seen ReplayFilter::insert(std::span<const std::uint8_t, 16> auth_id,
                                        io::TimePoint now) {
    Id id{crypto::load_be<std::uint64_t>(auth_id.data()),
          crypto::load_be<std::uint64_t>(auth_id.data() + 8)};
    if (id == Id{}) {
        id.low = 1;  // the mark of a free slot; the two share a place, once in 2^128
    }
    const std::uint64_t hash = hash_of(id);
    Shard& shard = shards_[(hash >> 48) % kReplayShards];

    std::lock_guard guard(shard.lock);
    if (now - shard.turned >= kReplayWindow) {
        // Two windows without a visit: even the young generation is out of date.
        const bool stale = now - shard.turned >= 2 * kReplayWindow;
        shard.old = stale ? Generation{} : std::move(shard.young);
        shard.young = Generation{};
        shard.turned = now;
    }
    if (shard.young.contains(id, hash) || shard.old.contains(id, hash)) {
        return Seen::repeated;
    }
    if (shard.young.used >= room_of(shard.young.slots.size())) {
        if (shard.young.slots.size() >= kReplaySlotsMax) {
            return Seen::full;
        }
        grow(shard.young);
    }
    shard.young.place(id, hash);
    ++shard.young.used;
    return Seen::fresh;
}

std::size_t ReplayFilter::size() {
    std::size_t sum = 0;
    for (Shard& shard : shards_) {
        std::lock_guard guard(shard.lock);
        sum += shard.young.used + shard.old.used;
    }
    return sum;
}

}  // namespace ferry::core
