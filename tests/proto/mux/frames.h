// What the tests of mux frames share: a listener that plays the connection, and frames to hear.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <ostream>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "proto/mux/frame.h"
#include "tests/vectors_json.h"

namespace ferry::proto::mux::test {

using ferry::test::Bytes;

// Hex with a blank here and there.
inline Bytes from_spaced(std::string_view hex) {
    std::string digits(hex);
    std::erase(digits, ' ');
    return ferry::test::from_hex(digits);
}

// A frame with its data.
struct Whole {
    Frame frame;
    Bytes data;

    friend bool operator==(const Whole&, const Whole&) = default;
};

// What a reader made of a stream.
struct Heard {
    std::vector<Whole> frames;  // the last one as far as it came
    std::size_t counted = 0;
    bool may_end = true;
    std::optional<Fault> fault;

    friend bool operator==(const Heard&, const Heard&) = default;
};

inline void PrintTo(const Heard& heard, std::ostream* to) {
    *to << heard.frames.size() << " frames, " << heard.counted << " bytes, "
        << (heard.fault ? name_of(*heard.fault) : "no fault");
}

// One step, with the promises of FrameReader checked. Its input is exactly as large as it claims,
// so that a sanitizer sees a read beyond. Gives what is left of `in`.
inline ByteView step(FrameReader& reader, ByteView in, Heard& heard) {
    const Bytes there(in.begin(), in.end());
    const std::size_t left = reader.data_left();
    const auto step = reader.next(there);
    if (!step) {
        heard.fault = step.error();
        return {};
    }
    EXPECT_LE(step->count, there.size());
    switch (step->kind) {
        case FrameStep::Kind::need:
            EXPECT_EQ(step->count, there.size());
            EXPECT_TRUE(step->data.empty());
            break;
        case FrameStep::Kind::head:
            EXPECT_GT(step->count, 0u);
            EXPECT_EQ(left, 0u);
            EXPECT_TRUE(step->data.empty());
            EXPECT_EQ(reader.data_left(), reader.frame().data_bytes.value_or(0));
            heard.frames.push_back({reader.frame(), {}});
            break;
        case FrameStep::Kind::data:
            EXPECT_EQ(step->count, step->data.size());
            EXPECT_FALSE(step->data.empty());
            EXPECT_EQ(step->data.data(), there.data());
            EXPECT_EQ(reader.data_left(), left - step->data.size());
            heard.frames.back().data.insert(heard.frames.back().data.end(), step->data.begin(),
                                            step->data.end());
            break;
    }
    EXPECT_EQ(step->last, step->kind != FrameStep::Kind::need && reader.data_left() == 0);
    heard.counted += step->count;
    return in.subspan(step->count);
}

// Gives a stream to a reader in pieces of these sizes; what is left over comes as one last piece.
inline Heard listen(ByteView wire, const std::vector<std::size_t>& pieces = {}) {
    FrameReader reader;
    Heard heard;
    for (std::size_t piece = 0; !wire.empty() && !heard.fault; ++piece) {
        const std::size_t bytes =
            piece < pieces.size() ? std::min(pieces[piece], wire.size()) : wire.size();
        ByteView in = wire.first(bytes);
        wire = wire.subspan(bytes);
        do {
            in = step(reader, in, heard);
        } while (!in.empty());
    }
    heard.may_end = !heard.fault && reader.may_end();
    return heard;
}

// The same, and the same again from every cut in two and from single bytes. What a fault is found
// behind is not compared: a head that came in one piece is not counted when it is refused.
inline Heard listen_cut(ByteView wire) {
    Heard whole = listen(wire);
    const auto expect_same = [&whole](Heard cut) {
        if (whole.fault) {
            cut.counted = whole.counted;
        }
        EXPECT_EQ(cut, whole);
    };
    for (std::size_t cut = 1; cut < wire.size(); ++cut) {
        SCOPED_TRACE(cut);
        expect_same(listen(wire, {cut}));
    }
    expect_same(listen(wire, std::vector<std::size_t>(wire.size(), 1)));
    return whole;
}

// A frame of a vector file, with its data. An all-zero global id stays.
inline Whole frame_of(const ferry::test::Json& vector) {
    Whole whole;
    whole.frame.session = static_cast<std::uint16_t>(vector["session"].number());
    whole.frame.status = static_cast<Status>(vector["status"].number());
    whole.frame.error = (vector["option"].number() & 2) != 0;
    if (vector["network"].number() != 0) {
        whole.frame.network = static_cast<Network>(vector["network"].number());
        const auto port = static_cast<std::uint16_t>(vector["port"].number());
        whole.frame.target = address_from(vector["address"].text(), port).value();
    }
    const Bytes id = vector["global_id"].bytes();
    if (!id.empty()) {
        GlobalId& to = whole.frame.global_id.emplace();
        EXPECT_EQ(id.size(), to.size());
        std::copy_n(id.begin(), to.size(), to.begin());
    }
    whole.data = vector["data"].bytes();
    if (vector["has_data"].truth()) {
        whole.frame.data_bytes = static_cast<std::uint16_t>(whole.data.size());
    }
    return whole;
}

// A frame on the wire, in a buffer of exactly its size.
inline Bytes wire_of(const Whole& whole) {
    std::array<std::uint8_t, kHeadBytesMax> head;
    const std::size_t bytes = write_frame_head(whole.frame, head);
    EXPECT_LE(bytes, head.size());
    Bytes exact(bytes);
    EXPECT_EQ(write_frame_head(whole.frame, exact), bytes);
    EXPECT_TRUE(std::equal(exact.begin(), exact.end(), head.begin()));
    exact.insert(exact.end(), whole.data.begin(), whole.data.end());
    return exact;
}

}  // namespace ferry::proto::mux::test
