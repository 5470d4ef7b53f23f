// Tests that run once for every row of a primitive, and input for them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "crypto/bytes.h"
#include "crypto/cpu.h"
#include "tests/vectors_json.h"

namespace ferry::test {

// A test with a row as its parameter. Rows that this machine cannot run are named and skipped.
template <class Row>
class RowTest : public testing::TestWithParam<const Row*> {
protected:
    void SetUp() override {
        if (!row().usable(crypto::detect())) {
            GTEST_SKIP() << row().name << " is in this build, but cannot run on this machine";
        }
    }

    const Row& row() const { return *this->GetParam(); }
};

// Makes the rows into parameters.
template <class Row>
std::vector<const Row*> all(std::span<const Row* const> rows) {
    return {rows.begin(), rows.end()};
}

// Test names may not have dots.
template <class Row>
std::string row_name(const testing::TestParamInfo<const Row*>& info) {
    std::string name = info.param->name;
    std::ranges::replace(name, '.', '_');
    return name;
}

// Test input from a seed: the one in the environment variable FERRY_SEED, else a new one. Every
// program prints it when it first draws.
class Noise {
public:
    Noise();

    std::uint64_t next();
    std::size_t below(std::size_t bound) {
        return next() % bound;
    }  // the bias does not matter here
    Bytes bytes(std::size_t count);

private:
    std::uint64_t state_;
};

// Bytes at a chosen distance from an aligned address, whose end is the end of their memory: reading
// or writing past it is seen by the address sanitizer.
class Placed {
public:
    Placed(std::size_t offset, ByteView content);

    ByteSpan span() { return ByteSpan(memory_).subspan(offset_); }
    ByteView view() const { return ByteView(memory_).subspan(offset_); }

private:
    std::size_t offset_;
    Bytes memory_;
};

// How far apart the lengths of a long sweep are: 1, or what FERRY_STEP says. The build sets it
// where programs are emulated or watched by a sanitizer, which takes ten to a hundred times as
// long.
std::size_t sweep_step();

// For comparing views with EXPECT_EQ, which prints both sides.
inline Bytes copy(ByteView bytes) {
    return {bytes.begin(), bytes.end()};
}

}  // namespace ferry::test
