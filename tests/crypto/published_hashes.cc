// SHA-256, SHAKE128, HMAC and MD5 against NIST's CAVP files and the vectors of RFCs 1321, 2202 and
// 4231; the first two over every row.
#include <gtest/gtest.h>

#include "crypto/hash.h"
#include "crypto/xof.h"
#include "tests/crypto/published.h"
#include "tests/crypto/rows.h"

namespace ferry::test {

namespace {

using crypto::HashRow;
using crypto::Shake128;
using crypto::XofRow;

// The message of a record whose `Len` counts its bits; an empty one is written as one byte.
Bytes message_of(const Record& record) {
    Bytes message = record.bytes("msg");
    message.resize(record.number("len") / 8);
    return message;
}

class PublishedHashes : public RowTest<HashRow> {};

TEST_P(PublishedHashes, MeetCavp) {
    for (const auto& [file, cases] : {std::pair("ShortMsg", 65), std::pair("LongMsg", 64)}) {
        for (const Record& record : published("hashes/SHA2/SHA256" + std::string(file) + ".rsp",
                                              static_cast<std::size_t>(cases))) {
            EXPECT_EQ(copy(crypto::sha256(row(), message_of(record))), record.bytes("md"))
                << record.place();
        }
    }
}

// NIST's SHAVS, 6.4: a thousand digests of the last three each, from a seed; the last one is the
// answer and the next seed.
TEST_P(PublishedHashes, MeetCavpMonteCarlo) {
    const std::vector<Record>& records = published("hashes/SHA2/SHA256Monte.rsp", 101);
    ASSERT_GE(records.size(), 101u);
    Bytes seed = records[0].bytes("seed");
    const std::size_t count = 1 + 99 / sweep_step();
    for (std::size_t index = 1; index <= count; ++index) {
        std::array<Bytes, 3> last{seed, seed, seed};
        for (int round = 0; round < 1000; ++round) {
            crypto::Sha256 hash(row());
            for (const Bytes& digest : last) {
                hash.update(digest);
            }
            std::ranges::rotate(last, last.begin() + 1);
            last[2] = copy(hash.finish());
        }
        seed = last[2];
        ASSERT_EQ(seed, records[index].bytes("md")) << records[index].place();
    }
}

TEST_P(PublishedHashes, MeetTheRfcOfHmac) {
    for (const Record& record : published("HMAC/rfc-4231-sha256.txt", 6)) {
        EXPECT_EQ(copy(crypto::hmac_sha256(row(), record.bytes("key"), record.bytes("msg"))),
                  record.bytes("md"))
            << record.place();
    }
}

INSTANTIATE_TEST_SUITE_P(Rows, PublishedHashes, testing::ValuesIn(all(crypto::sha256_rows())),
                         row_name<HashRow>);

TEST(PublishedMd5, MeetsTheRfcs) {
    for (const Record& record : published("hashes/MD5/rfc-1321.txt", 7)) {
        EXPECT_EQ(copy(crypto::md5(message_of(record))), record.bytes("md")) << record.place();
    }
    for (const Record& record : published("HMAC/rfc-2202-md5.txt", 7)) {
        EXPECT_EQ(copy(crypto::hmac_md5(record.bytes("key"), record.bytes("msg"))),
                  record.bytes("md"))
            << record.place();
    }
}

class PublishedStreams : public RowTest<XofRow> {
protected:
    Bytes read(const Bytes& seed, std::size_t bytes) const {
        Bytes output(bytes);
        Shake128(row(), seed).read(output);
        return output;
    }
};

// Half of the short messages fit into one block, which is all that Shake128 takes; none of the long
// ones does.
TEST_P(PublishedStreams, MeetCavp) {
    std::size_t usable = 0;
    for (const Record& record : published("hashes/SHAKE/SHAKE128ShortMsg.rsp", 337)) {
        const Bytes seed = message_of(record);
        if (seed.size() < crypto::kShake128RateBytes) {
            const Bytes expected = record.bytes("output");
            EXPECT_EQ(read(seed, expected.size()), expected) << record.place();
            ++usable;
        }
    }
    EXPECT_EQ(usable, crypto::kShake128RateBytes);  // one of every length

    for (const Record& record : published("hashes/SHAKE/SHAKE128VariableOut.rsp", 1126)) {
        const Bytes expected = record.bytes("output");
        ASSERT_EQ(8 * expected.size(), record.number("outputlen"));
        EXPECT_EQ(read(record.bytes("msg"), expected.size()), expected) << record.place();
    }
}

// NIST's SHA3VS, 6.3.3: a thousand outputs, each of the first 128 bits of the last one, and as long
// as its last 16 bits say.
TEST_P(PublishedStreams, MeetCavpMonteCarlo) {
    constexpr std::size_t kShortestBytes = 128 / 8;
    constexpr std::size_t kLongestBytes = 1120 / 8;
    const std::vector<Record>& records = published("hashes/SHAKE/SHAKE128Monte.rsp", 101);
    ASSERT_GE(records.size(), 101u);
    Bytes output = records[0].bytes("msg");
    std::size_t bytes = kLongestBytes;
    const std::size_t count = 1 + 99 / sweep_step();
    for (std::size_t index = 1; index <= count; ++index) {
        for (int round = 0; round < 1000; ++round) {
            output.resize(16);
            output = read(output, bytes);
            const std::size_t tail = crypto::load_be<std::uint16_t>(&output[output.size() - 2]);
            bytes = kShortestBytes + tail % (kLongestBytes - kShortestBytes + 1);
        }
        ASSERT_EQ(output, records[index].bytes("output")) << records[index].place();
    }
}

INSTANTIATE_TEST_SUITE_P(Rows, PublishedStreams, testing::ValuesIn(all(crypto::shake128_rows())),
                         row_name<XofRow>);

}  // namespace

}  // namespace ferry::test
