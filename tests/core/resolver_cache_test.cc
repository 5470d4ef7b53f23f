// The order in which addresses are tried, and how long answers are remembered: plain values, no
// loop.
#include "core/resolver_cache.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "core/caching_resolver.h"
#include "tests/core/endpoints.h"

namespace ferry::core {
namespace {

using std::chrono::seconds;

Texts texts(const Endpoints& endpoints) {
    Texts result;
    for (const io::Endpoint& endpoint : endpoints) {
        result.push_back(endpoint.ip_text());
    }
    return result;
}

// ---- the order

TEST(Interleaved, TakesTheFamiliesInTurns) {
    const auto order = [](const Texts& sorted) { return texts(interleaved(endpoints(sorted))); };
    EXPECT_EQ(order({}), Texts{});
    EXPECT_EQ(order({"::1"}), Texts{"::1"});
    EXPECT_EQ(order({"::1", "::2", "::3", "1.1.1.1"}), (Texts{"::1", "1.1.1.1", "::2", "::3"}));
    EXPECT_EQ(order({"1.1.1.1", "1.1.1.2", "::1", "::2", "1.1.1.3"}),
              (Texts{"1.1.1.1", "::1", "1.1.1.2", "::2", "1.1.1.3"}));
}

TEST(Interleaved, KeepsTheBestAndSomeOfEachFamily) {
    Texts sorted;
    for (int host = 1; host <= 40; ++host) {
        sorted.push_back("192.0.2." + std::to_string(host));
    }
    sorted.push_back("::1");
    const Texts order = texts(interleaved(endpoints(sorted)));
    ASSERT_EQ(order.size(), kAddressesMax);
    EXPECT_EQ(order[0], "192.0.2.1");
    EXPECT_EQ(order[1], "::1");
    EXPECT_EQ(order[2], "192.0.2.2");
}

// ---- the cache

class ResolverCacheTest : public testing::Test {
protected:
    static io::TimePoint at(int second) { return io::TimePoint(seconds(second)); }
    ResolverCache cache_{3};
};

TEST_F(ResolverCacheTest, ForgetsAtTheTimeAndNotBefore) {
    cache_.put("a", endpoints({"1.1.1.1"}), at(10));
    const auto* known = cache_.find("a", at(10) - io::Duration(1));
    ASSERT_NE(known, nullptr);
    EXPECT_EQ(texts(**known), Texts{"1.1.1.1"});
    EXPECT_EQ(cache_.find("a", at(10)), nullptr);
    EXPECT_EQ(cache_.size(), 0u);
}

TEST_F(ResolverCacheTest, KeepsFailuresToo) {
    cache_.put("a", std::unexpected(std::errc::no_such_device_or_address), at(10));
    const auto* known = cache_.find("a", at(0));
    ASSERT_NE(known, nullptr);
    EXPECT_FALSE(*known);
}

TEST_F(ResolverCacheTest, MakesRoomByWhatWasNotUsedForLongest) {
    for (const char* key : {"a", "b", "c"}) {
        cache_.put(key, endpoints({"1.1.1.1"}), at(10));
    }
    EXPECT_NE(cache_.find("a", at(0)), nullptr);
    cache_.put("d", endpoints({"1.1.1.1"}), at(10));
    EXPECT_EQ(cache_.find("b", at(0)), nullptr);
    for (const char* key : {"a", "c", "d"}) {
        EXPECT_NE(cache_.find(key, at(0)), nullptr) << key;
    }
    EXPECT_EQ(cache_.size(), 3u);
}

TEST_F(ResolverCacheTest, ReplacesAnOlderAnswer) {
    cache_.put("a", endpoints({"1.1.1.1"}), at(10));
    cache_.put("a", endpoints({"2.2.2.2"}), at(20));
    EXPECT_EQ(cache_.size(), 1u);
    const auto* known = cache_.find("a", at(15));
    ASSERT_NE(known, nullptr);
    EXPECT_EQ(texts(**known), Texts{"2.2.2.2"});
    cache_.clear();
    EXPECT_EQ(cache_.find("a", at(15)), nullptr);
}

TEST(ResolverCache, OfNoCapacityKeepsNothing) {
    ResolverCache cache(0);
    cache.put("a", endpoints({"1.1.1.1"}), io::TimePoint(seconds(10)));
    EXPECT_EQ(cache.find("a", io::TimePoint(seconds(0))), nullptr);
}

}  // namespace
}  // namespace ferry::core
