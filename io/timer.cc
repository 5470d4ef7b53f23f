#include "io/timer.h"

#include <algorithm>
#include <bit>
#include <chrono>

namespace ferry::io {

namespace {

using std::chrono::milliseconds;

// Rounded up, so that no timer fires early.
std::uint64_t tick_at_or_after(TimePoint when) {
    const auto since = std::chrono::ceil<milliseconds>(when.time_since_epoch()).count();
    return since > 0 ? static_cast<std::uint64_t>(since) : 0;
}

std::uint64_t tick_at_or_before(TimePoint when) {
    const auto since = std::chrono::floor<milliseconds>(when.time_since_epoch()).count();
    return since > 0 ? static_cast<std::uint64_t>(since) : 0;
}

}  // namespace

void TimerWheel::arm(Timer& timer, TimePoint when) noexcept {
    disarm(timer);
    // The last second before the end of time would overflow when it is rounded, and never comes
    // either.
    if (when > kNever - std::chrono::seconds(1)) {
        return;
    }
    timer.tick_ = tick_at_or_after(when);
    place(timer);
}

void TimerWheel::disarm(Timer& timer) noexcept {
    if (!timer.armed()) {
        return;
    }
    timer.unlink();
    if (timer.place_ != kNowhere && slots_[timer.place_].empty()) {
        occupied_[timer.place_ / kSlots] &= ~(std::uint64_t{1} << (timer.place_ % kSlots));
    }
}

TimePoint TimerWheel::next() const noexcept {
    const Next next = next_slot();
    if (next.tick == kEndless) {
        return kNever;
    }
    return TimePoint(milliseconds(next.tick));
}

void TimerWheel::fire(TimePoint now) noexcept {
    const std::uint64_t today = tick_at_or_before(now);
    for (Next next = next_slot(); next.tick <= today; next = next_slot()) {
        tick_ = next.tick;
        occupied_[next.level] &= ~(std::uint64_t{1} << next.slot);
        List<Timer, InWheel> moving;
        moving.take_all(slots_[next.level * kSlots + next.slot]);
        while (Timer* timer = moving.pop_front()) {
            if (timer->tick_ <= tick_) {
                timer->place_ = kNowhere;
                due_.push_back(*timer);
            } else {
                place(*timer);
            }
        }
    }
    tick_ = std::max(tick_, today);

    // Only now, because a timer may arm others for a time that has passed: those wait for the next
    // call, or this one might never end.
    while (Timer* timer = due_.pop_front()) {
        timer->fire();
    }
}

bool TimerWheel::empty() const noexcept {
    return next_slot().tick == kEndless;
}

// The first occupied slot: a lower wheel always comes before a higher one, because a timer is on
// the wheel of the highest digit (in base 64) in which its tick differs from the present one.
TimerWheel::Next TimerWheel::next_slot() const noexcept {
    for (unsigned level = 0; level < kLevels; ++level) {
        if (occupied_[level] == 0) {
            continue;
        }
        const auto slot = static_cast<unsigned>(std::countr_zero(occupied_[level]));
        const unsigned shift = level * kBits;
        const std::uint64_t turn = tick_ >> (shift + kBits) << (shift + kBits);
        return {level, slot, turn + (std::uint64_t{slot} << shift)};
    }
    return {0, 0, kEndless};
}

void TimerWheel::place(Timer& timer) noexcept {
    const std::uint64_t tick = std::max(timer.tick_, tick_);
    const auto digits = static_cast<unsigned>(std::bit_width((tick ^ tick_) | 1)) - 1;
    const unsigned level = digits / kBits;
    const auto slot = static_cast<unsigned>(tick >> (level * kBits)) % kSlots;
    timer.place_ = static_cast<std::uint16_t>(level * kSlots + slot);
    occupied_[level] |= std::uint64_t{1} << slot;
    slots_[timer.place_].push_back(timer);
}

}  // namespace ferry::io
