// MD5, HMAC, CRC-32 and FNV-1a at every length around their blocks. The expected values were
// computed with Python's hashlib, hmac and zlib; those of FNV-1a by its definition, for which
// Python has no function, and its authors' values for "", "a" and "foobar".
#include <gtest/gtest.h>

#include "crypto/hash.h"
#include "tests/crypto/rows.h"

namespace ferry::test {

namespace {

using crypto::Md5;

constexpr std::size_t kLongest = 300;
constexpr std::size_t kKeyLongest = 200;

// Byte j is 31 n + 7 j + j / 256, in eight bits.
Bytes filled(std::size_t count) {
    Bytes bytes(count);
    for (std::size_t index = 0; index < count; ++index) {
        bytes[index] = static_cast<std::uint8_t>(31 * count + 7 * index + (index >> 8));
    }
    return bytes;
}

Bytes letters(std::string_view text) {
    return {text.begin(), text.end()};
}

std::array<std::uint8_t, 4> big_endian(std::uint32_t sum) {
    std::array<std::uint8_t, 4> bytes;
    crypto::store_be(bytes.data(), sum);
    return bytes;
}

// The MD5 of the results for all lengths.
template <class Function>
std::string digest_of_all(std::size_t longest, Function function) {
    Md5 all;
    for (std::size_t bytes = 0; bytes <= longest; ++bytes) {
        all.update(function(bytes));
    }
    return to_hex(all.finish());
}

TEST(LongMd5, IsRightAtEveryLength) {
    EXPECT_EQ(digest_of_all(kLongest, [](std::size_t n) { return crypto::md5(filled(n)); }),
              "46de1b62e77b496f6faaff71dbaaf4b3");
    EXPECT_EQ(to_hex(crypto::md5(Bytes(1'000'000, 'a'))), "7707d6ae4e027c70eea2a935c2296f21");
}

// Keys shorter than a block, as long, and longer, which are hashed first.
TEST(LongMd5, SignsWithKeysOfEveryLength) {
    const auto sign = [](std::size_t n) {
        return crypto::hmac_md5(filled(n), filled(kKeyLongest - n));
    };
    EXPECT_EQ(digest_of_all(kKeyLongest, sign), "c80d587537dc4e9e0aba31492e8b8572");
}

class LongHmac : public RowTest<crypto::HashRow> {};

TEST_P(LongHmac, SignsWithKeysOfEveryLength) {
    crypto::Sha256 all(row());
    for (std::size_t bytes = 0; bytes <= kKeyLongest; ++bytes) {
        all.update(crypto::hmac_sha256(row(), filled(bytes), filled(kKeyLongest - bytes)));
    }
    EXPECT_EQ(to_hex(all.finish()),
              "fd49be66d5f684224928f2a0de75a67f83a6a858191afacb05ea095beb844318");
}

INSTANTIATE_TEST_SUITE_P(Rows, LongHmac, testing::ValuesIn(all(crypto::sha256_rows())),
                         row_name<crypto::HashRow>);

TEST(LongChecksums, OfCrc32AreRight) {
    EXPECT_EQ(crypto::crc32(letters("The quick brown fox jumps over the lazy dog")), 0x414fa339u);
    EXPECT_EQ(crypto::crc32(Bytes(32)), 0x190a55adu);
    EXPECT_EQ(crypto::crc32(Bytes(32, 0xff)), 0xff6cab0bu);
    const auto sum = [](std::size_t n) { return big_endian(crypto::crc32(filled(n))); };
    EXPECT_EQ(digest_of_all(kLongest, sum), "1c198522a91f8113243f113624838b63");
}

TEST(LongChecksums, OfFnv1aAreRight) {
    EXPECT_EQ(crypto::fnv1a({}), 0x811c9dc5u);
    EXPECT_EQ(crypto::fnv1a(letters("a")), 0xe40c292cu);
    EXPECT_EQ(crypto::fnv1a(letters("foobar")), 0xbf9cf968u);
    const auto sum = [](std::size_t n) { return big_endian(crypto::fnv1a(filled(n))); };
    EXPECT_EQ(digest_of_all(kLongest, sum), "9a79a11042dfc1a4ecaf94dfd07928dd");
}

}  // namespace

}  // namespace ferry::test
