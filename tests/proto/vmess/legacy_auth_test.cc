// Alternative ids and time tokens are those of the vectors, and a client draws among all of them.
#include "proto/vmess/legacy_auth.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "tests/proto/vmess/support.h"

namespace ferry::test {
namespace {

using namespace proto::vmess;

UserId id_from(const Json& hex) {
    UserId id;
    id.bytes = array_of<16>(hex.bytes());
    return id;
}

TEST(AlternativeIds, FollowFromTheMainId) {
    const Json vectors = read_vectors("identity.json");
    for (const Json& vector : vectors["cases"].items()) {
        AlternativeIds ids(id_from(vector["user_id"]));
        const auto& expected = vector["alternative_ids"].items();
        EXPECT_EQ(expected.size(), 5u);
        for (const Json& id : expected) {
            EXPECT_EQ(to_hex(ids.next().bytes), id.text()) << vector["name"].text();
        }
    }
}

TEST(TimeToken, IsThatOfTheVectors) {
    const Json vectors = read_vectors("legacy_auth.json");
    EXPECT_EQ(vectors["cases"].items().size(), 18u);
    for (const Json& vector : vectors["cases"].items()) {
        const std::int64_t time = vector["timestamp"].number();
        const UserId id = id_from(vector["id"]);
        EXPECT_EQ(to_hex(time_token(id, time)), vector["auth"].text()) << vector["name"].text();
        EXPECT_EQ(to_hex(legacy_header_iv(time)), vector["header_iv"].text())
            << vector["name"].text();
    }
}

TEST(TimeToken, OfManyIdsIsThatOfEach) {
    const Json vectors = read_vectors("legacy_auth.json");
    for (const Json& vector : vectors["cases"].items()) {
        const std::int64_t time = vector["timestamp"].number();
        AlternativeIds ids(id_from(vector["id"]));
        for (std::size_t lane = 0; lane < crypto::kMd5Lanes; ++lane) {
            crypto::Md5Keys keys;
            for (auto& key : keys) {
                key = ids.next().bytes;
            }
            keys[lane] = array_of<16>(vector["id"].bytes());
            crypto::Md5Digests tokens;
            time_tokens(keys, time, tokens);
            EXPECT_EQ(to_hex(tokens[lane]), vector["auth"].text()) << lane;
        }
    }
}

TEST(Signers, DrawEveryAlternativeIdAndEverySecondAround) {
    const UserId main = *parse_uuid("b831381d-6324-4d53-ad4f-8cda48b30811");
    const auto random = fixed_random(3);
    for (const std::uint16_t count : {1, 4, 16}) {
        const Signers signers(main, count);
        std::set<std::string> expected;
        AlternativeIds ids(main);
        for (int id = 0; id < count; ++id) {
            expected.insert(to_hex(ids.next().bytes));
        }
        std::set<std::string> drawn;
        std::map<std::int64_t, int> times;
        for (int round = 0; round < 2'000; ++round) {
            const LegacyStamp stamp = signers.draw(*random, kNow);
            drawn.insert(to_hex(stamp.signer.bytes));
            ++times[stamp.unix_time - kNow];
        }
        EXPECT_EQ(drawn, expected);
        EXPECT_EQ(times.size(), 60u);
        EXPECT_EQ(times.begin()->first, -30);
        EXPECT_EQ(times.rbegin()->first, 29);
    }
}

TEST(Signers, WithoutAlternativeIdsTheMainOneSigns) {
    const UserId main = *parse_uuid("b831381d-6324-4d53-ad4f-8cda48b30811");
    const auto random = fixed_random(3);
    EXPECT_EQ(Signers(main, 0).draw(*random, kNow).signer, main);
}

TEST(Signers, MayBeAsManyAsTheFieldCanSay) {
    const Signers signers(UserId{}, 65'535);
    const auto random = fixed_random(3);
    EXPECT_NE(signers.draw(*random, kNow).signer, UserId{});
}

}  // namespace
}  // namespace ferry::test
