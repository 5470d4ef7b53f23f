// Pacer: requests by the clock, for an open loop.
#pragma once

#include <cstdint>

#include "io/condition.h"
#include "io/result.h"

namespace ferry::load {

// Requests that become due at a fixed rate, however long those before take. Whoever serves them
// counts from when a request was due, not from when it could be sent: a program under test that
// stalls is then charged with every request that had to wait, and not with one per connection.
//
//   thread  one core only
class Pacer {
public:
    // Begins: `count` requests, the first one at `from`, then one every `gap`.
    void start(io::TimePoint from, io::Duration gap, std::uint64_t count) noexcept {
        from_ = from;
        gap_ = gap;
        count_ = count;
    }

    // When the next request becomes due; kNever: there is none to come.
    io::TimePoint next() const noexcept { return released_ < count_ ? due(released_) : io::kNever; }

    // Lets go of every request that is due by now.
    void release(io::TimePoint now) noexcept {
        while (released_ < count_ && due(released_) <= now) {
            ++released_;
            changed_.notify_one();
        }
        if (released_ == count_) {
            changed_.notify_all();
        }
    }

    bool has_due() const noexcept { return taken_ < released_; }
    bool is_over() const noexcept { return taken_ == count_; }

    // Takes the request that has been due for longest, if has_due().
    //
    //   gives  when it was due
    io::TimePoint take() noexcept { return due(taken_++); }

    // Notified when there is something to take, and when there will be nothing more.
    io::Condition& changed() noexcept { return changed_; }

private:
    io::TimePoint due(std::uint64_t number) const noexcept {
        return from_ + gap_ * static_cast<std::int64_t>(number);
    }

    io::TimePoint from_;
    io::Duration gap_{};
    std::uint64_t count_ = 0;
    std::uint64_t released_ = 0;
    std::uint64_t taken_ = 0;
    io::Condition changed_;
};

}  // namespace ferry::load
