// The auth id is that of the vectors, opens only with its own key, and its time is judged without
// overflow.
#include "proto/vmess/auth_id.h"

#include <gtest/gtest.h>

#include <limits>

#include "tests/proto/vmess/support.h"

namespace ferry::test {
namespace {

using namespace proto::vmess;
using proto::Fault;

TEST(AuthId, FollowsTheVectorsInBothDirections) {
    const Json vectors = read_vectors("auth_id.json");
    for (const Json& vector : vectors["cases"].items()) {
        const auto key = array_of<16>(vector["aes_key"].bytes());
        const auto random = array_of<4>(vector["random"].bytes());
        const std::int64_t time = vector["timestamp"].number();
        const AuthId id = make_auth_id(*dispatch().aes128, key, time, random);
        EXPECT_EQ(to_hex(id), vector["auth_id"].text()) << vector["name"].text();

        const auto opened = open_auth_id(*dispatch().aes128, key, id);
        ASSERT_TRUE(opened);
        EXPECT_EQ(*opened, time);
    }
}

// 128 chances of one in 2^32 to fail: if it does, the code is wrong.
TEST(AuthId, AnyChangedBitMakesItAStrangers) {
    const auto key = array_of<16>(payload_of(0, 16));
    const AuthId good = make_auth_id(*dispatch().aes128, key, kNow, std::array<std::uint8_t, 4>{});
    for (std::size_t bit = 0; bit < 8 * kAuthIdBytes; ++bit) {
        AuthId id = good;
        id[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
        const auto opened = open_auth_id(*dispatch().aes128, key, id);
        ASSERT_FALSE(opened) << bit;
        EXPECT_EQ(opened.error(), Fault::unknown_user);
    }
}

TEST(AuthId, AnotherUsersKeyDoesNotOpenIt) {
    const auto key = array_of<16>(payload_of(0, 16));
    const auto other = array_of<16>(payload_of(1, 16));
    const AuthId id = make_auth_id(*dispatch().aes128, key, kNow, std::array<std::uint8_t, 4>{});
    EXPECT_FALSE(open_auth_id(*dispatch().aes128, other, id));
}

TEST(TimeWindow, IsTwoMinutesEitherWay) {
    EXPECT_TRUE(in_time_window(kNow, kNow));
    EXPECT_TRUE(in_time_window(kNow - 120, kNow));
    EXPECT_TRUE(in_time_window(kNow + 120, kNow));
    EXPECT_FALSE(in_time_window(kNow - 121, kNow));
    EXPECT_FALSE(in_time_window(kNow + 121, kNow));
}

TEST(TimeWindow, HasNoRoomForAnyOtherNumber) {
    constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();
    constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
    for (const std::int64_t time : {kLeast, kLeast + 1, -kNow, std::int64_t{-121}, std::int64_t{-1},
                                    std::int64_t{0}, kMost - 1, kMost}) {
        EXPECT_FALSE(in_time_window(time, kNow)) << time;
    }
}

TEST(TimeWindow, NegativeTimesAreNeverNow) {
    EXPECT_FALSE(in_time_window(-1, 0));
    EXPECT_FALSE(in_time_window(-1, 100));
    EXPECT_TRUE(in_time_window(0, 0));
    EXPECT_TRUE(in_time_window(0, 120));
    EXPECT_TRUE(in_time_window(120, 0));
}

}  // namespace
}  // namespace ferry::test
