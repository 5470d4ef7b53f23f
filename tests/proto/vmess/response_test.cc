// Response headers are those of the vectors; every other is refused.
#include "proto/vmess/response.h"

#include <gtest/gtest.h>

#include "proto/vmess/command.h"
#include "tests/proto/vmess/support.h"

namespace ferry::test {
namespace {

using namespace proto::vmess;
using proto::Fault;

BodyKeys response_keys_of(const Json& vector) {
    BodyKeys keys;
    keys.key = array_of<16>(vector["response_key"].bytes());
    keys.iv = array_of<16>(vector["response_iv"].bytes());
    return keys;
}

BodyKeys some_keys() {
    BodyKeys keys;
    keys.key = array_of<16>(payload_of(1, 16));
    keys.iv = array_of<16>(payload_of(2, 16));
    return keys;
}

Bytes sealed_plain(const Bytes& plain) {
    Bytes wire(kResponseBytesMax);
    wire.resize(seal_response(dispatch(), some_keys(), plain, wire));
    return wire;
}

// Opens a sealed response with tag 0x4a as a client does.
std::string opened(Bytes wire) {
    if (wire.size() < kSealedU16Bytes) {
        return "more";
    }
    const BodyKeys keys = some_keys();
    const auto bytes = response_bytes(dispatch(), keys, ByteView(wire).first(kSealedU16Bytes));
    if (!bytes) {
        return std::string(proto::name_of(bytes.error()));
    }
    if (wire.size() < *bytes) {
        return "more";
    }
    Bytes exact(wire.begin(), wire.begin() + static_cast<std::ptrdiff_t>(*bytes));
    exact.shrink_to_fit();
    const auto response = open_response(dispatch(), keys, 0x4a, exact);
    return response ? "accepted" : std::string(proto::name_of(response.error()));
}

TEST(Response, FollowsTheVectorsInBothDirections) {
    const Json vectors = read_vectors("response_header_aead.json");
    for (const Json& vector : vectors["cases"].items()) {
        const std::string& name = vector["name"].text();
        const BodyKeys keys = response_keys_of(vector);
        const auto tag = static_cast<std::uint8_t>(vector["response_v"].number());
        const Bytes plain = vector["plain"].bytes();
        Bytes wire(kSealedResponseBytesMax);
        wire.resize(seal_response(dispatch(), keys, plain, wire));
        EXPECT_EQ(to_hex(wire), vector["wire"].text()) << name;

        const auto bytes = response_bytes(dispatch(), keys, ByteView(wire).first(kSealedU16Bytes));
        ASSERT_TRUE(bytes) << name;
        ASSERT_EQ(*bytes, wire.size()) << name;
        const auto response = open_response(dispatch(), keys, tag, wire);
        ASSERT_TRUE(response) << name;
        EXPECT_EQ(response->option, vector["option"].number()) << name;

        Bytes rebuilt(kPlainResponseBytesMax);
        rebuilt.resize(build_response(*response, rebuilt));
        EXPECT_EQ(rebuilt, plain) << name;
    }
}

TEST(LegacyResponse, FollowsTheVectorsInBothDirections) {
    const Json vectors = read_vectors("response_header_legacy.json");
    EXPECT_EQ(vectors["cases"].items().size(), 4u);
    for (const Json& vector : vectors["cases"].items()) {
        const std::string& name = vector["name"].text();
        const BodyKeys keys = response_keys_of(vector);
        const auto tag = static_cast<std::uint8_t>(vector["response_v"].number());
        const Bytes plain = vector["plain"].bytes();
        Bytes wire(kPlainResponseBytesMax);
        wire.resize(seal_legacy_response(dispatch(), keys, plain, wire));
        EXPECT_EQ(to_hex(wire), vector["wire"].text()) << name;

        const ByteView prefix = ByteView(wire).first(kPlainResponseBytesMin);
        const auto bytes = legacy_response_bytes(dispatch(), keys, tag, prefix);
        ASSERT_TRUE(bytes) << name;
        ASSERT_EQ(*bytes, wire.size()) << name;
        const auto response = open_legacy_response(dispatch(), keys, tag, wire);
        ASSERT_TRUE(response) << name;
        Bytes rebuilt(kPlainResponseBytesMax);
        rebuilt.resize(build_response(*response, rebuilt));
        EXPECT_EQ(rebuilt, plain) << name;
        EXPECT_EQ(switch_account_of(*response).has_value(), response->command == 1) << name;
        EXPECT_EQ(to_hex(wire), vector["wire"].text()) << name << ": it was to stay";
    }
}

TEST(LegacyResponse, EveryOtherTagIsAMismatchAtOnce) {
    const BodyKeys keys = some_keys();
    for (int tag = 0; tag < 256; ++tag) {
        const Bytes plain{static_cast<std::uint8_t>(tag), 0xff, 0xff, 0};
        Bytes wire(plain.size());
        seal_legacy_response(dispatch(), keys, plain, wire);
        const auto bytes = legacy_response_bytes(dispatch(), keys, 0x4a, wire);
        EXPECT_EQ(bytes.has_value(), tag == 0x4a);
        if (!bytes) {
            EXPECT_EQ(bytes.error(), Fault::response_mismatch);
        }
        EXPECT_EQ(open_legacy_response(dispatch(), keys, 0x4a, wire).has_value(), tag == 0x4a);
    }
}

TEST(Response, CarriesACommandOfAnyLength) {
    for (const std::size_t bytes : {0, 1, 254, 255}) {
        Response sent;
        sent.tag = 0x4a;
        sent.command = 1;
        sent.data_bytes = static_cast<std::uint8_t>(bytes);
        std::ranges::copy(payload_of(3, bytes), sent.data_store.begin());
        Bytes plain(kPlainResponseBytesMax);
        plain.resize(build_response(sent, plain));
        Bytes wire = sealed_plain(plain);
        const auto got = open_response(dispatch(), some_keys(), 0x4a, wire);
        ASSERT_TRUE(got) << bytes;
        EXPECT_EQ(got->command, 1);
        EXPECT_TRUE(std::ranges::equal(got->data(), payload_of(3, bytes))) << bytes;
    }
}

TEST(Response, EveryPrefixAsksForMore) {
    const Bytes wire = sealed_plain(from_hex("4a000000"));
    EXPECT_EQ(wire.size(), 38u);
    for (std::size_t bytes = 0; bytes < wire.size(); ++bytes) {
        const Bytes cut(wire.begin(), wire.begin() + static_cast<std::ptrdiff_t>(bytes));
        EXPECT_EQ(opened(cut), "more") << bytes;
    }
    EXPECT_EQ(opened(wire), "accepted");
}

TEST(Response, EveryFlippedBitIsABadTag) {
    const Bytes good = sealed_plain(from_hex("4a0d010412345678"));
    for (std::size_t bit = 0; bit < 8 * good.size(); ++bit) {
        Bytes wire = good;
        wire[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
        EXPECT_EQ(opened(wire), "bad_tag") << bit;
    }
}

TEST(Response, EachFieldIsJudged) {
    EXPECT_EQ(opened(sealed_plain(from_hex("4b000000"))), "response_mismatch");
    EXPECT_EQ(opened(sealed_plain(from_hex("4aff0000"))), "accepted");      // any option
    EXPECT_EQ(opened(sealed_plain(from_hex("4a00ff0100"))), "accepted");    // any command
    EXPECT_EQ(opened(sealed_plain(from_hex("4a0000000102"))), "accepted");  // bytes behind it
    EXPECT_EQ(opened(sealed_plain(from_hex("4a000001"))), "bad_length");    // a command cut short
    EXPECT_EQ(opened(sealed_plain(from_hex("4a0001ff00"))), "bad_length");
    for (const std::string_view plain : {"", "4a", "4a00", "4a0000"}) {
        EXPECT_EQ(opened(sealed_plain(from_hex(plain))), "bad_length") << plain;
    }
    Bytes longest = from_hex("4a000000");
    longest.resize(kPlainResponseBytesCap);
    EXPECT_EQ(opened(sealed_plain(longest)), "accepted");
}

TEST(Response, ALengthAboveTheCapIsRefusedBeforeItsBytesAreAwaited) {
    const BodyKeys keys = some_keys();
    const crypto::HashRow& hash = *dispatch().sha256;
    const SealKeys seal = seal_keys(
        hash, {Label::response_length_key, Label::response_length_nonce}, {keys.key, keys.iv});
    const crypto::Aead aead(*dispatch().aes128_gcm, seal.key.view());
    for (const int length : {2049, 65535}) {
        std::array<std::uint8_t, 2> plain;
        crypto::store_be(plain.data(), static_cast<std::uint16_t>(length));
        Bytes wire(kSealedU16Bytes);
        const ByteSpan field(wire);
        aead.seal(seal.nonce, {}, plain, field.first(2), field.last<crypto::kTagBytes>());
        EXPECT_EQ(opened(wire), "too_large") << length;
    }
}

}  // namespace
}  // namespace ferry::test
