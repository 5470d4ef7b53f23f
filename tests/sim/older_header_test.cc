// The older header in front of a server in virtual time: whoever changes what was heard learns
// nothing, and spoils the token for everybody.
#include <gtest/gtest.h>

#include "tests/sim/siege.h"

namespace ferry::sim {
namespace {

constexpr std::uint16_t kAlterId = 4;

class OlderHeader : public testing::Test {
protected:
    // Is it served? It is answered then, although the target cannot be reached.
    bool is_served(const Bytes& request) {
        const Learned& learned = siege_.send(request);
        siege_.wait();
        if (learned.heard_bytes == 0) {
            expect_deadline(learned);
        }
        return learned.heard_bytes > 0;
    }

    Siege siege_{core::Limits{}, kAlterId};
};

TEST_F(OlderHeader, IsServedWithinTwoMinutesEitherWay) {
    std::uint8_t seed = 1;
    for (const std::int64_t skew : {0, -119, 119}) {
        EXPECT_TRUE(is_served(older_request_of(siege_.world, skew, seed++))) << skew;
        siege_.server.make_tokens();
    }
    for (const std::int64_t skew : {-121, 122, -100'000, 100'000}) {
        EXPECT_FALSE(is_served(older_request_of(siege_.world, skew, seed++))) << skew;
        siege_.server.make_tokens();
    }
}

// Several connections of one second have the same token.
TEST_F(OlderHeader, ATokenServesAsOftenAsItsUserLikes) {
    const Bytes first = older_request_of(siege_.world, 0, 1);
    const Bytes second = older_request_of(siege_.world, 0, 2);
    ASSERT_TRUE(std::equal(first.begin(), first.begin() + 16, second.begin()));
    EXPECT_TRUE(is_served(first));
    EXPECT_TRUE(is_served(second));
}

TEST_F(OlderHeader, ASessionIsServedOnceAndItsReplaySpoilsTheToken) {
    const Bytes request = older_request_of(siege_.world, 30, 1);
    const Bytes of_the_same_second = older_request_of(siege_.world, 30, 2);
    EXPECT_TRUE(is_served(request));
    EXPECT_FALSE(is_served(request));
    EXPECT_FALSE(is_served(of_the_same_second));
}

// CFB lets bits be changed. Version, key, address, padding, checksum: all look the same.
TEST_F(OlderHeader, EveryChangeLooksTheSameAndSpoilsTheToken) {
    const std::size_t bytes = older_request_of(siege_.world, 0).size();
    std::uint8_t seed = 1;
    for (const std::size_t place :
         {std::size_t{16}, std::size_t{17}, std::size_t{40}, std::size_t{50}, std::size_t{52},
          std::size_t{54}, std::size_t{57}, bytes - 1}) {
        SCOPED_TRACE(place);
        Siege siege(core::Limits{}, kAlterId);
        const Bytes genuine = older_request_of(siege.world, 0, seed);
        Bytes changed = genuine;
        changed[std::min(place, changed.size() - 1)] ^= 1;
        const Bytes of_the_same_second = older_request_of(siege.world, 0, ++seed);
        const Learned& learned = siege.send(changed);
        siege.wait();
        expect_deadline(learned);
        const Learned& later = siege.send(of_the_same_second);
        siege.wait();
        expect_deadline(later);
    }
}

core::Token token_of(const Bytes& request) {
    core::Token token;
    std::copy_n(request.begin(), token.size(), token.begin());
    return token;
}

// An honest user is not to pay for a filter that has no room.
TEST_F(OlderHeader, AFullReplayFilterSpoilsNoToken) {
    const Bytes request = older_request_of(siege_.world, 0);
    fill(siege_, siege_.server.session_keys());
    siege_.send(request);
    siege_.wait();
    EXPECT_EQ(siege_.server.stats().replay_full.read(), 1U);
    EXPECT_FALSE(siege_.server.is_tainted(token_of(request)));
}

// A server without alternative ids has no tokens at all.
TEST(OlderHeaderTest, IsAStrangersWhereNobodyMayUseIt) {
    Siege siege;
    const Learned& learned = siege.send(older_request_of(siege.world, 0));
    siege.wait();
    expect_deadline(learned);
}

}  // namespace
}  // namespace ferry::sim
