#include "core/trial_budget.h"

#include <algorithm>
#include <cassert>

namespace ferry::core {
namespace {

// How long so much work takes at a rate. A rate of zero stands for one that is never reached.
io::Duration time_for(std::size_t trials, std::uint64_t per_second) {
    if (per_second == 0) {
        return io::Duration::zero();
    }
    constexpr std::uint64_t kNanosecondsPerSecond = 1'000'000'000;
    return std::chrono::nanoseconds(trials * kNanosecondsPerSecond / per_second);
}

}  // namespace

TrialRates rates_for(const crypto::TrialRow& row) {
    constexpr std::size_t kRounds = 10;
    constexpr std::size_t kBlocks = 16;
    const crypto::TrialKeys keys;
    std::array<std::uint8_t, 16> auth_id{};
    auto least = std::chrono::nanoseconds::max();
    for (std::size_t round = 0; round < kRounds; ++round) {
        const auto start = std::chrono::steady_clock::now();
        for (std::size_t block = 0; block < kBlocks; ++block) {
            // What has been found goes into the next one, so that none can be left out.
            auth_id[0] ^= static_cast<std::uint8_t>(
                row.find(keys, crypto::kTrialBlockUsers, auth_id.data()) + block);
        }
        least = std::min<std::chrono::nanoseconds>(least, std::chrono::steady_clock::now() - start);
    }
    constexpr std::uint64_t kTrials = kBlocks * crypto::kTrialBlockUsers;
    const auto spent = static_cast<std::uint64_t>(std::max<std::int64_t>(least.count(), 1));
    TrialRates rates;
    rates.per_second = std::max(kTrials * 1'000'000'000 / spent / 4, kTrials);
    rates.per_second_per_address = rates.per_second / 5;
    return rates;
}

std::optional<io::Duration> TrialBudget::Meter::book(io::Duration cost, io::TimePoint now,
                                                     io::Duration burst) noexcept {
    const io::TimePoint start = std::max(next_, now - burst);
    if (start - now > kWaitMost) {
        return std::nullopt;
    }
    next_ = start + cost;
    return std::max(start - now, io::Duration::zero());
}

std::uint64_t TrialBudget::rate_of(Lane lane) const noexcept {
    const std::uint64_t quarter = rates_.per_second / 4;
    return lane == Lane::failed ? quarter : rates_.per_second - quarter;
}

std::span<TrialBudget::Entry> TrialBudget::set_of(const PeerAddress& address) noexcept {
    const std::size_t set = address.hash(seed_) % kSets;
    return entries_.empty() ? std::span<Entry>() : std::span(entries_).subspan(set * kWays, kWays);
}

TrialBudget::Entry* TrialBudget::find(const PeerAddress& address) noexcept {
    for (Entry& entry : set_of(address)) {
        if (entry.address == address) {
            return &entry;
        }
    }
    return nullptr;
}

// An address that is not there takes the place of the one that has been quiet for longest. Whoever
// has addresses enough to push out others is still held by the lanes.
TrialBudget::Entry& TrialBudget::place(const PeerAddress& address) {
    if (Entry* entry = find(address)) {
        return *entry;
    }
    if (entries_.empty()) {
        entries_.resize(kSets * kWays);
    }
    Entry& entry = *std::ranges::min_element(set_of(address), {},
                                             [](const Entry& one) { return one.meter.next(); });
    entry = Entry{address, {}, {}, {}};
    return entry;
}

TrialBudget::Lane TrialBudget::lane_of(const PeerAddress& address, io::TimePoint now) noexcept {
    const Entry* entry = find(address);
    return entry != nullptr && now < entry->failed_until ? Lane::failed : Lane::fresh;
}

std::optional<io::Duration> TrialBudget::book(Booking& booking, io::TimePoint now) {
    Entry& entry = place(booking.address);
    const auto wait = entry.meter.book(time_for(booking.trials, rates_.per_second_per_address), now,
                                       kAddressBurst);
    booking.with_address = wait.has_value();
    if (!wait) {
        return std::nullopt;
    }
    // Until then nobody knows in which lane the address belongs: it may become known, too.
    return std::max(*wait, entry.settles_at - now);
}

std::optional<io::Duration> TrialBudget::book_lane(Booking& booking, io::TimePoint now) {
    const Lane lane = lane_of(booking.address, now);
    const auto wait = lanes_[static_cast<std::size_t>(lane)].book(
        time_for(booking.trials, rate_of(lane)), now, kLaneBurst);
    if (wait) {
        booking.lane = lane;
    }
    if (wait && lane == Lane::fresh) {
        place(booking.address).settles_at = now + *wait;
    }
    return wait;
}

void TrialBudget::take_back(const Booking& booking) noexcept {
    Entry* entry = find(booking.address);
    if (booking.with_address && entry != nullptr) {
        entry->meter.take_back(time_for(booking.trials, rates_.per_second_per_address));
    }
    if (booking.lane) {
        lanes_[static_cast<std::size_t>(*booking.lane)].take_back(
            time_for(booking.trials, rate_of(*booking.lane)));
    }
}

void TrialBudget::failed(const PeerAddress& address, io::TimePoint now) {
    place(address).failed_until = now + kFailureMemory;
}

bool TrialBudget::enter(Lane lane) noexcept {
    std::uint32_t& here = waiting_[static_cast<std::size_t>(lane)];
    const std::uint32_t quarter = rates_.waiting / 4;
    if (here >= (lane == Lane::failed ? quarter : rates_.waiting - quarter)) {
        return false;
    }
    ++here;
    return true;
}

}  // namespace ferry::core
