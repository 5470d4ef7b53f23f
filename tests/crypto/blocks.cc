// AES-128 on blocks and in CFB mode over every row.
#include <gtest/gtest.h>

#include "crypto/block.h"
#include "crypto/self_test.h"
#include "tests/crypto/rows.h"

namespace ferry::test {

namespace {

using crypto::Aes128;
using crypto::BlockRow;
using crypto::Cfb;
using Block = std::span<const std::uint8_t, 16>;

class BlockRows : public RowTest<BlockRow> {};

// Applies a whole message at once.
Bytes cfb(const BlockRow& row, Cfb::Way way, const Bytes& key, const Bytes& iv, const Bytes& from) {
    Bytes to(from.size());
    Cfb(row, way, Block(key), Block(iv)).apply(from, to);
    return to;
}

TEST_P(BlockRows, MeetTheVectors) {
    const Json vectors = read_vectors("crypto/aes128.json");
    for (const Json& vector : vectors["blocks"].items()) {
        const Bytes plain = vector["plain"].bytes();
        const Bytes sealed = vector["sealed"].bytes();
        const Bytes key = vector["key"].bytes();
        const Aes128 aes(row(), Block(key));
        for (std::size_t at = 0; at < plain.size(); at += 16) {
            const Bytes plain_block(plain.begin() + std::ptrdiff_t(at),
                                    plain.begin() + std::ptrdiff_t(at + 16));
            const Bytes sealed_block(sealed.begin() + std::ptrdiff_t(at),
                                     sealed.begin() + std::ptrdiff_t(at + 16));
            EXPECT_EQ(copy(aes.encrypt(Block(plain_block))), sealed_block) << vector["name"].text();
            EXPECT_EQ(copy(aes.decrypt(Block(sealed_block))), plain_block) << vector["name"].text();
        }
    }
}

// NIST SP 800-38A, F.1.1 and F.3.13, and the CAVP files.
TEST_P(BlockRows, MeetTheVectorsOfTheModes) {
    const Bytes key = from_hex("2b7e151628aed2a6abf7158809cf4f3c");
    const Bytes iv = from_hex("000102030405060708090a0b0c0d0e0f");
    const Bytes plain = from_hex(
        "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
        "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710");
    const Bytes sealed = from_hex(
        "3b3fd92eb72dad20333449f8e83cfb4ac8a64537a0b3a93fcde3cdad9f1ce58b"
        "26751f67a3cbb140b1808cf187a4f4dfc04b05357c5d1c0eeac4c66f9ff7f2e6");
    EXPECT_EQ(cfb(row(), Cfb::Way::encrypt, key, iv, plain), sealed);
    EXPECT_EQ(cfb(row(), Cfb::Way::decrypt, key, iv, sealed), plain);
    EXPECT_EQ(to_hex(Aes128(row(), Block(key)).encrypt(Block(plain).first<16>())),
              "3ad77bb40d7a3660a89ecaf32466ef97");

    const Json vectors = read_vectors("crypto/aes128.json");
    for (const Json& vector : vectors["cfb"].items()) {
        SCOPED_TRACE(vector["name"].text());
        const Bytes key_here = vector["key"].bytes();
        const Bytes iv_here = vector["iv"].bytes();
        EXPECT_EQ(cfb(row(), Cfb::Way::encrypt, key_here, iv_here, vector["plain"].bytes()),
                  vector["sealed"].bytes());
        EXPECT_EQ(cfb(row(), Cfb::Way::decrypt, key_here, iv_here, vector["sealed"].bytes()),
                  vector["plain"].bytes());
    }
}

class CfbRows : public BlockRows {
protected:
    Noise noise_;
    Bytes key_ = noise_.bytes(16);
    Bytes iv_ = noise_.bytes(16);
};

TEST_P(CfbRows, AgreeWithThePortableRowAtEveryLength) {
    const BlockRow& portable = *crypto::aes128_rows().back();
    for (std::size_t bytes = 0; bytes <= 512; bytes += sweep_step()) {
        const Bytes text = noise_.bytes(bytes);
        const Bytes sealed = cfb(row(), Cfb::Way::encrypt, key_, iv_, text);
        ASSERT_EQ(sealed, cfb(portable, Cfb::Way::encrypt, key_, iv_, text)) << bytes;
        ASSERT_EQ(cfb(row(), Cfb::Way::decrypt, key_, iv_, sealed), text) << bytes;
    }
}

TEST_P(CfbRows, DoNotCareHowAStreamIsCut) {
    const Bytes text = noise_.bytes(100);
    const Bytes sealed = cfb(row(), Cfb::Way::encrypt, key_, iv_, text);
    for (std::size_t first = 0; first <= text.size(); ++first) {
        for (std::size_t second = first; second <= text.size(); second += 7) {
            Cfb encrypt(row(), Cfb::Way::encrypt, Block(key_), Block(iv_));
            Cfb decrypt(row(), Cfb::Way::decrypt, Block(key_), Block(iv_));
            Bytes there(text.size());
            Bytes back(text.size());
            const std::size_t cuts[] = {0, first, second, text.size()};
            for (std::size_t piece = 0; piece < 3; ++piece) {
                const std::size_t at = cuts[piece];
                const std::size_t bytes = cuts[piece + 1] - at;
                encrypt.apply(ByteView(text).subspan(at, bytes),
                              ByteSpan(there).subspan(at, bytes));
                decrypt.apply(ByteView(sealed).subspan(at, bytes),
                              ByteSpan(back).subspan(at, bytes));
            }
            ASSERT_EQ(there, sealed) << first << ", " << second;
            ASSERT_EQ(back, text) << first << ", " << second;
        }
    }
}

TEST_P(CfbRows, WorkInPlaceAtEveryAlignment) {
    for (std::size_t bytes = 0; bytes <= 300; bytes += 3) {
        for (std::size_t offset = 0; offset < 16; ++offset) {
            const Bytes text = noise_.bytes(bytes);
            const Bytes sealed = cfb(row(), Cfb::Way::encrypt, key_, iv_, text);
            Placed place(offset, text);
            Cfb(row(), Cfb::Way::encrypt, Block(key_), Block(iv_))
                .apply(place.view(), place.span());
            ASSERT_EQ(copy(place.view()), sealed) << bytes << " at " << offset;
            Cfb(row(), Cfb::Way::decrypt, Block(key_), Block(iv_))
                .apply(place.view(), place.span());
            ASSERT_EQ(copy(place.view()), text) << bytes << " at " << offset;
        }
    }
}

TEST_P(BlockRows, PassTheSelfTest) {
    EXPECT_TRUE(crypto::aes128_works(row()));
}

INSTANTIATE_TEST_SUITE_P(Rows, BlockRows, testing::ValuesIn(all(crypto::aes128_rows())),
                         row_name<BlockRow>);
INSTANTIATE_TEST_SUITE_P(Rows, CfbRows, testing::ValuesIn(all(crypto::aes128_rows())),
                         row_name<BlockRow>);

}  // namespace

}  // namespace ferry::test
