// Counters have V2Ray's names, exist where they are asked for, and add up over cores.
#include "core/meters.h"

#include <gtest/gtest.h>

namespace ferry::core {
namespace {

using Kind = Meters::Kind;
constexpr Counted kBoth{.up = true, .down = true};

Meters::Sums sums_of(const Meters& meters) {
    Meters::Sums sums;
    meters.add_to(sums);
    return sums;
}

TEST(MetersTest, AreNamedAsPanelsExpect) {
    Meters meters;
    meters.of(Kind::user, "Anna@X", kBoth).add_up(5);
    meters.of(Kind::inbound, "in", kBoth).add_down(7);
    (void)meters.of(Kind::outbound, "out", kBoth);
    EXPECT_EQ(sums_of(meters), (Meters::Sums{
                                   {"user>>>Anna@X>>>traffic>>>uplink", 5},
                                   {"user>>>Anna@X>>>traffic>>>downlink", 0},
                                   {"inbound>>>in>>>traffic>>>uplink", 0},
                                   {"inbound>>>in>>>traffic>>>downlink", 7},
                                   {"outbound>>>out>>>traffic>>>uplink", 0},
                                   {"outbound>>>out>>>traffic>>>downlink", 0},
                               }));
}

TEST(MetersTest, ExistOnlyWhereAskedForAndNamed) {
    Meters meters;
    meters.of(Kind::user, "", kBoth).add_up(1);
    meters.of(Kind::user, "a", {}).add_up(1);
    EXPECT_TRUE(sums_of(meters).empty());
    const Meter up = meters.of(Kind::user, "a", {.up = true});
    up.add_up(1);
    up.add_down(1);
    EXPECT_EQ(sums_of(meters), (Meters::Sums{{"user>>>a>>>traffic>>>uplink", 1}}));
}

TEST(MetersTest, AddUpOverSessionsAndCores) {
    Meters one;
    Meters other;
    one.of(Kind::user, "a", kBoth).add_up(1);
    one.of(Kind::user, "a", kBoth).add_up(2);
    other.of(Kind::user, "a", kBoth).add_up(4);
    Meters::Sums sums = sums_of(one);
    other.add_to(sums);
    EXPECT_EQ(sums["user>>>a>>>traffic>>>uplink"], 7U);
}

}  // namespace
}  // namespace ferry::core
