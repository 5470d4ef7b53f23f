// Promise: what one core writes for each byte, chunk or line lies where no other core looks.
#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "core/cache_line.h"
#include "core/log_queue.h"
#include "core/meters.h"
#include "core/snapshot.h"
#include "core/stats.h"

namespace ferry::core {
namespace {

std::uintptr_t line_of(const void* at) {
    std::uintptr_t address = 0;
    std::memcpy(&address, &at, sizeof address);
    return address / kCacheLineBytes;
}

TEST(CacheLines, CountersOfTwoCoresAreApart) {
    Meters mine;
    Meters others;
    std::set<std::uintptr_t> my_lines;
    std::set<std::uintptr_t> other_lines;
    // By turns, as two cores may allocate them.
    for (int each = 0; each < 32; ++each) {
        const std::string name = std::to_string(each);
        for (const auto& [meters, lines] : {std::pair(&mine, &my_lines), {&others, &other_lines}}) {
            const Meter meter = meters->of(Meters::Kind::user, name, {true, true});
            lines->insert(line_of(meter.up));
            lines->insert(line_of(meter.down));
        }
    }
    for (const std::uintptr_t line : my_lines) {
        EXPECT_FALSE(other_lines.contains(line));
    }
    EXPECT_EQ(my_lines.size(), 64u);
}

TEST(CacheLines, ASnapshotIsCountedByEachCore) {
    const std::shared_ptr<const Snapshot> shared = std::make_shared<Snapshot>();
    const auto mine = counted_apart(shared);
    const auto others = counted_apart(shared);
    EXPECT_EQ(mine, shared);
    EXPECT_EQ(shared.use_count(), 3) << "each of them holds it once";
    const auto taken = mine;
    EXPECT_EQ(mine.use_count(), 2);
    EXPECT_EQ(others.use_count(), 1);
    EXPECT_EQ(shared.use_count(), 3);
}

TEST(CacheLines, AnEndedCoreLetsGoOfTheSnapshot) {
    const std::shared_ptr<const Snapshot> shared = std::make_shared<Snapshot>();
    {
        const auto mine = counted_apart(shared);
        EXPECT_EQ(shared.use_count(), 2);
    }
    EXPECT_EQ(shared.use_count(), 1);
}

}  // namespace
}  // namespace ferry::core
