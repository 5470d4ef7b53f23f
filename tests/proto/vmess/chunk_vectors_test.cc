// Bodies are those of the vectors: opened from any pieces, and sealed byte for byte.
#include <gtest/gtest.h>

#include <algorithm>

#include "proto/vmess/body.h"
#include "proto/vmess/chunk_length.h"
#include "proto/vmess/shape.h"
#include "tests/proto/vmess/support.h"

namespace ferry::test {
namespace {

using namespace proto::vmess;
using proto::Fault;

// Calls `check(body case, vector)` for every case of a file.
template <class Check>
void for_each_body(std::string_view file, int expected_cases, Check check) {
    const Json vectors = read_vectors(file);
    int cases = 0;
    for (const Json& vector : vectors["cases"].items()) {
        const BodyCase body(vector);
        SCOPED_TRACE(body.name);
        check(body, vector);
        ++cases;
    }
    EXPECT_EQ(cases, expected_cases) << file;
}

constexpr std::array<std::pair<std::string_view, int>, 3> kFiles{{
    {"body_stream_request.json", 24},
    {"body_stream_response.json", 38},
    {"body_packet.json", 36},
}};

TEST(BodyVectors, OpenFromAnyPieces) {
    std::mt19937_64 random(1);
    for (const auto& [file, cases] : kFiles) {
        for_each_body(file, cases, [&](const BodyCase& body, const Json& vector) {
            Bytes wire;
            Bytes expected;
            for (const Json& chunk : vector["chunks"].items()) {
                append(wire, chunk["wire"].bytes());
                append(expected,
                       payload_of(static_cast<std::size_t>(chunk["payload_index"].number()),
                                  static_cast<std::size_t>(chunk["payload_size"].number())));
            }
            const Bytes end = vector["end_of_stream"].bytes();
            append(wire, end);
            for (int round = 0; round < 8; ++round) {
                const auto pieces = round == 0   ? std::vector<std::size_t>{}
                                    : round == 1 ? single_bytes(wire.size())
                                                 : random_pieces(wire.size(), random);
                const auto opener = body_opener(body.request, body.own);
                const Heard heard = listen(*opener, wire, pieces);
                EXPECT_FALSE(heard.fault);
                EXPECT_EQ(heard.plaintext, expected);
                EXPECT_EQ(heard.ended, !end.empty());
                EXPECT_TRUE(heard.may_end);
            }
        });
    }
}

TEST(BodyVectors, AreSealedByteForByteExceptPaddings) {
    for (const auto& [file, cases] : kFiles) {
        for_each_body(file, cases, [](const BodyCase& body, const Json& vector) {
            const auto random = fixed_random(1);
            const auto sealer = body_sealer(body.request, body.own, *random);
            const BodyShape shape = shape_of(body.request);
            const std::size_t field_bytes = shape.framing == Framing::raw      ? 0
                                            : shape.lengths == Lengths::sealed ? 18
                                                                               : 2;
            const std::size_t tag_bytes =
                tag_bytes_of({body.request.command, body.request.security, body.request.options});
            if (body.request.security == Security::aes128_cfb && shape.padding == Padding::on) {
                return;  // what follows a padding depends on it: see cfb_test.cc
            }
            const auto expect_wire = [&](const Bytes& wire, const Bytes& expected,
                                         std::size_t payload_bytes) {
                ASSERT_EQ(wire.size(), expected.size());
                const std::size_t fixed = field_bytes + payload_bytes + tag_bytes;
                ASSERT_LE(fixed, wire.size());
                EXPECT_TRUE(std::equal(wire.begin(),
                                       wire.begin() + static_cast<std::ptrdiff_t>(fixed),
                                       expected.begin()));
            };
            for (const Json& chunk : vector["chunks"].items()) {
                const auto bytes = static_cast<std::size_t>(chunk["payload_size"].number());
                const Bytes payload =
                    payload_of(static_cast<std::size_t>(chunk["payload_index"].number()), bytes);
                expect_wire(sealed(*sealer, payload), chunk["wire"].bytes(), bytes);
            }
            const Bytes end = vector["end_of_stream"].bytes();
            const Bytes our_end = sealed_end(*sealer);
            ASSERT_EQ(our_end.empty(), end.empty());
            if (!end.empty()) {
                expect_wire(our_end, end, 0);
            }
        });
    }
}

TEST(BodyVectors, ThePublicCodecsAreTheSame) {
    for_each_body("body_stream_request.json", 24, [](const BodyCase& body, const Json& vector) {
        const auto opener = make_request_opener(dispatch(), body.request);
        ASSERT_TRUE(opener);
        Bytes wire;
        for (const Json& chunk : vector["chunks"].items()) {
            append(wire, chunk["wire"].bytes());
        }
        append(wire, vector["end_of_stream"].bytes());
        const Heard heard = listen(**opener, wire);
        EXPECT_FALSE(heard.fault);
        EXPECT_TRUE(heard.may_end);
        EXPECT_GT(heard.plaintext.size(), 1000u);
    });
}

TEST(BodyVectors, NoncesCountAndWrap) {
    const Json vectors = read_vectors("chunk_nonce.json");
    for (const Json& vector : vectors["cases"].items()) {
        ChunkNonce nonce(array_of<16>(vector["iv"].bytes()));
        std::size_t index = 0;
        for (const auto& [text, expected] : vector["nonce_by_chunk_index"].members()) {
            const std::size_t wanted = std::stoul(text);
            for (; index < wanted; ++index) {
                nonce.next();
            }
            EXPECT_EQ(to_hex(nonce.next()), expected.text()) << text;
            ++index;
        }
        EXPECT_GT(index, 65'536u);
    }
}

// Each sample against the key and nonce that it should have; those of the first chunks through the
// codec as well.
TEST(BodyVectors, SealedLengthsAreThose) {
    const Json vectors = read_vectors("authenticated_length.json");
    for (const Json& vector : vectors["cases"].items()) {
        SCOPED_TRACE(vector["name"].text());
        Request request;
        request.security = vector["name"].text().ends_with("gcm")
                                    ? Security::aes128_gcm
                                    : Security::chacha20_poly1305;
        request.options = kOptionChunks | kOptionSealedLengths;
        request.keys.key = array_of<16>(vector["request_key"].bytes());
        request.keys.iv = array_of<16>(vector["request_iv"].bytes());
        const Key16 key = chunk_length_key(*dispatch().sha256, request.keys);
        const crypto::Aead aead = aead_for(dispatch(), request.security, key.view());

        for (const Json& sample : vector["sealed"].items()) {
            const std::int64_t index = sample["chunk_index"].number();
            const auto size = static_cast<std::size_t>(sample["chunk_size"].number());
            const Bytes wire = sample["wire"].bytes();
            ASSERT_EQ(wire.size(), kSealedLengthBytes);
            ChunkNonce nonce(request.keys.iv);
            for (std::int64_t chunk = 0; chunk < index; ++chunk) {
                nonce.next();
            }
            std::array<std::uint8_t, 2> plain;
            const ByteView field(wire);
            ASSERT_TRUE(aead.open(nonce.next(), {}, field.first(2), plain, field.last<16>()));
            EXPECT_EQ(to_hex(plain), sample["plain"].text());
            EXPECT_EQ(crypto::load_be<std::uint16_t>(plain.data()) + 16u, size);

            if (index < 3) {
                // The keys of the direction do not matter: those of the request are used in both.
                const BodyKeys others;
                const ChunkKeys keys{.own = others, .request = request.keys};
                ChunkLengths from(dispatch(), request.security, shape_of(request), keys);
                ChunkLengths to(dispatch(), request.security, shape_of(request), keys);
                Bytes made(kSealedLengthBytes);
                for (std::int64_t chunk = 0; chunk < index; ++chunk) {
                    to.seal(100, made);
                    ASSERT_TRUE(from.open(made));
                }
                to.seal(size, made);
                EXPECT_EQ(to_hex(made), to_hex(wire));
                const auto opened = from.open(wire);
                ASSERT_TRUE(opened);
                EXPECT_EQ(opened->bytes, size);
            }
        }
    }
}

TEST(BodyVectors, TheNegativeOnesAreRefused) {
    const Json vectors = read_vectors("negative.json");
    std::mt19937_64 random(2);
    int cases = 0;
    for (const Json& vector : vectors["chunks"].items()) {
        const BodyCase body(vector);
        SCOPED_TRACE(body.name);
        ++cases;
        Bytes wire = vector["good_chunk"].bytes();
        append(wire, vector["bad_chunk"].bytes());
        for (int round = 0; round < 8; ++round) {
            const auto pieces = round == 0   ? std::vector<std::size_t>{}
                                : round == 1 ? single_bytes(wire.size())
                                             : random_pieces(wire.size(), random);
            const auto opener = body_opener(body.request, body.own);
            const Heard heard = listen(*opener, wire, pieces);
            ASSERT_TRUE(heard.fault);
            const bool is_length = body.name.find(", size ") != std::string::npos;
            const Fault damaged = body.request.security == Security::aes128_cfb
                                      ? Fault::bad_checksum
                                      : Fault::bad_tag;
            EXPECT_EQ(*heard.fault, is_length ? Fault::bad_length : damaged);
            EXPECT_EQ(heard.plaintext, vector["good_payload"].bytes());
            EXPECT_FALSE(heard.ended);
        }
    }
    EXPECT_EQ(cases, 29);
}

}  // namespace
}  // namespace ferry::test
