// Random: the one generator of a simulated world.
#pragma once

#include <cassert>
#include <cstdint>

#include "io/result.h"

namespace ferry::sim {

// Repeatable numbers: a counter, stirred (splitmix64). The same seed gives the same world.
class Random {
public:
    explicit Random(std::uint64_t seed) noexcept : state_(seed) {}

    std::uint64_t next() noexcept {
        state_ += 0x9e3779b97f4a7c15;
        std::uint64_t mixed = state_;
        mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
        return mixed ^ (mixed >> 31);
    }

    // 0 to count - 1. The tiny bias of the remainder does not matter to a test.
    std::uint64_t below(std::uint64_t count) noexcept {
        assert(count > 0);
        return next() % count;
    }

    // An event that happens so many times in a thousand. Draws nothing for 0, so that a calm world
    // does not depend on what it never does.
    bool chance(unsigned per_mille) noexcept { return per_mille > 0 && below(1000) < per_mille; }

    // least to most, both included.
    io::Duration between(io::Duration least, io::Duration most) noexcept {
        const auto span = static_cast<std::uint64_t>((most - least).count());
        return least + io::Duration(static_cast<std::int64_t>(below(span + 1)));
    }

private:
    std::uint64_t state_;
};

}  // namespace ferry::sim
