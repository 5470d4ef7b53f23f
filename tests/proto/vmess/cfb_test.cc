// Bodies under the older cipher are one key stream: what is on the wire decrypts in one go to the
// chunks that the protocol describes, and an answer may go on where its header ends.
#include "proto/vmess/cfb.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "proto/vmess/response.h"
#include "proto/vmess/size_mask.h"
#include "tests/proto/vmess/support.h"

namespace ferry::test {
namespace {

using namespace proto::vmess;

Bytes without_cfb(const BodyKeys& keys, ByteView wire) {
    Bytes plain(wire.size());
    crypto::Cfb cfb(*dispatch().aes128, crypto::Cfb::Way::decrypt, keys.key, keys.iv);
    cfb.apply(wire, plain);
    return plain;
}

BodyKeys keys_from(const Json& key, const Json& iv) {
    BodyKeys keys;
    keys.key = array_of<16>(key.bytes());
    keys.iv = array_of<16>(iv.bytes());
    return keys;
}

// The plain bytes of a stream whose paddings are zeroed.
Bytes without_paddings(const Request& request, const BodyKeys& own, ByteView wire) {
    const BodyShape shape = shape_of(request);
    Bytes plain = without_cfb(own, wire);
    SizeMask veils(*dispatch().shake128, own.iv, shape.padding,
                   shape.lengths == Lengths::masked ? Mask::on : Mask::off);
    std::size_t at = 0;
    while (at + kLengthBytes <= plain.size()) {
        const Veil veil = veils.next();
        const std::size_t length =
            crypto::load_be<std::uint16_t>(plain.data() + at) ^ std::size_t{veil.mask};
        at += kLengthBytes + length;
        EXPECT_GE(length, kChecksumBytes + veil.padding_bytes);
        EXPECT_LE(at, plain.size());
        std::fill_n(plain.begin() + static_cast<std::ptrdiff_t>(at - veil.padding_bytes),
                    veil.padding_bytes, 0);
    }
    EXPECT_EQ(at, plain.size());
    return plain;
}

// Padding changes everything behind it, so streams with padding are compared without the cipher.
TEST(Cfb, StreamsAreThoseOfTheVectorsExceptPaddings) {
    int cases = 0;
    for (const std::string_view file :
         {"body_stream_request.json", "body_stream_response.json", "body_packet.json"}) {
        const Json vectors = read_vectors(file);
        for (const Json& vector : vectors["cases"].items()) {
            const auto options = static_cast<std::uint8_t>(vector["option"].number());
            if (vector["security"].number() != 1 || (options & kOptionChunks) == 0) {
                continue;
            }
            ++cases;
            SCOPED_TRACE(vector["name"].text());
            const bool is_packet = vector["kind"].text() == "packet";
            const Request request = request_of(
                {is_packet ? Command::udp : Command::tcp, Security::aes128_cfb, options});
            const BodyKeys own = keys_from(vector["body_key"], vector["body_iv"]);
            const auto random = fixed_random(1);
            const auto sealer = body_sealer(request, own, *random);
            Bytes recorded;
            Bytes ours;
            for (const Json& chunk : vector["chunks"].items()) {
                append(recorded, chunk["wire"].bytes());
                append(ours, sealed(*sealer,
                                    payload_of(
                                        static_cast<std::size_t>(chunk["payload_index"].number()),
                                        static_cast<std::size_t>(chunk["payload_size"].number()))));
            }
            append(recorded, vector["end_of_stream"].bytes());
            append(ours, sealed_end(*sealer));
            EXPECT_EQ(to_hex(without_paddings(request, own, ours)),
                      to_hex(without_paddings(request, own, recorded)));
        }
    }
    EXPECT_EQ(cases, 12);
}

TEST(Cfb, ABodyGoesOnInTheKeyStreamOfItsHeader) {
    const Json vectors = read_vectors("response_header_legacy.json");
    const auto random = fixed_random(1);
    for (const Json& vector : vectors["cases"].items()) {
        SCOPED_TRACE(vector["name"].text());
        const BodyKeys keys = keys_from(vector["response_key"], vector["response_iv"]);
        CfbRawOpener opener(dispatch(), keys);
        opener.follow(vector["wire"].bytes());
        const Heard heard = listen(opener, vector["continued_wire"].bytes(), {1, 3, 20});
        EXPECT_EQ(to_hex(heard.plaintext), vector["continued_plain"].text());

        CfbRawSealer sealer(dispatch(), keys);
        sealer.follow(vector["plain"].bytes());
        EXPECT_EQ(to_hex(sealed(sealer, vector["continued_plain"].bytes())),
                  vector["continued_wire"].text());
    }
}

TEST(Cfb, ChunksGoOnBehindAHeaderOfAnySize) {
    const Request request = request_of({Command::tcp, Security::aes128_cfb, 0x05});
    const BodyShape shape = shape_of(request);
    const ChunkKeys keys{.own = request.keys, .request = request.keys};
    const auto random = fixed_random(1);
    for (std::size_t bytes = 0; bytes <= kPlainResponseBytesMax; ++bytes) {
        const Bytes header = payload_of(7, bytes);
        CfbChunkSealer sealer(dispatch(), *random, request.security, shape, keys);
        sealer.follow(header);
        Bytes body = sealed(sealer, payload_of(0, 40));
        append(body, sealed_end(sealer));

        CfbChunkOpener opener(dispatch(), request.security, shape, keys, EarlyEnd::is_end);
        const Bytes sealed_header = under_cfb(request.keys, header);
        opener.follow(sealed_header);
        const Heard heard = listen(opener, body, {2, 30});
        EXPECT_FALSE(heard.fault) << bytes;
        EXPECT_EQ(heard.plaintext, payload_of(0, 40)) << bytes;
        EXPECT_TRUE(heard.ended) << bytes;

        Bytes whole = sealed_header;
        append(whole, body);
        const Bytes plain = without_cfb(request.keys, whole);
        const auto at = static_cast<std::ptrdiff_t>(bytes + kLengthBytes + kChecksumBytes);
        EXPECT_TRUE(std::ranges::equal(payload_of(0, 40),
                                       ByteView(plain).subspan(static_cast<std::size_t>(at), 40)))
            << bytes;
    }
}

// A datagram is one chunk, whatever it is cut into on the way.
TEST(Cfb, DatagramsStayWhole) {
    std::mt19937_64 random(4);
    const Request request = request_of({Command::udp, Security::aes128_cfb, 0x0d});
    const auto padding = fixed_random(2);
    const auto sealer = body_sealer(request, request.keys, *padding);
    Bytes wire;
    for (std::size_t index = 0; index < 20; ++index) {
        append(wire, sealed(*sealer, payload_of(index, 1 + 73 * index)));
    }
    for (int round = 0; round < 10; ++round) {
        const auto opener = body_opener(request, request.keys);
        const Heard heard = listen(*opener, wire, random_pieces(wire.size(), random));
        ASSERT_EQ(heard.units.size(), 20u);
        for (std::size_t index = 0; index < 20; ++index) {
            EXPECT_EQ(heard.units[index], payload_of(index, 1 + 73 * index));
        }
    }
}

}  // namespace
}  // namespace ferry::test
