#include "core/replay.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <utility>

#include "crypto/bytes.h"

namespace ferry::core {
namespace {

constexpr std::size_t kFirstSlots = 64;
constexpr std::uint64_t kMix = 0x9e3779b97f4a7c15;  // 2^64 divided by the golden ratio
constexpr io::Duration kTellEvery = std::chrono::minutes(1);

// A slot table is worked up to seven eighths; beyond that, probes become long.
std::size_t room_of(std::size_t slots) {
    return slots - slots / 8;
}

}  // namespace

ReplayFilter::ReplayFilter(std::uint64_t seed, std::size_t slots) : seed_(seed), slots_(slots) {
    assert(std::has_single_bit(slots));
    assert(slots >= kFirstSlots);
    for (auto& next : told_) {
        next.store(io::TimePoint::min().time_since_epoch().count(), std::memory_order_relaxed);
    }
}

void ReplayFilter::keep_in(ReplayStore& store, ReplayKind kind) noexcept {
    store_ = &store;
    kind_ = kind;
}

ReplayFilter::Id ReplayFilter::id_of(ReplayToken token) noexcept {
    Id id{crypto::load_be<std::uint64_t>(token.data()),
          crypto::load_be<std::uint64_t>(token.data() + 8)};
    if (id == Id{}) {
        id.low = 1;  // the mark of a free slot; the two share a place, once in 2^128
    }
    return id;
}

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

bool ReplayFilter::Shard::contains(const Id& id, std::uint64_t hash) const noexcept {
    return std::ranges::any_of(generations, [&id, hash](const Generation& generation) {
        return generation.contains(id, hash);
    });
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

// Puts a new id into the youngest generation, or into a new one if that has had its window.
bool ReplayFilter::take_in(Shard& shard, const Id& id, const ReplayTime& time,
                           WhenFull when_full) const {
    std::vector<Generation>& all = shard.generations;
    const auto is_full = [this](const Generation& one) { return one.used >= room_of(slots_); };
    const bool is_due = all.empty() || time.now - all.back().first >= kReplayWindow ||
                        (is_full(all.back()) && when_full == WhenFull::begin_another);
    // At the limit, the youngest one goes on: what is in it is kept for longer than it needs to be.
    if (is_due && all.size() < kReplayGenerationsMax) {
        all.push_back({.slots = {}, .used = 0, .first = time.now, .last = time});
    }
    Generation& youngest = all.back();
    if (is_full(youngest)) {
        return false;
    }
    if (youngest.used >= room_of(youngest.slots.size())) {
        grow(youngest);
    }
    youngest.place(id, hash_of(id));
    ++youngest.used;
    youngest.last = later_of(youngest.last, time);
    return true;
}

bool ReplayFilter::restore(ReplayToken token, std::int64_t unix_seconds, io::TimePoint now) {
    const Id id = id_of(token);
    Shard& shard = shard_of(hash_of(id));
    std::lock_guard guard(shard.lock);
    return shard.contains(id, hash_of(id)) ||
           take_in(shard, id, {now, unix_seconds}, WhenFull::begin_another);
}

ReplayFilter::Seen ReplayFilter::insert(ReplayToken token, const ReplayTime& time) {
    const Id id = id_of(token);
    const std::uint64_t hash = hash_of(id);
    Shard& shard = shard_of(hash);

    std::lock_guard guard(shard.lock);
    std::erase_if(shard.generations,
                  [&time](const Generation& generation) { return is_past(generation.last, time); });
    if (shard.contains(id, hash)) {
        return Seen::repeated;
    }
    if (!take_in(shard, id, time, WhenFull::refuse)) {
        return Seen::full;
    }
    if (store_ == nullptr) {
        return Seen::fresh;
    }
    ReplayRecord record{.kind = kind_, .token = {}, .unix_seconds = time.unix_seconds};
    std::ranges::copy(token, record.token.begin());
    return store_->write(shard.pen, record, time) ? Seen::fresh : Seen::unkept;
}

bool ReplayFilter::may_tell(Seen seen, io::TimePoint now) noexcept {
    auto& next = told_[static_cast<std::size_t>(seen)];
    auto due = next.load(std::memory_order_relaxed);
    const io::Duration::rep moment = now.time_since_epoch().count();
    return moment >= due && next.compare_exchange_strong(due, moment + kTellEvery.count(),
                                                         std::memory_order_relaxed);
}

std::string ReplayFilter::trouble() const {
    return store_ == nullptr ? std::string() : store_->trouble();
}

std::size_t ReplayFilter::size() {
    std::size_t sum = 0;
    for (Shard& shard : shards_) {
        std::lock_guard guard(shard.lock);
        for (const Generation& generation : shard.generations) {
            sum += generation.used;
        }
    }
    return sum;
}

}  // namespace ferry::core
