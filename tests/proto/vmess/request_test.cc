// Request headers are those of the vectors, and every header that is not right is refused by name.
#include "proto/vmess/request.h"

#include <gtest/gtest.h>

#include <functional>

#include "crypto/hash.h"
#include "proto/cursor.h"
#include "tests/proto/vmess/support.h"

namespace ferry::test {
namespace {

using namespace proto::vmess;
using proto::Address;
using proto::Fault;

std::string fault_of(const proto::Parsed<Request>& parsed) {
    return parsed ? "accepted" : std::string(proto::name_of(parsed.error()));
}

CommandKey key_of(const Json& vector) {
    UserId id;
    id.bytes = array_of<16>(vector["user_id"].bytes());
    return CommandKey(id);
}

Request request_of_vector(const Json& vector) {
    Request request;
    request.command = static_cast<Command>(vector["command"].number());
    request.security = static_cast<Security>(vector["security"].number());
    request.options = static_cast<std::uint8_t>(vector["option"].number());
    request.response_tag = static_cast<std::uint8_t>(vector["response_v"].number());
    request.keys.key = array_of<16>(vector["body_key"].bytes());
    request.keys.iv = array_of<16>(vector["body_iv"].bytes());
    if (request.command != Command::mux) {
        const auto port = static_cast<std::uint16_t>(vector["port"].number());
        request.target = *proto::address_from(vector["address"].text(), port);
    }
    return request;
}

void expect_same(const Request& a, const Request& b, const std::string& name) {
    EXPECT_EQ(a.command, b.command) << name;
    EXPECT_EQ(a.security, b.security) << name;
    EXPECT_EQ(a.options, b.options) << name;
    EXPECT_EQ(a.response_tag, b.response_tag) << name;
    EXPECT_EQ(a.keys.key, b.keys.key) << name;
    EXPECT_EQ(a.keys.iv, b.keys.iv) << name;
    EXPECT_EQ(a.target, b.target) << name;
}

TEST(PlainRequest, FollowsTheVectorsInBothDirections) {
    const Json vectors = read_vectors("request_header_plain.json");
    for (const Json& vector : vectors["cases"].items()) {
        const std::string& name = vector["name"].text();
        const Request request = request_of_vector(vector);
        Bytes plain(kPlainRequestBytesMax);
        plain.resize(build_request(request, vector["padding"].bytes(), plain));
        EXPECT_EQ(to_hex(plain), vector["plain"].text()) << name;

        const auto parsed = parse_request(vector["plain"].bytes());
        ASSERT_TRUE(parsed) << name << fault_of(parsed);
        expect_same(*parsed, request, name);
    }
}

// A header under construction: fields that can be set wrong, with a right checksum at the end.
struct Draft {
    std::uint8_t version = 1;
    std::uint8_t options = 0x0d;
    std::uint8_t nibbles = 0x23;
    std::uint8_t reserved = 0;
    std::uint8_t command = 1;
    Bytes address = from_hex("01bb01c0000201");  // port, type, 192.0.2.1
    Bytes padding = from_hex("aabb");
    Bytes trailing;

    Bytes bytes() const {
        Bytes plain{version};
        append(plain, payload_of(1, 32));  // IV and key
        append(plain, Bytes{0x77, options, nibbles, reserved, command});
        append(plain, address);
        append(plain, padding);
        Bytes checksum(4);
        crypto::store_be(checksum.data(), crypto::fnv1a(plain));
        append(plain, checksum);
        append(plain, trailing);
        return plain;
    }
};

std::string verdict(const std::function<void(Draft&)>& change) {
    Draft draft;
    change(draft);
    return fault_of(parse_request(draft.bytes()));
}

TEST(PlainRequest, EachFieldHasItsOwnRefusal) {
    EXPECT_EQ(verdict([](Draft&) {}), "accepted");
    for (const int version : {0, 2, 255}) {
        EXPECT_EQ(verdict([&](Draft& draft) { draft.version = version; }), "bad_version");
    }
    for (const int command : {0, 4, 255}) {
        // An unknown command has no address, so that the checksum is where it is looked for.
        EXPECT_EQ(verdict([&](Draft& draft) {
                      draft.command = command;
                      draft.address.clear();
                  }),
                  "bad_command");
    }
    for (const int security : {2, 6, 7, 8, 15}) {
        EXPECT_EQ(verdict([&](Draft& draft) { draft.nibbles = 0x20 | security; }), "bad_security");
    }
    for (const int security : {0, 1, 3, 4, 5}) {
        EXPECT_EQ(verdict([&](Draft& draft) { draft.nibbles = 0x20 | security; }), "accepted");
    }
    EXPECT_EQ(verdict([](Draft& draft) { draft.reserved = 0xff; }), "accepted");
    EXPECT_EQ(verdict([](Draft& draft) { draft.trailing = payload_of(0, 1500); }), "accepted");
}

TEST(PlainRequest, PaddingNeedsMasking) {
    for (int options = 0; options < 256; ++options) {
        const bool pads = (options & kOptionPadding) != 0;
        const bool masks = (options & kOptionMask) != 0;
        EXPECT_EQ(verdict([&](Draft& draft) { draft.options = options; }),
                  pads && !masks ? "bad_option" : "accepted")
            << options;
    }
}

std::string target_of(std::string_view port_type_address) {
    Draft draft;
    draft.address = from_hex(port_type_address);
    const auto parsed = parse_request(draft.bytes());
    return parsed ? proto::text(parsed->target) : fault_of(parsed);
}

// The field for a name: port 80, type 2, length, name.
std::string named(std::string_view name) {
    Bytes field{0, 80, 2, static_cast<std::uint8_t>(name.size())};
    field.insert(field.end(), name.begin(), name.end());
    return to_hex(field);
}

TEST(PlainRequest, AddressesAreReadAsPeersReadThem) {
    EXPECT_EQ(target_of("01bb01c0000201"), "192.0.2.1:443");
    EXPECT_EQ(target_of("00350320010db8000000000000000000000001"), "[2001:db8::1]:53");
    EXPECT_EQ(target_of("00350300000000000000000000ffffc0000201"), "192.0.2.1:53");
    EXPECT_EQ(target_of(named("Example-1.org")), "Example-1.org:80");
    EXPECT_EQ(target_of(named("a_b.c")), "a_b.c:80");
    EXPECT_EQ(target_of(named("127.0.0.1")), "127.0.0.1:80");
    EXPECT_EQ(target_of(named("[2001:db8::1]")), "[2001:db8::1]:80");
    EXPECT_EQ(target_of(named("2001:db8::1")), "[2001:db8::1]:80");
    EXPECT_EQ(target_of(named("[::ffff:192.0.2.1]")), "192.0.2.1:80");
    EXPECT_EQ(target_of(named("1.example")), "1.example:80");
    EXPECT_EQ(target_of(named(std::string(255, 'x'))), std::string(255, 'x') + ":80");
}

TEST(PlainRequest, BadAddressesAreRefused) {
    EXPECT_EQ(target_of("01bb00c0000201"), "bad_address");
    EXPECT_EQ(target_of("01bb04c0000201"), "bad_address");
    EXPECT_EQ(target_of(named("")), "bad_address");
    // A colon without a digit or a bracket in front is no literal.
    for (const std::string_view name : {"a b", "::1", "[::1", "ex*mple", "a/b", "a:80", "-\n"}) {
        EXPECT_EQ(target_of(named(name)), "bad_address") << name;
    }
    EXPECT_EQ(target_of(named(std::string_view("a\0b", 3))), "bad_address");
    EXPECT_EQ(target_of(named("\xc3\xa4.example")), "bad_address");
    EXPECT_EQ(target_of("005002ff61"), "bad_length");  // the name runs past the header
}

TEST(PlainRequest, TheNameOfMuxIsMux) {
    Draft draft;
    draft.address = from_hex(named("v1.mux.cool"));
    const auto stream = parse_request(draft.bytes());
    ASSERT_TRUE(stream);
    EXPECT_EQ(stream->command, Command::mux);
    EXPECT_EQ(stream->target, Address{});

    draft.command = 2;
    const auto datagrams = parse_request(draft.bytes());
    ASSERT_TRUE(datagrams);
    EXPECT_EQ(datagrams->command, Command::udp);
}

TEST(PlainRequest, EveryCutIsABadLength) {
    const Json vectors = read_vectors("request_header_plain.json");
    for (const Json& vector : vectors["cases"].items()) {
        const Bytes plain = vector["plain"].bytes();
        for (std::size_t bytes = 0; bytes < plain.size(); ++bytes) {
            const Bytes cut(plain.begin(), plain.begin() + static_cast<std::ptrdiff_t>(bytes));
            EXPECT_EQ(fault_of(parse_request(cut)), "bad_length")
                << vector["name"].text() << ", " << bytes;
        }
    }
}

TEST(PlainRequest, EveryFlippedBitIsNoticed) {
    const Bytes good = Draft{}.bytes();
    for (std::size_t bit = 0; bit < 8 * good.size(); ++bit) {
        Bytes plain = good;
        plain[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
        EXPECT_FALSE(parse_request(plain)) << bit;
    }
}

TEST(SealedRequest, FollowsTheVectorsInBothDirections) {
    const Json vectors = read_vectors("request_header_aead.json");
    for (const Json& vector : vectors["cases"].items()) {
        const std::string& name = vector["name"].text();
        const CommandKey key = key_of(vector);
        const Bytes plain = vector["plain"].bytes();
        Bytes wire(kSealedRequestBytesMax);
        wire.resize(seal_request(dispatch(), key, array_of<16>(vector["auth_id"].bytes()),
                                 array_of<8>(vector["connection_nonce"].bytes()), plain, wire));
        EXPECT_EQ(to_hex(wire), vector["wire"].text()) << name;

        const auto bytes = request_bytes(dispatch(), key, ByteView(wire).first(kPrefixBytes));
        ASSERT_TRUE(bytes) << name;
        ASSERT_EQ(*bytes, wire.size()) << name;
        const auto request = open_request(dispatch(), key, wire);
        const auto expected = parse_request(plain);
        ASSERT_TRUE(request) << name << fault_of(request);
        ASSERT_TRUE(expected) << name;
        expect_same(*request, *expected, name);
    }
}

// Opens a sealed request as a server does. `wire` may be longer than the header.
std::string opened(const CommandKey& key, Bytes wire) {
    if (wire.size() < kPrefixBytes) {
        return "more";
    }
    const auto bytes = request_bytes(dispatch(), key, ByteView(wire).first(kPrefixBytes));
    if (!bytes) {
        return std::string(proto::name_of(bytes.error()));
    }
    EXPECT_GT(*bytes, kPrefixBytes);
    EXPECT_LE(*bytes, kRequestBytesMax);
    if (wire.size() < *bytes) {
        return "more";
    }
    Bytes exact(wire.begin(), wire.begin() + static_cast<std::ptrdiff_t>(*bytes));
    exact.shrink_to_fit();
    return fault_of(open_request(dispatch(), key, exact));
}

Bytes sealed_plain(const CommandKey& key, const Bytes& plain) {
    Bytes wire(kRequestBytesMax);
    wire.resize(seal_request(dispatch(), key, array_of<16>(payload_of(1, 16)),
                             array_of<8>(payload_of(2, 8)), plain, wire));
    return wire;
}

TEST(SealedRequest, EveryPrefixAsksForMore) {
    const CommandKey key(UserId{});
    const Bytes wire = sealed_plain(key, Draft{}.bytes());
    for (std::size_t bytes = 0; bytes < wire.size(); ++bytes) {
        const Bytes cut(wire.begin(), wire.begin() + static_cast<std::ptrdiff_t>(bytes));
        EXPECT_EQ(opened(key, cut), "more") << bytes;
    }
    EXPECT_EQ(opened(key, wire), "accepted");
}

TEST(SealedRequest, EveryFlippedBitIsABadTag) {
    const CommandKey key(UserId{});
    const Bytes good = sealed_plain(key, Draft{}.bytes());
    for (std::size_t bit = 0; bit < 8 * good.size(); ++bit) {
        Bytes wire = good;
        wire[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
        EXPECT_EQ(opened(key, wire), "bad_tag") << bit;
    }
}

TEST(SealedRequest, ItsLengthHasTwoLimits) {
    const CommandKey key(UserId{});
    EXPECT_EQ(opened(key, sealed_plain(key, {})), "bad_length");
    EXPECT_EQ(opened(key, sealed_plain(key, Bytes(kPlainRequestBytesMin - 1))), "bad_length");

    Draft draft;
    draft.trailing.resize(kPlainRequestBytesCap - draft.bytes().size());
    EXPECT_EQ(opened(key, sealed_plain(key, draft.bytes())), "accepted");
}

// seal_request() makes no header above the cap, so its length is sealed here by hand, as an
// attacker with a valid id could.
TEST(SealedRequest, ALengthAboveTheCapIsRefusedBeforeItsBytesAreAwaited) {
    const CommandKey key(UserId{});
    const Bytes id = payload_of(1, 16);
    const Bytes nonce = payload_of(2, 8);
    for (const int length : {2049, 65519, 65520, 65535}) {
        const crypto::HashRow& hash = *dispatch().sha256;
        const SealKeys seal =
            seal_keys(hash, {Label::request_length_key, Label::request_length_nonce},
                      {key.view(), key.view()}, {id, nonce});
        const crypto::Aead aead(*dispatch().aes128_gcm, seal.key.view());
        std::array<std::uint8_t, 2> plain;
        crypto::store_be(plain.data(), static_cast<std::uint16_t>(length));
        Bytes wire = id;
        wire.resize(kAuthIdBytes + kSealedU16Bytes);
        const ByteSpan field = ByteSpan(wire).last(kSealedU16Bytes);
        aead.seal(seal.nonce, id, plain, field.first(2), field.last<crypto::kTagBytes>());
        append(wire, nonce);
        EXPECT_EQ(opened(key, wire), "too_large") << length;
    }
}

// What the protocol's own list of bad headers says, without its reaction: closing and draining are
// not decided here.
TEST(SealedRequest, TheNegativeVectorsAreRefused) {
    const Json vectors = read_vectors("negative.json");
    UserId id;
    id.bytes = array_of<16>(vectors["user_id"].bytes());
    const CommandKey key(id);
    const Key16 id_key = auth_id_key(*dispatch().sha256, key);
    int accepted = 0;
    for (const Json& vector : vectors["headers"].items()) {
        const Bytes wire = vector["wire"].bytes();
        const auto time =
            open_auth_id(*dispatch().aes128, id_key.view(), ByteView(wire).first<kAuthIdBytes>());
        std::string result = "unknown_user";
        if (time) {
            result =
                in_time_window(*time, vector["clock"].number()) ? opened(key, wire) : "bad_time";
        }
        // "0 may be taken as aes-128-cfb": it is.
        const bool should_pass =
            vector["expect"].text().starts_with("accept") || vector["name"].text() == "security 0";
        EXPECT_EQ(result == "accepted", should_pass) << vector["name"].text() << ": " << result;
        EXPECT_NE(result, "more") << vector["name"].text();
        accepted += should_pass ? 1 : 0;
    }
    EXPECT_EQ(accepted, 4);
}

TEST(NewRequest, IsFreshEveryTimeAndOpensAgain) {
    const CommandKey key(UserId{});
    const Key16 id_key = auth_id_key(*dispatch().sha256, key);
    const auto random = fixed_random(7);
    Request request = request_of({Command::tcp, Security::aes128_gcm, 0x0d});
    request.target = *proto::address_from("example.org", 443);
    std::array<bool, kHeaderPaddingMax + 1> seen{};
    Bytes last;
    for (int round = 0; round < 300; ++round) {
        draw_secrets(request, *random);
        Bytes wire(kSealedRequestBytesMax);
        wire.resize(seal_new_request(dispatch(), *random, key, 1'700'000'000, request, wire));
        EXPECT_NE(wire, last);
        last = wire;
        const auto time =
            open_auth_id(*dispatch().aes128, id_key.view(), ByteView(wire).first<kAuthIdBytes>());
        ASSERT_TRUE(time);
        EXPECT_EQ(*time, 1'700'000'000);
        seen[wire.size() - 58 - (kPlainRequestBytesMin + 4 + 11)] = true;
        const auto again = open_request(dispatch(), key, wire);
        ASSERT_TRUE(again) << fault_of(again);
        expect_same(*again, request, "new request");
    }
    for (std::size_t padding = 0; padding < seen.size(); ++padding) {
        EXPECT_TRUE(seen[padding]) << padding;
    }
}

TEST(Offer, IsWhatPeersUnderstand) {
    const auto offer = [](BodyChoice choice, Command command, SealedLengths lengths) {
        const Offer made = offer_for(choice, command, lengths);
        return std::pair(static_cast<int>(made.security), static_cast<int>(made.options));
    };
    constexpr auto kOff = SealedLengths::off;
    constexpr auto kOn = SealedLengths::on;
    EXPECT_EQ(offer(BodyChoice::aes128_gcm, Command::tcp, kOff), std::pair(3, 0x0d));
    EXPECT_EQ(offer(BodyChoice::aes128_gcm, Command::udp, kOn), std::pair(3, 0x1d));
    EXPECT_EQ(offer(BodyChoice::chacha20_poly1305, Command::mux, kOff), std::pair(4, 0x0d));
    EXPECT_EQ(offer(BodyChoice::chacha20_poly1305, Command::tcp, kOn), std::pair(4, 0x1d));
    EXPECT_EQ(offer(BodyChoice::none, Command::tcp, kOff), std::pair(5, 0x05));
    EXPECT_EQ(offer(BodyChoice::none, Command::tcp, kOn), std::pair(5, 0x05));
    EXPECT_EQ(offer(BodyChoice::zero, Command::tcp, kOn), std::pair(5, 0x00));
    EXPECT_EQ(offer(BodyChoice::zero, Command::udp, kOff), std::pair(5, 0x05));
}

}  // namespace
}  // namespace ferry::test
