// SHAKE128 over every row, read in any pieces.
#include <gtest/gtest.h>

#include "crypto/self_test.h"
#include "crypto/xof.h"
#include "tests/crypto/rows.h"

namespace ferry::test {

namespace {

using crypto::Shake128;
using crypto::XofRow;

class XofRows : public RowTest<XofRow> {};

TEST_P(XofRows, MeetTheVectors) {
    const Json vectors = read_vectors("crypto/shake128.json");
    for (const Json& vector : vectors["cases"].items()) {
        const Bytes expected = vector["output"].bytes();
        Bytes output(expected.size());
        Shake128(row(), vector["seed"].bytes()).read(output);
        EXPECT_EQ(output, expected) << vector["name"].text();
    }
}

TEST_P(XofRows, MeetTheWordsOfTheProtocol) {
    const Json vectors = read_vectors("shake.json");
    for (const Json& vector : vectors["cases"].items()) {
        SCOPED_TRACE(vector["name"].text());
        Shake128 shake(row(), vector["iv"].bytes());
        for (const Json& word : vector["words"].items()) {
            ASSERT_EQ(shake.next_word(), word.number());
        }
    }
}

// Over several permutations, against values from OpenSSL: bytes 1000 to 1031 of the output.
TEST_P(XofRows, GoOnBeyondOneBlock) {
    const Bytes seed = from_hex("000102030405060708090a0b0c0d0e0f");
    Bytes output(1032);
    Shake128(row(), seed).read(output);
    EXPECT_EQ(to_hex(ByteView(output).last(32)),
              "9133ee08d02d3211a073eade974530cb8ba266daf5dfc193eb15ba2022348fce");
}

TEST_P(XofRows, DoNotCareHowTheOutputIsRead) {
    Noise noise;
    const Bytes seed = noise.bytes(16);
    Bytes whole(2000);
    Shake128(row(), seed).read(whole);

    for (std::size_t cut = 0; cut <= 400; ++cut) {
        Shake128 shake(row(), seed);
        Bytes output(600);
        shake.read(ByteSpan(output).first(cut));
        shake.read(ByteSpan(output).subspan(cut));
        ASSERT_EQ(output, Bytes(whole.begin(), whole.begin() + 600)) << cut;
    }

    // Words and bytes in turn, so that words begin at odd places and cross the ends of blocks.
    Shake128 shake(row(), seed);
    std::size_t at = 0;
    while (at + 20 < whole.size()) {
        ASSERT_EQ(shake.next_word(), whole[at] << 8 | whole[at + 1]) << at;
        at += 2;
        Bytes some(noise.below(18));
        shake.read(some);
        ASSERT_TRUE(std::equal(some.begin(), some.end(), whole.begin() + std::ptrdiff_t(at)));
        at += some.size();
    }
}

TEST_P(XofRows, PermuteAsThePortableRow) {
    Noise noise;
    std::array<std::uint64_t, 25> lanes;
    for (std::uint64_t& lane : lanes) {
        lane = noise.next();
    }
    std::array<std::uint64_t, 25> expected = lanes;
    for (int round = 0; round < 100; ++round) {
        row().permute(lanes.data());
        crypto::shake128_rows().back()->permute(expected.data());
        ASSERT_EQ(lanes, expected) << round;
    }
}

TEST_P(XofRows, PassTheSelfTest) {
    EXPECT_TRUE(crypto::shake128_works(row()));
}

INSTANTIATE_TEST_SUITE_P(Rows, XofRows, testing::ValuesIn(all(crypto::shake128_rows())),
                         row_name<XofRow>);

TEST(ShakeDeathTest, TheSeedFitsIntoOneBlock) {
    const XofRow& row = *crypto::shake128_rows().back();
    Shake128(row, Bytes(167));
    EXPECT_DEATH(Shake128(row, Bytes(168)), "seed");
}

}  // namespace

}  // namespace ferry::test
