// Frames of mux connections, from any pieces and onto the wire, against the vectors and by hand.
#include "proto/mux/frame.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/proto/mux/frames.h"

namespace ferry::proto::mux::test {
namespace {

using ferry::test::from_hex;
using ferry::test::Json;
using ferry::test::read_vectors;
using ferry::test::to_hex;

constexpr std::array<std::pair<std::string_view, std::size_t>, 2> kFrameFiles{{
    {"mux_frames.json", 10},
    {"xudp_frames.json", 8},
}};

template <class Check>
void for_each_frame(Check check) {
    for (const auto& [file, least] : kFrameFiles) {
        const Json vectors = read_vectors(file);
        EXPECT_GE(vectors["cases"].items().size(), least) << file;
        for (const Json& vector : vectors["cases"].items()) {
            SCOPED_TRACE(vector["name"].text());
            check(vector);
        }
    }
}

Whole only(const Heard& heard) {
    EXPECT_FALSE(heard.fault);
    EXPECT_TRUE(heard.may_end);
    EXPECT_EQ(heard.frames.size(), 1u);
    return heard.frames.empty() ? Whole{} : heard.frames[0];
}

TEST(MuxFrame, VectorsAreReadFromAnyPieces) {
    for_each_frame([](const Json& vector) {
        const Bytes wire = vector["wire"].bytes();
        const Heard heard = listen_cut(wire);
        EXPECT_EQ(heard.counted, wire.size());
        EXPECT_EQ(only(heard), frame_of(vector));
    });
}

TEST(MuxFrame, VectorsAreWritten) {
    for_each_frame([](const Json& vector) {
        EXPECT_EQ(to_hex(wire_of(frame_of(vector))), vector["wire"].text());
    });
}

TEST(MuxFrame, APrefixIsNoFrameYet) {
    for_each_frame([](const Json& vector) {
        const Bytes wire = vector["wire"].bytes();
        for (std::size_t bytes = 1; bytes < wire.size(); ++bytes) {
            const Heard heard = listen(ByteView(wire).first(bytes));
            EXPECT_FALSE(heard.fault);
            EXPECT_FALSE(heard.may_end) << bytes;
            EXPECT_EQ(heard.counted, bytes);
        }
    });
}

TEST(MuxFrame, FollowOneAnother) {
    Bytes wire;
    std::vector<Whole> expected;
    for (int round = 0; round < 3; ++round) {
        for_each_frame([&](const Json& vector) {
            const Bytes one = vector["wire"].bytes();
            wire.insert(wire.end(), one.begin(), one.end());
            expected.push_back(frame_of(vector));
        });
    }
    std::mt19937_64 random(1);
    for (int round = 0; round < 300; ++round) {
        std::vector<std::size_t> pieces;
        for (std::size_t sum = 0; sum < wire.size(); sum += pieces.back()) {
            pieces.push_back(random() % (round % 2 == 0 ? 30 : 3000) + 1);
        }
        const Heard heard = listen(wire, round == 0 ? std::vector<std::size_t>{} : pieces);
        EXPECT_FALSE(heard.fault);
        EXPECT_TRUE(heard.may_end);
        ASSERT_EQ(heard.frames, expected);
    }
}

TEST(MuxFrame, AnEmptyInputIsAskedForMore) {
    FrameReader reader;
    const auto first = reader.next({});
    ASSERT_TRUE(first);
    EXPECT_EQ(first->kind, FrameStep::Kind::need);
    EXPECT_EQ(first->count, 0u);
    const Bytes head = from_hex("0004000102010002");
    ASSERT_EQ(reader.next(head)->kind, FrameStep::Kind::head);
    EXPECT_FALSE(reader.may_end());
    EXPECT_EQ(reader.next({})->kind, FrameStep::Kind::need);
    EXPECT_EQ(reader.data_left(), 2u);
}

TEST(MuxFrame, DataOfAnyLength) {
    for (const std::size_t bytes : {std::size_t{1}, kStreamDataBytesMax, kDataBytesMax}) {
        Whole whole{.frame = {.session = 7}, .data = Bytes(bytes, 0x5a)};
        whole.frame.data_bytes = static_cast<std::uint16_t>(bytes);
        const Bytes wire = wire_of(whole);
        EXPECT_EQ(wire.size(), 8 + bytes);
        EXPECT_EQ(only(listen(wire)), whole);
        EXPECT_EQ(only(listen(wire, std::vector<std::size_t>(100, 640))), whole);
    }
    EXPECT_LE(kStreamDataBytesMax + kHeadBytesMax, vmess::kPayloadBytesMax);
}

// Metadata in hex, as a whole frame without data.
Bytes bare(std::string_view metadata) {
    const Bytes bytes = from_spaced(metadata);
    Bytes wire(2 + bytes.size());
    crypto::store_be(wire.data(), static_cast<std::uint16_t>(bytes.size()));
    std::ranges::copy(bytes, wire.begin() + 2);
    return wire;
}

Frame told(std::string_view metadata) {
    return only(listen_cut(bare(metadata))).frame;
}

const Address kLoopback = ipv4({127, 0, 0, 1}, 80);
const GlobalId kId{1, 2, 3, 4, 5, 6, 7, 8};

TEST(MuxFrame, BytesBehindWhatIsKnownMeanNothing) {
    const Frame end{.session = 9, .status = Status::end};
    EXPECT_EQ(told("00090300"), end);
    EXPECT_EQ(told("0009030002"), end);
    EXPECT_EQ(told("000903000200500101"), end);
    EXPECT_EQ(told("0009040002ffff").status, Status::keep_alive);

    const Frame stream{
        .session = 1, .status = Status::open, .network = Network::tcp, .target = kLoopback};
    EXPECT_EQ(told("00010100 01 0050 017f000001"), stream);
    EXPECT_EQ(told("00010100 01 0050 017f000001 ff"), stream);
    // eight more are no global id here
    EXPECT_EQ(told("00010100 01 0050 017f000001 0102030405060708"), stream);
}

TEST(MuxFrame, OptionBits) {
    EXPECT_TRUE(told("00010302").error);
    EXPECT_FALSE(told("000103fc").error);
    EXPECT_FALSE(told("000103fc").data_bytes);
    const Heard heard = listen_cut(from_hex("0004000103ff0001aa"));
    EXPECT_TRUE(only(heard).frame.error);
    EXPECT_EQ(only(heard).data, Bytes{0xaa});
}

TEST(MuxFrame, GlobalIdsAreOfEightBytesAndOfDatagrams) {
    Frame frame{.session = 0, .status = Status::open, .network = Network::udp, .target = kLoopback};
    EXPECT_EQ(told("00000100 02 0050 017f000001"), frame);
    EXPECT_EQ(told("00000100 02 0050 017f000001 01020304050607"), frame);
    frame.global_id = GlobalId{};
    EXPECT_EQ(told("00000100 02 0050 017f000001 0000000000000000"), frame);
    frame.global_id = kId;
    EXPECT_EQ(told("00000100 02 0050 017f000001 0102030405060708"), frame);
    EXPECT_EQ(told("00000100 02 0050 017f000001 010203040506070809"), frame);
    // A later datagram has none.
    frame.status = Status::keep;
    frame.global_id.reset();
    EXPECT_EQ(told("00000200 02 0050 017f000001 0102030405060708"), frame);
}

TEST(MuxFrame, ADatagramHasAnAddressBehindTheByteOfItsNetwork) {
    const Frame frame{.session = 3, .status = Status::keep};
    EXPECT_EQ(told("00030200"), frame);
    EXPECT_EQ(told("00030200 01 0050 017f000001"), frame);
    EXPECT_EQ(told("00030200 00"), frame);
    EXPECT_EQ(told("00030200 02 0050 017f000001").target, kLoopback);
}

TEST(MuxFrame, AddressesAreThoseOfRequests) {
    EXPECT_EQ(told("00010100 01 0050 02 09 3132372e302e302e31").target, kLoopback);
    EXPECT_EQ(told("00010100 01 0050 03 00000000000000000000ffff7f000001").target, kLoopback);
    EXPECT_EQ(text(*told("00010100 01 0050 02 05 5b3a3a315d").target), "[::1]:80");
    EXPECT_EQ(text(*told("00010100 01 0050 02 03 612e5f").target), "a._:80");
}

TEST(MuxFrame, TheLongestMetadata) {
    const std::string behind((kMetadataBytesMax - kMetadataBytesMin) * 2, '3');
    EXPECT_EQ(told("00010200" + behind), (Frame{.session = 1, .status = Status::keep}));
    EXPECT_EQ(listen(bare("00010200" + behind + "33")).fault, Fault::bad_length);
}

TEST(MuxFrame, TheLargestHeadThatWeWrite) {
    Whole whole{.frame = {.session = 0xffff,
                          .status = Status::open,
                          .network = Network::udp,
                          .target = address_from(std::string(255, 'a'), 65'535).value(),
                          .global_id = kId,
                          .data_bytes = 0},
                .data = {}};
    const Bytes wire = wire_of(whole);
    EXPECT_EQ(wire.size(), kHeadBytesMax);
    EXPECT_EQ(only(listen_cut(wire)), whole);
}

// Any frame that may be written, at random.
Whole any_frame(std::mt19937_64& random) {
    Whole whole;
    whole.frame.session = static_cast<std::uint16_t>(random());
    whole.frame.status = static_cast<Status>(random() % 4 + 1);
    whole.frame.error = random() % 2 == 0;
    const bool is_open = whole.frame.status == Status::open;
    if (is_open || (whole.frame.status == Status::keep && random() % 2 == 0)) {
        const bool is_udp = !is_open || random() % 2 == 0;
        whole.frame.network = is_udp ? Network::udp : Network::tcp;
        const std::array<std::string, 4> hosts{"192.0.2.1", "2001:db8::1", "example.org",
                                               std::string(random() % 255 + 1, 'x')};
        whole.frame.target =
            address_from(hosts[random() % hosts.size()], static_cast<std::uint16_t>(random()))
                .value();
        if (is_open && is_udp && random() % 2 == 0) {
            whole.frame.global_id = kId;
        }
    }
    if (random() % 4 != 0) {
        whole.data = Bytes(random() % 50, static_cast<std::uint8_t>(random()));
        whole.frame.data_bytes = static_cast<std::uint16_t>(whole.data.size());
    }
    return whole;
}

TEST(MuxFrame, WhatIsWrittenIsReadAgain) {
    std::mt19937_64 random(2);
    for (int round = 0; round < 2000; ++round) {
        const Whole whole = any_frame(random);
        const Bytes wire = wire_of(whole);
        ASSERT_EQ(only(listen(wire)), whole);
        ASSERT_EQ(only(listen(wire, std::vector<std::size_t>(wire.size(), 1))), whole);
    }
}

}  // namespace
}  // namespace ferry::proto::mux::test
