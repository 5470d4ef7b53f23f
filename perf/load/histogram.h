// Histogram: how often something took how long, at three digits.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace ferry::load {

// Times in buckets that grow with what they hold: each power of two is cut into 128 equal parts, so
// that a bucket is never wider than 1/128 of the times in it, from nanoseconds to hours. The form
// is that of HdrHistogram.
//
//   memory  38 KiB, however many times it holds
//   cost    adding: constant
class Histogram {
public:
    using Time = std::chrono::nanoseconds;

    Histogram();

    void add(Time time) noexcept;  // what is below zero counts as zero

    std::uint64_t count() const noexcept { return count_; }
    Time max() const noexcept { return max_; }
    Time mean() const noexcept;

    // The time that `share` of all times do not exceed: at most 1/128 too long, and never longer
    // than max(). Zero if there are none.
    //
    //   share  0 to 1
    Time quantile(double share) const noexcept;

private:
    static std::size_t bucket_of(std::uint64_t nanoseconds) noexcept;
    static std::uint64_t end_of(std::size_t bucket) noexcept;  // the longest time in it

    std::vector<std::uint64_t> counts_;
    std::uint64_t count_ = 0;
    Time max_{0};
    double sum_ns_ = 0;
};

}  // namespace ferry::load
