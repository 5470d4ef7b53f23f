// What the table of time tokens costs in memory.
#include <gtest/gtest.h>

#include "core/token_table.h"
#include "tests/core/allocations.h"

namespace ferry::core {
namespace {

TEST(TokenMemory, IsAtMostEightBytesPerIdAndSecond) {
    constexpr std::int64_t kStart = 1'700'000'000;
    constexpr std::size_t kIds = 64 * 64;
    std::vector<TokenUser> users(64);
    for (std::size_t number = 0; number < users.size(); ++number) {
        users[number].id.bytes[0] = static_cast<std::uint8_t>(number);
        users[number].alter_id = 64;
    }
    const std::size_t before = test::allocated_bytes();
    TokenTable table(users);
    const std::size_t idle = test::allocated_bytes() - before;
    EXPECT_LE(idle, kIds * (32 + 8)) << "what makes their tokens, and whose they are";
    for (const std::int64_t now : {kStart, kStart + 100}) {
        ASSERT_TRUE(table.advance(now));
        const std::size_t bytes = test::allocated_bytes() - before - idle;
        EXPECT_LE(bytes, 8 * 241 * kIds) << "what has passed is gone";
        EXPECT_GE(bytes, 4 * 241 * kIds) << "nothing is there yet";
    }
}

}  // namespace
}  // namespace ferry::core
