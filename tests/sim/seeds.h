// Seeds: how often a scenario is tried, and with what.
//
// FERRY_SEED=n runs one seed alone, FERRY_SEEDS=n changes how many are tried.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <string>

namespace ferry::sim {

inline std::uint64_t seeds_of(std::uint64_t standard) {
    const char* wanted = std::getenv("FERRY_SEEDS");
    return wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : standard;
}

// Calls `one` with each seed, or with the one that is asked for.
template <class F>
void for_each_seed(std::uint64_t standard, F one) {
    const char* alone = std::getenv("FERRY_SEED");
    if (alone != nullptr) {
        one(std::strtoull(alone, nullptr, 10));
        return;
    }
    for (std::uint64_t seed = 1; seed <= seeds_of(standard); ++seed) {
        SCOPED_TRACE("FERRY_SEED=" + std::to_string(seed));
        one(seed);
        if (testing::Test::HasFailure()) {
            return;
        }
    }
}

}  // namespace ferry::sim
