// Chunks: for every form of a body and every size, what was sealed opens to the same bytes however
// the stream is cut, and nothing else ever does.
#include "proto/vmess/chunk.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/proto/vmess/support.h"

namespace ferry::test {
namespace {

using namespace proto::vmess;
using proto::Fault;

bool is_raw(const BodyForm& form) {
    return shape_of(request_of(form)).framing == Framing::raw;
}

bool pads(const BodyForm& form) {
    return shape_of(request_of(form)).padding == Padding::on;
}

// A sealed stream, and what is in it.
struct Stream {
    Bytes wire;
    Bytes plaintext;
    std::vector<std::size_t> edges;  // behind each chunk, the end included

    void add(const Bytes& unit, ByteView payload) {
        append(wire, unit);
        append(plaintext, payload);
        if (!unit.empty()) {
            edges.push_back(wire.size());
        }
    }
};

Stream stream_of(const BodyForm& form, const std::vector<std::size_t>& sizes) {
    const Request request = request_of(form);
    const auto random = fixed_random(3);
    const auto sealer = body_sealer(request, request.keys, *random);
    Stream stream;
    std::size_t index = 0;
    for (const std::size_t bytes : sizes) {
        const Bytes payload = payload_of(index++, bytes);
        stream.add(sealed(*sealer, payload), payload);
    }
    stream.add(sealed_end(*sealer), {});
    return stream;
}

Heard heard_of(const BodyForm& form, ByteView wire, const std::vector<std::size_t>& pieces = {}) {
    const Request request = request_of(form);
    return listen(*body_opener(request, request.keys), wire, pieces);
}

bool is_prefix(const Bytes& front, const Bytes& whole) {
    return front.size() <= whole.size() && std::equal(front.begin(), front.end(), whole.begin());
}

TEST(Chunk, EverySizeComesBackInOnePieceOrMany) {
    std::mt19937_64 random(11);
    for (const BodyForm& form : all_forms()) {
        SCOPED_TRACE(name_of(form));
        const Stream stream =
            stream_of(form, {1, 15, 16, 17, 2047, 4096, kPayloadBytesMax - 1, kPayloadBytesMax, 1});
        for (int round = 0; round < 3; ++round) {
            const auto pieces =
                round == 0 ? std::vector<std::size_t>{} : random_pieces(stream.wire.size(), random);
            const Heard heard = heard_of(form, stream.wire, pieces);
            EXPECT_FALSE(heard.fault);
            EXPECT_TRUE(heard.plaintext == stream.plaintext);
            EXPECT_TRUE(heard.may_end);
            EXPECT_EQ(heard.ended, (form.options & kOptionChunks) != 0);
            if (!is_raw(form)) {
                EXPECT_EQ(heard.units.size(), 9u);  // one unit per chunk: datagrams stay whole
            }
        }
    }
}

TEST(Chunk, WhatIsSealedAroundAPayloadIsWhatSealWritesThere) {
    unsigned kept = 0;
    for (const BodyForm& form : all_forms()) {
        SCOPED_TRACE(name_of(form));
        const Request request = request_of(form);
        const auto random = fixed_random(6);
        const auto same_random = fixed_random(6);
        const auto whole = body_sealer(request, request.keys, *random);
        const auto parted = body_sealer(request, request.keys, *same_random);
        EXPECT_EQ(parted->keeps_payload(), request.security == Security::none);
        if (!parted->keeps_payload()) {
            continue;
        }
        ++kept;
        std::size_t index = 0;
        for (const std::size_t bytes : {1UL, 2047UL, 4096UL, kPayloadBytesMax, 1UL}) {
            const Bytes payload = payload_of(index++, bytes);
            Bytes room(parted->added_max());
            const auto around = parted->seal_around(payload.size(), room);
            ASSERT_LE(around.before_bytes + around.after_bytes, room.size());
            const ByteView written = room;
            Bytes composed;
            append(composed, written.first(around.before_bytes));
            append(composed, payload);
            append(composed, written.subspan(around.before_bytes, around.after_bytes));
            EXPECT_TRUE(composed == sealed(*whole, payload)) << bytes;
        }
        EXPECT_EQ(sealed_end(*parted), sealed_end(*whole));
    }
    EXPECT_GT(kept, 1U);
}

TEST(Chunk, ByteByByteIsAsGoodAsWhole) {
    for (const BodyForm& form : all_forms()) {
        SCOPED_TRACE(name_of(form));
        const Stream stream = stream_of(form, {1, 40, 300});
        const Heard heard = heard_of(form, stream.wire, single_bytes(stream.wire.size()));
        EXPECT_FALSE(heard.fault);
        EXPECT_EQ(heard.plaintext, stream.plaintext);
    }
}

TEST(Chunk, AddsNoMoreThanItSays) {
    for (const BodyForm& form : all_forms()) {
        SCOPED_TRACE(name_of(form));
        const Request request = request_of(form);
        const auto random = fixed_random(4);
        const auto sealer = body_sealer(request, request.keys, *random);
        EXPECT_LE(sealer->added_max(), kChunkAddedMax);
        if (form.command != Command::udp) {  // of datagrams: see datagram_test.cc
            EXPECT_EQ(sealer->payload_max(), kPayloadBytesMax);
        }
        std::size_t most = 0;
        for (int round = 0; round < 500; ++round) {
            // sealed() gives the sealer exactly the room that it says it needs.
            most = std::max(most, sealed(*sealer, payload_of(0, 5)).size() - 5);
        }
        EXPECT_EQ(most, sealer->added_max());  // 500 draws of 64 meet the largest padding
    }
}

TEST(Chunk, TheEndIsWrittenOnce) {
    for (const BodyForm& form : all_forms()) {
        SCOPED_TRACE(name_of(form));
        const Request request = request_of(form);
        const auto random = fixed_random(4);
        const auto sealer = body_sealer(request, request.keys, *random);
        EXPECT_EQ(sealed_end(*sealer).empty(), (form.options & kOptionChunks) == 0);
        EXPECT_TRUE(sealed_end(*sealer).empty());
    }
}

// A stream without its end mark may end, but only between two chunks.
TEST(Chunk, EveryPrefixWaitsAndEndsOnlyBetweenChunks) {
    for (const BodyForm& form : all_forms()) {
        SCOPED_TRACE(name_of(form));
        const Stream stream = stream_of(form, {1, 20, 90});
        for (std::size_t bytes = 0; bytes < stream.wire.size(); ++bytes) {
            const Heard heard = heard_of(form, ByteView(stream.wire).first(bytes));
            EXPECT_FALSE(heard.fault) << bytes;
            EXPECT_FALSE(heard.ended) << bytes;
            EXPECT_TRUE(is_prefix(heard.plaintext, stream.plaintext)) << bytes;
            const bool is_edge = bytes == 0 || is_raw(form) ||
                                 std::ranges::find(stream.edges, bytes) != stream.edges.end();
            EXPECT_EQ(heard.may_end, is_edge) << bytes;
        }
    }
}

// Is there something in each chunk that finds damage? The older checksum cannot fit by chance here:
// keys and payloads are fixed.
bool is_checked(const BodyForm& form) {
    return has_cipher(form) || (has_cfb(form) && !is_raw(form));
}

// Under a cipher a changed bit is found, unless it is in padding, which means nothing. A bit of a
// length that is not sealed may also make the opener wait for bytes that never come.
TEST(Chunk, EveryFlippedBitIsFoundUnderACipher) {
    for (const BodyForm& form : all_forms()) {
        if (!is_checked(form) || form.command != Command::tcp) {
            continue;
        }
        SCOPED_TRACE(name_of(form));
        const Stream stream = stream_of(form, {1, 33});
        const Heard good = heard_of(form, stream.wire);
        for (std::size_t bit = 0; bit < 8 * stream.wire.size(); ++bit) {
            Bytes wire = stream.wire;
            wire[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
            const Heard heard = heard_of(form, wire);
            EXPECT_TRUE(is_prefix(heard.plaintext, stream.plaintext)) << bit;
            if (!heard.fault && heard.may_end) {
                EXPECT_TRUE(pads(form)) << bit;
                EXPECT_EQ(heard.plaintext, good.plaintext) << bit;
                EXPECT_EQ(heard.ended, good.ended) << bit;
            }
        }
    }
}

TEST(Chunk, ChunksOutOfOrderAreFoundUnderACipher) {
    for (const BodyForm& form : all_forms()) {
        if (!is_checked(form)) {
            continue;
        }
        SCOPED_TRACE(name_of(form));
        const Stream stream = stream_of(form, {50, 50, 50});
        Bytes without_first(stream.wire.begin() + static_cast<std::ptrdiff_t>(stream.edges[0]),
                            stream.wire.end());
        const Heard heard = heard_of(form, without_first);
        EXPECT_TRUE(heard.plaintext.empty());
        EXPECT_FALSE(heard.ended);
        EXPECT_FALSE(heard.may_end);
    }
}

TEST(Chunk, BytesBehindTheEndAreAFault) {
    for (const BodyForm& form : all_forms()) {
        const Stream stream = stream_of(form, {50});
        if (stream.edges.size() < 2) {
            continue;  // it has no end mark
        }
        SCOPED_TRACE(name_of(form));
        Bytes wire = stream.wire;
        wire.push_back(0);
        // In the same input, and in a later one.
        for (const auto& pieces : {std::vector<std::size_t>{}, {stream.wire.size()}}) {
            const Heard heard = heard_of(form, wire, pieces);
            ASSERT_TRUE(heard.fault);
            EXPECT_EQ(*heard.fault, Fault::after_end);
            EXPECT_EQ(heard.plaintext, stream.plaintext);
        }
    }
}

// The counter of the nonce has two bytes; a stream goes on behind its end, in step with the
// lengths.
TEST(Chunk, NoncesWrapAndTheStreamGoesOn) {
    for (const BodyForm& form : {BodyForm{Command::tcp, Security::aes128_gcm, 0x15},
                                 BodyForm{Command::tcp, Security::chacha20_poly1305, 0x0d}}) {
        SCOPED_TRACE(name_of(form));
        const Request request = request_of(form);
        const auto random = fixed_random(5);
        const auto sealer = body_sealer(request, request.keys, *random);
        const auto opener = body_opener(request, request.keys);
        constexpr std::size_t kChunks = 65'536 + 3;
        Bytes wire(1 + sealer->added_max());
        for (std::size_t chunk = 0; chunk < kChunks; ++chunk) {
            const std::array<std::uint8_t, 1> payload{static_cast<std::uint8_t>(chunk * 7)};
            const std::size_t bytes = sealer->seal(payload, wire);
            const auto opened = opener->open(ByteSpan(wire).first(bytes));
            ASSERT_TRUE(opened) << chunk;
            ASSERT_EQ(opened->count, bytes) << chunk;
            ASSERT_EQ(opened->data.size(), 1u) << chunk;
            ASSERT_EQ(opened->data[0], payload[0]) << chunk;
        }
    }
}

// One chunk whose length field says `length`, as large as that or as large as the field can say.
Heard heard_length(const BodyForm& form, std::size_t length, std::size_t payload_bytes) {
    const Request request = request_of(form);
    const ChunkKeys keys{.own = request.keys, .request = request.keys};
    ChunkLengths lengths(dispatch(), request.security, shape_of(request), keys);
    Bytes wire(lengths.field_bytes());
    lengths.seal(length, wire);
    Bytes body(length);
    if (has_cfb(form)) {
        std::ranges::copy(with_checksum(payload_of(0, payload_bytes)), body.begin());
    } else if (has_cipher(form)) {
        AeadPayload cipher(dispatch(), request.security, request.keys);
        cipher.seal(payload_of(0, payload_bytes),
                    ByteSpan(body).first(payload_bytes + crypto::kTagBytes));
    } else {
        std::ranges::copy(payload_of(0, payload_bytes), body.begin());
    }
    append(wire, body);
    if (has_cfb(form)) {
        wire = under_cfb(request.keys, wire);
    }
    return heard_of(form, wire, {1, 1, 30'000, 30'000});
}

TEST(Chunk, TheLargestLengthIsAccepted) {
    for (const BodyForm& form : {BodyForm{Command::tcp, Security::aes128_gcm, 0x05},
                                 BodyForm{Command::tcp, Security::aes128_gcm, 0x11},
                                 BodyForm{Command::tcp, Security::chacha20_poly1305, 0x01},
                                 BodyForm{Command::tcp, Security::aes128_cfb, 0x01},
                                 BodyForm{Command::tcp, Security::aes128_cfb, 0x05},
                                 BodyForm{Command::tcp, Security::none, 0x05}}) {
        SCOPED_TRACE(name_of(form));
        const std::size_t payload_bytes = 65'535 - tag_bytes_of(form);
        const Heard heard = heard_length(form, 65'535, payload_bytes);
        EXPECT_FALSE(heard.fault);
        EXPECT_TRUE(heard.plaintext == payload_of(0, payload_bytes));
        EXPECT_TRUE(heard.may_end);
    }
}

// Sealed values of 65 520 and more mean chunks that no length can express; peers compute them in
// sixteen bits and go wrong.
TEST(Chunk, ASealedLengthBeyondTheLargestIsRefused) {
    for (const std::uint16_t value : {65'519, 65'520, 65'535}) {
        const BodyForm form{Command::tcp, Security::aes128_gcm, 0x11};
        const Request request = request_of(form);
        const Key16 key = chunk_length_key(*dispatch().sha256, request.keys);
        const crypto::Aead aead = aead_for(dispatch(), request.security, key.view());
        std::array<std::uint8_t, 2> plain;
        crypto::store_be(plain.data(), value);
        Bytes wire(kSealedLengthBytes);
        const ByteSpan field(wire);
        aead.seal(ChunkNonce(request.keys.iv).next(), {}, plain, field.first(2),
                  field.last<crypto::kTagBytes>());
        const Heard heard = heard_of(form, wire);
        if (value == 65'519) {
            EXPECT_FALSE(heard.fault);
            EXPECT_EQ(heard.edges, std::vector<std::size_t>{kSealedLengthBytes});
            EXPECT_FALSE(heard.may_end);
        } else {
            ASSERT_TRUE(heard.fault);
            EXPECT_EQ(*heard.fault, Fault::bad_length);
        }
    }
}

// Every length below the smallest that can be, for every form: peers crash here.
TEST(Chunk, TooSmallALengthIsRefused) {
    for (const BodyForm& form : all_forms()) {
        const Request request = request_of(form);
        const BodyShape shape = shape_of(request);
        if (shape.framing == Framing::raw || shape.lengths == Lengths::sealed) {
            continue;  // a sealed length cannot be below a tag
        }
        SCOPED_TRACE(name_of(form));
        SizeMask veils(*dispatch().shake128, request.keys.iv, shape.padding,
                       shape.lengths == Lengths::masked ? Mask::on : Mask::off);
        const Veil veil = veils.next();
        const std::size_t least = veil.padding_bytes + tag_bytes_of(form);
        for (std::size_t length = 0; length < least; ++length) {
            Bytes wire(100);
            crypto::store_be(wire.data(), static_cast<std::uint16_t>(length ^ veil.mask));
            const Heard heard =
                heard_of(form, has_cfb(form) ? under_cfb(request.keys, wire) : wire);
            ASSERT_TRUE(heard.fault) << length;
            EXPECT_EQ(*heard.fault, Fault::bad_length) << length;
        }
    }
}

TEST(Chunk, PaddingIsNotTheSameTwice) {
    const BodyForm form{Command::tcp, Security::aes128_gcm, 0x0d};
    const Request request = request_of(form);
    const auto random = fixed_random(6);
    const auto one = body_sealer(request, request.keys, *random);
    const auto other = body_sealer(request, request.keys, *random);
    int different = 0;
    for (int round = 0; round < 20; ++round) {
        different += sealed(*one, payload_of(0, 9)) != sealed(*other, payload_of(0, 9)) ? 1 : 0;
    }
    EXPECT_GT(different, 15);
}

}  // namespace
}  // namespace ferry::test
