// Timer and TimerWheel: something to do at a time, and the wheel that remembers it.
#pragma once

#include <array>
#include <cstdint>

#include "io/list.h"
#include "io/result.h"

namespace ferry::io {

struct InWheel;

// Something to do at a time. Whoever waits inherits it.
//
//   lifetime  disarmed before it dies
class Timer : public Hook<InWheel> {
public:
    Timer() noexcept = default;
    virtual ~Timer() = default;
    bool armed() const noexcept { return linked(); }

private:
    friend class TimerWheel;
    // Called once, disarmed, at or after the time; it may arm and disarm any timer, also itself.
    virtual void fire() noexcept = 0;

    std::uint64_t tick_ = 0;
    std::uint16_t place_ = 0;  // level * kSlots + slot, or kNowhere while it is being fired
};

// Timers by time: eight wheels of 64 slots, each slot of a wheel as long as the whole wheel below
// it. Together they reach farther than a TimePoint does.
//
//   units  ticks of one millisecond; a timer fires up to one tick late and never early
//   cost   arming and disarming: constant; a timer moves down one wheel at most seven times
class TimerWheel {
public:
    // Arms a timer, or moves an armed one. A time that has passed fires with the next fire().
    void arm(Timer& timer, TimePoint when) noexcept;
    void disarm(Timer& timer) noexcept;

    // When fire() has something to do; it may be early, for a timer that has to change wheels.
    TimePoint next() const noexcept;
    // Fires what is due.
    void fire(TimePoint now) noexcept;

    bool empty() const noexcept;

private:
    static constexpr unsigned kLevels = 8;
    static constexpr unsigned kBits = 6;
    static constexpr unsigned kSlots = 1U << kBits;
    static constexpr std::uint16_t kNowhere = 0xffff;

    struct Next {
        unsigned level;
        unsigned slot;
        std::uint64_t tick;  // when the slot begins; kEndless if no slot is occupied
    };
    static constexpr std::uint64_t kEndless = ~std::uint64_t{0};

    Next next_slot() const noexcept;
    void place(Timer& timer) noexcept;

    std::uint64_t tick_ = 0;                         // everything before it has fired
    std::array<std::uint64_t, kLevels> occupied_{};  // one bit per slot that is not empty
    std::array<List<Timer, InWheel>, kLevels * kSlots> slots_;
    List<Timer, InWheel> due_;  // taken out of the wheel, about to fire
};

}  // namespace ferry::io
