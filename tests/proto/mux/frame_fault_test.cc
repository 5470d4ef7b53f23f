// Frames that cannot be: each is refused for what is wrong with it, from any pieces.
#include <gtest/gtest.h>

#include "proto/mux/frame.h"
#include "tests/proto/mux/frames.h"

namespace ferry::proto::mux::test {
namespace {

using ferry::test::from_hex;
using ferry::test::Json;
using ferry::test::read_vectors;

TEST(MuxFault, TheVectors) {
    const std::vector<std::pair<std::string_view, Fault>> kFaults{
        {"metadata shorter than 4", Fault::bad_length},

        {"metadata longer than 512", Fault::bad_length},
        {"status 0", Fault::bad_frame},
        {"status 5", Fault::bad_frame},
        {"new without an address", Fault::bad_length},
        {"new with network 3", Fault::bad_frame},
        {"new with address type 4", Fault::bad_address},
        {"new with a cut address", Fault::bad_length}};
    const Json vectors = read_vectors("mux_frames.json");
    std::size_t cases = 0;
    for (const Json& vector : vectors["invalid"].items()) {
        SCOPED_TRACE(vector["name"].text());
        const auto found = std::ranges::find(kFaults, vector["name"].text(),
                                             &std::pair<std::string_view, Fault>::first);
        ASSERT_NE(found, kFaults.end());
        ++cases;
        const Heard heard = listen_cut(vector["wire"].bytes());
        EXPECT_EQ(heard.fault, found->second);
        EXPECT_TRUE(heard.frames.empty());
    }
    EXPECT_EQ(cases, vectors["invalid"].items().size());
    EXPECT_GE(cases, 8u);
}

// One frame by hand, without its first two bytes.
struct Bad {
    std::string_view metadata;
    Fault fault;
};

TEST(MuxFault, ByHand) {
    const std::array kBad{
        Bad{"00010600", Fault::bad_frame},
        Bad{"0001ff00", Fault::bad_frame},
        Bad{"00010100 01", Fault::bad_length},
        Bad{"00010100 01 0050", Fault::bad_length},
        Bad{"00010100 00 0050 017f000001", Fault::bad_frame},
        Bad{"00010100 01 0050 007f000001", Fault::bad_address},
        Bad{"00010100 01 0050 03 000000000000000000000000000000", Fault::bad_length},
        Bad{"00010100 01 0050 02", Fault::bad_length},
        Bad{"00010100 01 0050 02 00", Fault::bad_address},
        Bad{"00010100 01 0050 02 0261", Fault::bad_length},
        Bad{"00010100 01 0050 02 02612f", Fault::bad_address},
        Bad{"00010100 01 0050 02 0361203a", Fault::bad_address},
        Bad{"00010200 02", Fault::bad_length},
        Bad{"00010200 02 0050 04 7f000001", Fault::bad_address},
        Bad{"00010200 02 0050 01 7f0000", Fault::bad_length},
    };
    for (const Bad& bad : kBad) {
        SCOPED_TRACE(bad.metadata);
        const Bytes metadata = from_spaced(bad.metadata);
        // Behind a good one, which is still delivered, and with bytes behind it, which are not.
        Bytes wire = from_hex("0004000102010002aabb");
        const Whole good = listen(wire).frames.at(0);
        wire.push_back(0);
        wire.push_back(static_cast<std::uint8_t>(metadata.size()));
        wire.insert(wire.end(), metadata.begin(), metadata.end());
        wire.insert(wire.end(), 40, 0xff);
        const Heard heard = listen_cut(wire);
        EXPECT_EQ(heard.fault, bad.fault);
        EXPECT_EQ(heard.frames, std::vector<Whole>{good});
    }
}

TEST(MuxFault, LengthsThatCannotBeAreRefusedAtOnce) {
    for (const unsigned bytes : {0u, 1u, 2u, 3u, 513u, 514u, 0x1000u, 0xffffu}) {
        FrameReader reader;
        const Bytes wire{static_cast<std::uint8_t>(bytes >> 8), static_cast<std::uint8_t>(bytes)};
        const auto step = reader.next(wire);
        ASSERT_FALSE(step) << bytes;
        EXPECT_EQ(step.error(), Fault::bad_length);
    }
}

// Whatever a bit says, every cut of the stream says the same, and nothing outside it is read.
TEST(MuxFault, AnyFlippedBit) {
    std::size_t faults = 0;
    std::size_t frames = 0;
    for (const std::string_view file : {"mux_frames.json", "xudp_frames.json"}) {
        const Json vectors = read_vectors(file);
        for (const Json& vector : vectors["cases"].items()) {
            SCOPED_TRACE(vector["name"].text());
            Bytes wire = vector["wire"].bytes();
            for (std::size_t bit = 0; bit < std::min<std::size_t>(wire.size(), 64) * 8; ++bit) {
                wire[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
                const Heard heard =
                    listen_cut(ByteView(wire).first(std::min<std::size_t>(wire.size(), 64)));
                faults += heard.fault ? 1 : 0;
                frames += heard.frames.size();
                wire[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
            }
        }
    }
    EXPECT_GT(faults, 100u);
    EXPECT_GT(frames, 100u);
}

}  // namespace
}  // namespace ferry::proto::mux::test
