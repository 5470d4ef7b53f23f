// Result, and the two types of time that the whole folder uses.
#pragma once

#include <chrono>
#include <expected>
#include <system_error>

namespace ferry::io {

// What the outside world answered: a value, or the error that it named.
template <class T>
using Result = std::expected<T, std::errc>;

using TimePoint = std::chrono::steady_clock::time_point;
using Duration = std::chrono::steady_clock::duration;

// A time that never comes: a wait without an end, a deadline that is not set.
inline constexpr TimePoint kNever = TimePoint::max();

}  // namespace ferry::io
