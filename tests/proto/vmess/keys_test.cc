// User ids are read as V2Ray reads them, and every key follows from its source as in the vectors.
#include "proto/vmess/keys.h"

#include <gtest/gtest.h>

#include "tests/proto/vmess/support.h"

namespace ferry::test {
namespace {

using namespace proto::vmess;
using proto::Fault;

constexpr std::string_view kUuid = "b831381d-6324-4d53-ad4f-8cda48b30811";

std::string id_of(std::string_view text) {
    const auto id = parse_uuid(text);
    return id ? to_hex(id->bytes) : "refused";
}

TEST(UserId, ComesFromAUuidWithOrWithoutDashes) {
    const std::string expected = "b831381d63244d53ad4f8cda48b30811";
    for (const std::string_view text :
         {"b831381d-6324-4d53-ad4f-8cda48b30811", "b831381d63244d53ad4f8cda48b30811",
          "B831381D-6324-4D53-AD4F-8CDA48B30811", "b831381d63244d53-ad4f-8cda48b30811",
          "b831381d-63244d53ad4f8cda48b30811", "b831381d63244d53ad4f-8cda48b30811"}) {
        EXPECT_EQ(id_of(text), expected) << text;
    }
}

TEST(UserId, EndsWithItsThirtySecondDigit) {
    for (const std::string_view rest : {" ", "0", "-", "-0811", "}", "\n and more"}) {
        EXPECT_EQ(id_of(std::string(kUuid) + std::string(rest)),
                  "b831381d63244d53ad4f8cda48b30811");
    }
}

TEST(UserId, IsRefusedInEveryOtherForm) {
    for (const std::string_view text :
         {"", "-", "{b831381d-6324-4d53-ad4f-8cda48b30811}", "urn:uuid:b831381d-6324-4d53-ad4f",
          "b831381-d6324-4d53-ad4f-8cda48b30811",   // a dash elsewhere
          "b831381d--6324-4d53-ad4f-8cda48b30811",  // two of them
          "-b831381d-6324-4d53-ad4f-8cda48b30811",  // one in front
          "b831381d-6324-4d53-ad4f-8cda48b3081g", "b831381d 6324 4d53 ad4f 8cda48b30811",
          " b831381d-6324-4d53-ad4f-8cda48b30811"}) {
        const auto id = parse_uuid(text);
        ASSERT_FALSE(id) << text;
        EXPECT_EQ(id.error(), Fault::bad_syntax);
    }
    for (std::size_t bytes = 0; bytes < kUuid.size(); ++bytes) {
        EXPECT_EQ(id_of(kUuid.substr(0, bytes)), "refused") << bytes;
    }
}

TEST(UserId, IsWrittenInLowerCaseWithDashes) {
    const auto id = parse_uuid("B831381D63244D53AD4F8CDA48B30811");
    ASSERT_TRUE(id);
    EXPECT_EQ(uuid_text(*id), kUuid);
}

TEST(Keys, CommandKeyFollowsFromTheId) {
    const Json vectors = read_vectors("identity.json");
    for (const Json& vector : vectors["cases"].items()) {
        const auto id = parse_uuid(vector["uuid"].text());
        ASSERT_TRUE(id);
        EXPECT_EQ(to_hex(id->bytes), vector["user_id"].text());
        EXPECT_EQ(uuid_text(*id), vector["uuid"].text());
        const CommandKey key(*id);
        EXPECT_EQ(to_hex(key.view()), vector["cmd_key"].text());
        EXPECT_EQ(to_hex(key.copy().view()), vector["cmd_key"].text());
    }
}

TEST(Keys, AuthIdKeyFollowsFromTheCommandKey) {
    const Json vectors = read_vectors("auth_id.json");
    for (const Json& vector : vectors["cases"].items()) {
        const CommandKey key(*parse_uuid(vector["uuid"].text()));
        EXPECT_EQ(to_hex(auth_id_key(*dispatch().sha256, key).view()), vector["aes_key"].text());
    }
}

TEST(Keys, ResponseKeysAreHashesOfTheRequests) {
    const Json vectors = read_vectors("response_header_aead.json");
    for (const Json& vector : vectors["cases"].items()) {
        BodyKeys request;
        request.key = array_of<16>(vector["request_key"].bytes());
        request.iv = array_of<16>(vector["request_iv"].bytes());
        const BodyKeys response = response_keys(*dispatch().sha256, request);
        EXPECT_EQ(to_hex(response.key), vector["response_key"].text());
        EXPECT_EQ(to_hex(response.iv), vector["response_iv"].text());
    }
}

TEST(Keys, ResponseKeysOfTheOlderFormAreHashesToo) {
    const Json vectors = read_vectors("response_header_legacy.json");
    for (const Json& vector : vectors["cases"].items()) {
        BodyKeys request;
        request.key = array_of<16>(vector["request_key"].bytes());
        request.iv = array_of<16>(vector["request_iv"].bytes());
        const BodyKeys response = legacy_response_keys(request);
        EXPECT_EQ(to_hex(response.key), vector["response_key"].text());
        EXPECT_EQ(to_hex(response.iv), vector["response_iv"].text());
    }
}

TEST(Keys, ChaChaKeyIsDrawnOutOfSixteenBytes) {
    const Json vectors = read_vectors("chacha_key.json");
    for (const Json& vector : vectors["cases"].items()) {
        const auto key = array_of<16>(vector["key"].bytes());
        EXPECT_EQ(to_hex(chacha_key(key).view()), vector["chacha_key"].text());
    }
}

TEST(Keys, LengthKeyFollowsFromTheRequestsKey) {
    const Json vectors = read_vectors("authenticated_length.json");
    for (const Json& vector : vectors["cases"].items()) {
        BodyKeys request;
        request.key = array_of<16>(vector["request_key"].bytes());
        const Key16 key = chunk_length_key(*dispatch().sha256, request);
        EXPECT_EQ(to_hex(key.view()), vector["length_key"].text());
    }
}

}  // namespace
}  // namespace ferry::test
