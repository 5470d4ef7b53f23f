// Every AES-128 row against NIST's CAVP files for ECB and CFB128: known answers and messages of
// several blocks. Each case is computed in both directions.
#include <gtest/gtest.h>

#include "crypto/block.h"
#include "tests/crypto/published.h"
#include "tests/crypto/rows.h"

namespace ferry::test {

namespace {

using crypto::Aes128;
using crypto::BlockRow;
using crypto::Cfb;
using OneBlock = std::span<const std::uint8_t, crypto::kAesBlockBytes>;

// The files of one mode, and how many cases each has.
constexpr std::pair<std::string_view, std::size_t> kFiles[] = {
    {"GFSbox128.rsp", 14},  {"KeySbox128.rsp", 42}, {"VarKey128.rsp", 256},
    {"VarTxt128.rsp", 256}, {"MMT128.rsp", 20},
};

class PublishedBlocks : public RowTest<BlockRow> {};

TEST_P(PublishedBlocks, MeetCavpInEcb) {
    for (const auto& [file, cases] : kFiles) {
        for (const Record& record : published("ciphers/AES/ECB/ECB" + std::string(file), cases)) {
            SCOPED_TRACE(record.place());
            const Bytes plain = record.bytes("plaintext");
            const Bytes sealed = record.bytes("ciphertext");
            const Bytes key = record.bytes("key");
            ASSERT_EQ(plain.size(), sealed.size());
            ASSERT_GT(plain.size(), 0u);
            const Aes128 aes(row(), OneBlock(key));
            for (std::size_t at = 0; at < plain.size(); at += crypto::kAesBlockBytes) {
                const ByteView here = ByteView(plain).subspan(at, crypto::kAesBlockBytes);
                const ByteView there = ByteView(sealed).subspan(at, crypto::kAesBlockBytes);
                EXPECT_EQ(copy(aes.encrypt(here.first<16>())), copy(there));
                EXPECT_EQ(copy(aes.decrypt(there.first<16>())), copy(here));
            }
        }
    }
}

TEST_P(PublishedBlocks, MeetCavpInCfb) {
    for (const auto& [file, cases] : kFiles) {
        for (const Record& record :
             published("ciphers/AES/CFB/CFB128" + std::string(file), cases)) {
            SCOPED_TRACE(record.place());
            const Bytes plain = record.bytes("plaintext");
            const Bytes sealed = record.bytes("ciphertext");
            const Bytes key = record.bytes("key");
            const Bytes iv = record.bytes("iv");
            ASSERT_GT(plain.size(), 0u);
            Bytes made(plain.size());
            Cfb(row(), Cfb::Way::encrypt, OneBlock(key), OneBlock(iv)).apply(plain, made);
            EXPECT_EQ(made, sealed);
            Cfb(row(), Cfb::Way::decrypt, OneBlock(key), OneBlock(iv)).apply(made, made);
            EXPECT_EQ(made, plain);
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Rows, PublishedBlocks, testing::ValuesIn(all(crypto::aes128_rows())),
                         row_name<BlockRow>);

}  // namespace

}  // namespace ferry::test
