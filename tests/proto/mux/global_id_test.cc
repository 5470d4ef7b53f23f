// Global ids: the front of HMAC-SHA-256, computed by another program with the same keys.
#include "proto/mux/global_id.h"

#include <gtest/gtest.h>

#include <numeric>

#include "crypto/dispatch.h"
#include "tests/vectors_json.h"

namespace ferry::proto::mux::test {
namespace {

using ferry::test::to_hex;

TEST(GlobalIds, AreTheFrontOfAKeyedHash) {
    const crypto::Dispatch table = crypto::choose(crypto::detect());
    std::array<std::uint8_t, GlobalIds::kKeyBytes> key;
    std::iota(key.begin(), key.end(), std::uint8_t{0});
    const GlobalIds ids(*table.sha256, key);
    EXPECT_EQ(to_hex(ids.of("udp:192.0.2.7:5353")), "f29714bca76b2ef9");
    EXPECT_EQ(to_hex(ids.of("udp:[2001:db8::1]:1")), "6c5da911ced410da");
    EXPECT_EQ(to_hex(ids.of("")), "d38b42096d80f45f");
    EXPECT_EQ(ids.of("udp:192.0.2.7:5353"), ids.of("udp:192.0.2.7:5353"));

    key[0] = 1;
    EXPECT_EQ(to_hex(GlobalIds(*table.sha256, key).of("udp:192.0.2.7:5353")), "339ca8e308dd9a40");
}

}  // namespace
}  // namespace ferry::proto::mux::test
