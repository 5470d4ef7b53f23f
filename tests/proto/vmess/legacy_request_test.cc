// Request headers of the older form are those of the vectors, open from whatever has arrived, and
// refuse damage in a way that tells tampering from a sender's mistakes.
#include "proto/vmess/legacy_request.h"

#include <gtest/gtest.h>

#include <functional>
#include <set>

#include "crypto/hash.h"
#include "tests/proto/vmess/support.h"

namespace ferry::test {
namespace {

using namespace proto::vmess;
using proto::Fault;
using Kind = LegacyOpened::Kind;

const UserId& legacy_user() {
    static const UserId id = *parse_uuid("b831381d-6324-4d53-ad4f-8cda48b30811");
    return id;
}

const CommandKey& legacy_key() {
    static const CommandKey key(legacy_user());
    return key;
}

LegacyStamp stamp_now() {
    return {AlternativeIds(legacy_user()).next(), kNow};
}

// One call on bytes of exactly their size.
proto::Parsed<LegacyOpened> opened_now(ByteView wire) {
    const auto exact = std::make_unique<std::uint8_t[]>(wire.size());
    std::ranges::copy(wire, exact.get());
    return open_legacy_request(dispatch(), legacy_key(), kNow, {exact.get(), wire.size()});
}

std::string verdict_on(ByteView wire) {
    const auto opened = opened_now(wire);
    if (!opened) {
        return std::string(proto::name_of(opened.error()));
    }
    return opened->kind == Kind::need ? "need " + std::to_string(opened->bytes) : "accepted";
}

Bytes sealed_legacy(const Bytes& plain) {
    Bytes wire(kAuthIdBytes + plain.size());
    EXPECT_EQ(seal_legacy_request(dispatch(), legacy_key(), stamp_now(), plain, wire), wire.size());
    return wire;
}

// A plain header with a right checksum: `field` is port, type and address, or nothing.
Bytes legacy_plain(std::uint8_t nibbles, std::uint8_t command, std::string_view field,
                   std::uint8_t version = 1, std::uint8_t options = 0x0d) {
    Bytes plain{version};
    append(plain, payload_of(1, 32));  // IV and key
    append(plain, Bytes{0x77, options, nibbles, 0, command});
    append(plain, from_hex(field));
    append(plain, payload_of(2, nibbles >> 4));
    Bytes checksum(4);
    crypto::store_be(checksum.data(), crypto::fnv1a(plain));
    append(plain, checksum);
    return plain;
}

constexpr std::string_view kIpv4Field = "01bb01c0000201";
constexpr std::string_view kIpv6Field = "00350320010db8000000000000000000000001";
constexpr std::string_view kNameField = "0050020b6578616d706c652e636f6d";

// Calls `check(plain, wire)` for headers with and without each kind of address and padding.
void for_each_header(const std::function<void(const Bytes&, const Bytes&)>& check) {
    for (const int padding : {0, 1, 15}) {
        const auto nibbles = static_cast<std::uint8_t>(padding << 4 | 3);
        for (const std::string_view field : {kIpv4Field, kIpv6Field, kNameField}) {
            const Bytes plain = legacy_plain(nibbles, 1, field);
            check(plain, sealed_legacy(plain));
        }
        const Bytes mux = legacy_plain(nibbles, 3, "");
        check(mux, sealed_legacy(mux));
    }
}

TEST(LegacyRequest, FollowsTheVectorsInBothDirections) {
    const Json vectors = read_vectors("request_header_legacy.json");
    EXPECT_EQ(vectors["cases"].items().size(), 9u);
    for (const Json& vector : vectors["cases"].items()) {
        SCOPED_TRACE(vector["name"].text());
        UserId user;
        user.bytes = array_of<16>(vector["user_id"].bytes());
        const CommandKey key(user);
        EXPECT_EQ(to_hex(key.view()), vector["cmd_key"].text());
        LegacyStamp stamp;
        stamp.signer.bytes = array_of<16>(vector["signing_id"].bytes());
        stamp.unix_time = vector["timestamp"].number();
        const Bytes plain = vector["plain"].bytes();
        Bytes wire(kLegacyRequestBytesMax);
        wire.resize(seal_legacy_request(dispatch(), key, stamp, plain, wire));
        EXPECT_EQ(to_hex(wire), vector["wire"].text());

        const auto opened = open_legacy_request(dispatch(), key, stamp.unix_time, wire);
        const auto expected = parse_request(plain);
        ASSERT_TRUE(opened);
        ASSERT_TRUE(expected);
        EXPECT_EQ(opened->kind, Kind::header);
        EXPECT_EQ(opened->bytes, wire.size());
        EXPECT_EQ(opened->request.form, HeaderForm::legacy);
        EXPECT_EQ(expected->form, HeaderForm::aead);
        EXPECT_EQ(opened->request.command, expected->command);
        EXPECT_EQ(opened->request.security, expected->security);
        EXPECT_EQ(opened->request.options, expected->options);
        EXPECT_EQ(opened->request.response_tag, expected->response_tag);
        EXPECT_EQ(opened->request.keys.key, expected->keys.key);
        EXPECT_EQ(opened->request.keys.iv, expected->keys.iv);
        EXPECT_EQ(opened->request.target, expected->target);
    }
}

TEST(LegacyRequest, EveryPrefixAsksForMoreAndNeverForTheBody) {
    for_each_header([](const Bytes&, const Bytes& wire) {
        std::set<std::size_t> asked;
        for (std::size_t bytes = 0; bytes < wire.size(); ++bytes) {
            const auto opened = opened_now(ByteView(wire).first(bytes));
            ASSERT_TRUE(opened) << bytes;
            EXPECT_EQ(opened->kind, Kind::need) << bytes;
            EXPECT_GT(opened->bytes, bytes);
            EXPECT_LE(opened->bytes, wire.size()) << bytes;
            asked.insert(opened->bytes);
        }
        EXPECT_LE(asked.size(), 4u);
        EXPECT_EQ(*asked.begin(), kLegacyFixedBytes);
        EXPECT_EQ(*asked.rbegin(), wire.size());
    });
}

TEST(LegacyRequest, WhatFollowsTheHeaderIsLeftAlone) {
    for_each_header([](const Bytes&, const Bytes& wire) {
        for (const std::size_t more : {1, 16, 2'000}) {
            Bytes longer = wire;
            append(longer, payload_of(5, more));
            const auto opened = opened_now(longer);
            ASSERT_TRUE(opened);
            EXPECT_EQ(opened->kind, Kind::header);
            EXPECT_EQ(opened->bytes, wire.size());
        }
    });
}

// The size is known at the first byte from which it can be.
TEST(PlainRequest, ItsSizeShowsInItsFront) {
    const Json vectors = read_vectors("request_header_plain.json");
    for (const Json& vector : vectors["cases"].items()) {
        const Bytes plain = vector["plain"].bytes();
        for (std::size_t bytes = 0; bytes <= plain.size(); ++bytes) {
            const std::size_t known = plain_request_bytes(ByteView(plain).first(bytes));
            EXPECT_GE(known, std::min(bytes + 1, plain.size())) << vector["name"].text();
            EXPECT_LE(known, plain.size()) << vector["name"].text() << ", " << bytes;
        }
        EXPECT_EQ(plain_request_bytes(plain), plain.size());
    }
}

// With a body behind it nothing remains open: a flipped bit is a wrong checksum wherever it is
// looked for. Without one the header may ask for bytes that never come, and the cut is as suspect.
TEST(LegacyRequest, EveryFlippedBitTaints) {
    for_each_header([](const Bytes&, const Bytes& wire) {
        for (std::size_t bit = 8 * kAuthIdBytes; bit < 8 * wire.size(); ++bit) {
            Bytes damaged = wire;
            damaged[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
            const auto alone = opened_now(damaged);
            if (alone) {
                EXPECT_EQ(alone->kind, Kind::need) << bit;
                EXPECT_TRUE(cut_taints(damaged.size())) << bit;
            } else {
                EXPECT_TRUE(taints(alone.error())) << bit;
            }
            append(damaged, payload_of(5, 400));
            const auto opened = opened_now(damaged);
            ASSERT_FALSE(opened) << bit;
            EXPECT_EQ(opened.error(), Fault::bad_checksum) << bit;
            EXPECT_TRUE(taints(opened.error())) << bit;
        }
    });
}

TEST(LegacyRequest, OfAnotherTimeOrUserIsTampering) {
    const Bytes plain = legacy_plain(0x23, 1, kIpv4Field);
    Bytes wire = sealed_legacy(plain);
    append(wire, payload_of(5, 400));
    const auto later = open_legacy_request(dispatch(), legacy_key(), kNow + 1, wire);
    ASSERT_FALSE(later);
    EXPECT_EQ(later.error(), Fault::bad_checksum);
    const auto other = open_legacy_request(dispatch(), CommandKey(UserId{}), kNow, wire);
    ASSERT_FALSE(other);
    EXPECT_EQ(other.error(), Fault::bad_checksum);
}

std::string verdict_on_plain(const Bytes& plain) {
    return verdict_on(sealed_legacy(plain));
}

TEST(LegacyRequest, MistakesWithARightChecksumHaveTheirOwnNames) {
    EXPECT_EQ(verdict_on_plain(legacy_plain(0x23, 1, kIpv4Field)), "accepted");
    EXPECT_EQ(verdict_on_plain(legacy_plain(0x23, 1, kIpv4Field, 0)), "bad_version");
    EXPECT_EQ(verdict_on_plain(legacy_plain(0x23, 1, kIpv4Field, 1, 0x08)), "bad_option");
    for (const int command : {0, 4, 255}) {
        EXPECT_EQ(verdict_on_plain(legacy_plain(0x23, command, "")), "bad_command");
    }
    for (const int security : {2, 6, 7, 15}) {
        EXPECT_EQ(verdict_on_plain(legacy_plain(0x20 | security, 1, kIpv4Field)), "bad_security");
    }
    EXPECT_EQ(verdict_on_plain(legacy_plain(0x23, 1, "00500200")), "bad_address");        // no name
    EXPECT_EQ(verdict_on_plain(legacy_plain(0x23, 1, "00500203612062")), "bad_address");  // "a b"
    // Of unknown type, with a checksum where peers look for it.
    EXPECT_EQ(verdict_on_plain(legacy_plain(0x23, 1, "01bb00")), "bad_address");
    for (const Fault fault : {Fault::bad_version, Fault::bad_option, Fault::bad_command,
                              Fault::bad_security, Fault::bad_address}) {
        EXPECT_FALSE(taints(fault));
    }
}

// vmess.md 17: the checksum is looked for at the wrong place then.
TEST(LegacyRequest, AddressesThatCannotBeReadAreTampering) {
    for (const int type : {0, 4, 255}) {
        Bytes field = from_hex(kIpv4Field);
        field[2] = static_cast<std::uint8_t>(type);
        EXPECT_EQ(verdict_on_plain(legacy_plain(0x23, 1, to_hex(field))), "bad_checksum");
    }
    EXPECT_EQ(verdict_on_plain(legacy_plain(0x23, 0, kIpv4Field)), "bad_checksum");
    EXPECT_EQ(verdict_on_plain(legacy_plain(0x23, 9, kIpv4Field)), "bad_checksum");
}

TEST(LegacyRequest, SecurityZeroIsTheOlderCipher) {
    const auto opened = opened_now(sealed_legacy(legacy_plain(0x20, 1, kIpv4Field)));
    ASSERT_TRUE(opened);
    EXPECT_EQ(opened->request.security, Security::aes128_cfb);
}

TEST(LegacyRequest, OnlyACutBehindTheFixedPartIsSuspect) {
    EXPECT_FALSE(cut_taints(0));
    EXPECT_FALSE(cut_taints(kAuthIdBytes));
    EXPECT_FALSE(cut_taints(kLegacyFixedBytes - 1));
    EXPECT_TRUE(cut_taints(kLegacyFixedBytes));
}

TEST(NewLegacyRequest, IsFreshlyPaddedAndOpensAgain) {
    const auto random = fixed_random(7);
    Request request = request_of({Command::tcp, Security::aes128_gcm, 0x0d});
    request.form = HeaderForm::legacy;
    request.target = *proto::address_from(std::string(255, 'x'), 443);
    std::set<std::size_t> sizes;
    for (int round = 0; round < 300; ++round) {
        draw_secrets(request, *random);
        Bytes wire(kLegacyRequestBytesMax);
        wire.resize(
            seal_new_legacy_request(dispatch(), *random, legacy_key(), stamp_now(), request, wire));
        sizes.insert(wire.size());
        EXPECT_EQ(to_hex(ByteView(wire).first(kAuthIdBytes)),
                  to_hex(time_token(stamp_now().signer, kNow)));
        const auto opened = opened_now(wire);
        ASSERT_TRUE(opened);
        EXPECT_EQ(opened->bytes, wire.size());
        EXPECT_EQ(opened->request.keys.key, request.keys.key);
        EXPECT_EQ(opened->request.keys.iv, request.keys.iv);
        EXPECT_EQ(opened->request.response_tag, request.response_tag);
        EXPECT_EQ(opened->request.target, request.target);
    }
    EXPECT_EQ(sizes.size(), kHeaderPaddingMax + 1);
    EXPECT_EQ(*sizes.rbegin(), kLegacyRequestBytesMax);
}

}  // namespace
}  // namespace ferry::test
