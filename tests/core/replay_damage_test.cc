// Damage to the state file costs the tokens that it hits: never a crash, never a token that was not
// accepted.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <vector>

#include "core/replay_record.h"
#include "tests/core/replay_cases.h"

namespace ferry::core {
namespace {

std::array<std::uint8_t, kReplayRecordBytes> written(const ReplayRecord& record) {
    std::array<std::uint8_t, kReplayRecordBytes> bytes{};
    write_record(record, bytes);
    return bytes;
}

TEST(ReplayRecord, HasItsPartsWhereTheyBelong) {
    const ReplayRecord record{.kind = ReplayKind::session_keys,
                              .token = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
                              .unix_seconds = 0x6553'f100};
    const auto bytes = written(record);
    for (std::uint8_t index = 0; index < 16; ++index) {
        EXPECT_EQ(bytes[index], index);
    }
    const std::array<std::uint8_t, 8> kind_and_time = {2, 0, 0, 0, 0x65, 0x53, 0xf1, 0x00};
    EXPECT_TRUE(std::equal(kind_and_time.begin(), kind_and_time.end(), bytes.begin() + 16));
    const auto back = read_record(bytes);
    ASSERT_TRUE(back);
    EXPECT_EQ(back->kind, record.kind);
    EXPECT_EQ(back->token, record.token);
    EXPECT_EQ(back->unix_seconds, record.unix_seconds);
}

TEST(ReplayRecord, IsNoneWithAnyBitFlippedOrAnyPartOfAnother) {
    const auto bytes =
        written({.kind = ReplayKind::auth_id, .token = token_of(1), .unix_seconds = kUnixStart});
    for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
        auto damaged = bytes;
        damaged[bit / 8] = static_cast<std::uint8_t>(damaged[bit / 8] ^ (1U << bit % 8));
        EXPECT_FALSE(read_record(damaged)) << bit;
    }
    // A record that was being written over another one.
    const auto other = written(
        {.kind = ReplayKind::auth_id, .token = token_of(2), .unix_seconds = kUnixStart + 300});
    for (std::size_t place = 1; place < bytes.size(); ++place) {
        auto torn = bytes;
        std::copy_n(other.begin(), place, torn.begin());
        EXPECT_EQ(read_record(torn).has_value(), torn == bytes || torn == other) << place;
    }
    EXPECT_FALSE(read_record(std::array<std::uint8_t, kReplayRecordBytes>{}));
}

// A file with a few tokens, and what becomes of it.
class DamagedState : public StateFolder {
protected:
    static constexpr std::uint64_t kTokens = 24;

    void SetUp() override {
        StateFolder::SetUp();
        auto process = start(at(0));
        for (std::uint64_t number = 0; number < kTokens; ++number) {
            ASSERT_EQ(process->ids.insert(token_of(number), at(0)), Seen::fresh);
        }
        process.reset();
        whole_ = contents();
        for (std::size_t place = kReplayBlockBytes; place < whole_.size();
             place += kReplayRecordBytes) {
            if (whole_.find_first_not_of('\0', place) < place + kReplayRecordBytes) {
                records_.push_back(place);
            }
        }
        ASSERT_EQ(records_.size(), kTokens);
    }

    // How many of the tokens are known after a start with these bytes. Others never are.
    std::size_t known_after(const std::string& bytes) {
        process_.reset();
        write(bytes);
        process_ = start(at(1));
        std::size_t known = 0;
        for (std::uint64_t number = 0; number < kTokens; ++number) {
            known += process_->ids.insert(token_of(number), at(1)) == Seen::repeated ? 1 : 0;
        }
        for (std::uint64_t number = kTokens; number < kTokens + 100; ++number) {
            EXPECT_EQ(process_->ids.insert(token_of(number), at(1)), Seen::fresh) << number;
        }
        return known;
    }

    std::string whole_;
    std::vector<std::size_t> records_;  // where they begin
    std::unique_ptr<Remembering> process_;
};

TEST_F(DamagedState, ALostByteCostsItsToken) {
    for (const std::size_t record : records_) {
        for (std::size_t place = record; place < record + kReplayRecordBytes; ++place) {
            std::string damaged = whole_;
            damaged[place] = static_cast<char>(~damaged[place]);
            ASSERT_EQ(known_after(damaged), kTokens - 1) << place;
            EXPECT_EQ(process_->found.damaged, 1U) << place;
        }
    }
}

TEST_F(DamagedState, AStrayByteCostsNothing) {
    for (std::size_t place = 0; place < whole_.size(); place += place < 100 ? 1 : 1009) {
        if (std::ranges::find(records_, place / kReplayRecordBytes * kReplayRecordBytes) !=
            records_.end()) {
            continue;
        }
        std::string damaged = whole_;
        damaged[place] = static_cast<char>(~damaged[place]);
        ASSERT_EQ(known_after(damaged), kTokens) << place;
        EXPECT_EQ(process_->found.damaged, place < kReplayBlockBytes ? 0U : 1U) << place;
    }
}

TEST_F(DamagedState, ACutFileHasWhatIsInFrontOfTheCut) {
    const auto expect = [this](std::size_t bytes) {
        const auto in_front = std::ranges::count_if(
            records_, [bytes](std::size_t place) { return place + kReplayRecordBytes <= bytes; });
        EXPECT_EQ(known_after(whole_.substr(0, bytes)), static_cast<std::size_t>(in_front))
            << bytes;
    };
    for (std::size_t bytes = 0; bytes <= whole_.size(); bytes += 1021) {
        expect(bytes);
    }
    for (std::size_t bytes = 0; bytes <= kReplayRecordBytes; ++bytes) {
        expect(records_.back() + bytes);
    }
}

TEST_F(DamagedState, NoiseIsNoToken) {
    std::mt19937_64 random(7);
    for (const std::size_t bytes : {1UL, 31UL, 4096UL, 4097UL, 100'000UL, 2'000'000UL}) {
        std::string noise(bytes, '\0');
        for (char& byte : noise) {
            byte = static_cast<char>(random());
        }
        ASSERT_EQ(known_after(noise), 0U);
        EXPECT_EQ(process_->found.live, 0U);
    }
    // In front of and behind what is genuine, and at places that no record begins at.
    std::string noise(kReplayBlockBytes - kReplayRecordBytes, 'x');
    EXPECT_EQ(known_after(whole_ + noise), kTokens);
    EXPECT_EQ(known_after(noise + whole_.substr(noise.size())), kTokens);
    EXPECT_EQ(known_after("x" + whole_), 0U);
}

TEST_F(DamagedState, TokensOfAKindThatIsNotKnownYetAreLeftAlone) {
    ReplayRecord record{
        .kind = static_cast<ReplayKind>(200), .token = token_of(1), .unix_seconds = kUnixStart};
    const auto bytes = written(record);
    std::string file(2 * kReplayBlockBytes, '\0');
    std::memcpy(file.data() + kReplayBlockBytes, bytes.data(), bytes.size());
    write(file);
    process_ = start(at(1));
    EXPECT_EQ(process_->found.live, 1U);
    EXPECT_EQ(process_->ids.insert(token_of(1), at(1)), Seen::fresh);
}

}  // namespace
}  // namespace ferry::core
