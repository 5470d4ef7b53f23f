#include "perf/load/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace ferry::load {

namespace {

constexpr unsigned kPartBits = 7;
constexpr std::uint64_t kParts = 1U << kPartBits;
constexpr unsigned kTimeBits = 44;  // 2^44 ns are almost five hours; what is longer counts as that
constexpr std::uint64_t kLongest = (std::uint64_t{1} << kTimeBits) - 1;
// The times below kParts have a bucket each; above, every power of two has kParts.
constexpr std::size_t kBuckets = (kTimeBits - kPartBits + 1) * kParts;

}  // namespace

Histogram::Histogram() : counts_(kBuckets) {}

void Histogram::add(Time time) noexcept {
    const Time shown = std::max(time, Time::zero());
    const auto ns = std::min(static_cast<std::uint64_t>(shown.count()), kLongest);
    ++counts_[bucket_of(ns)];
    ++count_;
    max_ = std::max(max_, shown);
    sum_ns_ += static_cast<double>(shown.count());
}

Histogram::Time Histogram::mean() const noexcept {
    return count_ == 0 ? Time::zero()
                       : Time(static_cast<std::int64_t>(sum_ns_ / static_cast<double>(count_)));
}

Histogram::Time Histogram::quantile(double share) const noexcept {
    const auto wanted = static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count_)));
    std::uint64_t seen = 0;
    for (std::size_t bucket = 0; bucket < counts_.size(); ++bucket) {
        seen += counts_[bucket];
        if (counts_[bucket] > 0 && seen >= wanted) {
            return std::min(Time(static_cast<std::int64_t>(end_of(bucket))), max_);
        }
    }
    return max_;
}

std::size_t Histogram::bucket_of(std::uint64_t nanoseconds) noexcept {
    if (nanoseconds < kParts) {
        return nanoseconds;
    }
    // The highest kPartBits + 1 bits choose: the first of them is always set.
    const auto shift = static_cast<unsigned>(std::bit_width(nanoseconds)) - kPartBits - 1;
    return shift * kParts + (nanoseconds >> shift);
}

std::uint64_t Histogram::end_of(std::size_t bucket) noexcept {
    if (bucket < 2 * kParts) {
        return bucket;
    }
    const std::size_t shift = bucket / kParts - 1;
    const std::uint64_t first = (bucket % kParts + kParts) << shift;
    return first + (std::uint64_t{1} << shift) - 1;
}

}  // namespace ferry::load
