// What the tests of the replay filter share: tokens, moments, and a folder for the state file.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include "core/replay.h"
#include "crypto/bytes.h"

namespace ferry::core {

using Seen = ReplayFilter::Seen;
using std::chrono::seconds;

inline constexpr std::uint64_t kReplaySeed = 0x1234'5678'9abc'def0;
inline constexpr std::int64_t kUnixStart = 1'700'000'000;

// Different tokens for different numbers, none of them zero.
inline std::array<std::uint8_t, kReplayTokenBytes> token_of(std::uint64_t number) {
    std::array<std::uint8_t, kReplayTokenBytes> token{};
    crypto::store_be(token.data(), number * 0x9e37'79b9'7f4a'7c15);
    crypto::store_be(token.data() + 8, ~number);
    return token;
}

// So many seconds after the beginning, on both clocks.
inline ReplayTime at(std::int64_t after) {
    return {io::TimePoint(seconds(1000 + after)), kUnixStart + after};
}

// How far the clock on the wall has been set forward, or back.
inline ReplayTime shifted(ReplayTime time, std::int64_t wall) {
    return {time.now, time.unix_seconds + wall};
}

// A filter and its state file, as one process has them.
struct Remembering {
    explicit Remembering(const std::string& directory, const ReplayTime& time,
                         const ReplayStoreLimits& limits)
        : store(opened(directory, limits)) {
        found = store->load(time, [this, &time](const ReplayRecord& record) {
            if (record.kind == ReplayKind::auth_id) {
                homeless += ids.restore(record.token, record.unix_seconds, time.now) ? 0 : 1;
            } else if (record.kind == ReplayKind::session_keys) {
                homeless += keys.restore(record.token, record.unix_seconds, time.now) ? 0 : 1;
            }
        });
        ids.keep_in(*store, ReplayKind::auth_id);
        keys.keep_in(*store, ReplayKind::session_keys);
    }

    static std::unique_ptr<ReplayStore> opened(const std::string& directory,
                                               const ReplayStoreLimits& limits) {
        auto store = ReplayStore::open(directory, limits);
        EXPECT_TRUE(store) << store.error();
        return std::move(*store);
    }

    std::unique_ptr<ReplayStore> store;
    ReplayFilter ids{kReplaySeed};
    ReplayFilter keys{kReplaySeed + 1};
    ReplayStore::Found found;
    std::size_t homeless = 0;
};

// A folder that goes with the test, and what is in its state file.
class StateFolder : public testing::Test {
protected:
    // One block for each shard of both filters, and some; grown in steps of 32 KiB.
    static constexpr ReplayStoreLimits kSmall{
        .blocks = 256, .blocks_per_step = 8, .pause = seconds(60)};

    void SetUp() override {
        std::string name = testing::TempDir() + "ferry-state-XXXXXX";
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        folder_ = name;
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }

    std::string file() const { return folder_ + "/" + std::string(kReplayFileName); }
    std::string contents() const {
        std::ifstream in(file(), std::ios::binary);
        return {std::istreambuf_iterator<char>(in), {}};
    }
    void write(const std::string& bytes) const {
        std::ofstream(file(), std::ios::binary | std::ios::trunc) << bytes;
    }

    // A process that starts at `time` with what is in the file now.
    std::unique_ptr<Remembering> start(const ReplayTime& time,
                                       const ReplayStoreLimits& limits = kSmall) const {
        return std::make_unique<Remembering>(folder_, time, limits);
    }

    std::string folder_;
};

}  // namespace ferry::core
