// Every AEAD row against the published vectors, those that must be refused among them.
#include <gtest/gtest.h>

#include "crypto/aead.h"
#include "crypto/self_test.h"
#include "tests/crypto/rows.h"

namespace ferry::test {

namespace {

using crypto::Aead;
using crypto::AeadRow;
using crypto::kNonceBytes;
using crypto::kTagBytes;
using AeadVectors = RowTest<AeadRow>;

std::span<const std::uint8_t, kNonceBytes> nonce(const Bytes& bytes) {
    return std::span<const std::uint8_t, kNonceBytes>(bytes);
}

// Seals the plaintext of a case and opens its ciphertext; a case without plaintext must not open.
void check(const AeadRow& row, const Json& vector) {
    const Aead aead(row, vector["key"].bytes());
    const Bytes iv = vector["nonce"].bytes();
    const Bytes aad = vector["aad"].bytes();
    const Bytes sealed = vector["sealed"].bytes();
    const Bytes tag = vector["tag"].bytes();
    Bytes text(sealed.size());

    const bool opened =
        aead.open(nonce(iv), aad, sealed, text, std::span<const std::uint8_t, kTagBytes>(tag));
    EXPECT_EQ(opened, vector["opens"].truth());
    if (!vector["opens"].truth()) {
        return;
    }
    EXPECT_EQ(text, vector["plain"].bytes());

    Bytes made(sealed.size());
    Bytes made_tag(kTagBytes);
    aead.seal(nonce(iv), aad, text, made, std::span<std::uint8_t, kTagBytes>(made_tag));
    EXPECT_EQ(made, sealed);
    EXPECT_EQ(made_tag, tag);
}

void check_all(const AeadRow& row, const char* file) {
    const Json vectors = read_vectors(file);
    for (const Json& vector : vectors["cases"].items()) {
        SCOPED_TRACE(vector["name"].text());
        check(row, vector);
    }
}

class GcmVectors : public AeadVectors {};
class ChaChaVectors : public AeadVectors {};

TEST_P(GcmVectors, AreMet) {
    check_all(row(), "crypto/aes128_gcm.json");
}

TEST_P(GcmVectors, TheSelfTestPasses) {
    EXPECT_TRUE(crypto::aes128_gcm_works(row()));
}

// 2^16 blocks and some: the counter carries from its first byte into the third. The expected values
// were computed with OpenSSL.
TEST_P(GcmVectors, TheCounterCarries) {
    const Bytes key = from_hex("000102030405060708090a0b0c0d0e0f");
    const Bytes iv = from_hex("f0f1f2f3f4f5f6f7f8f9fafb");
    const Bytes text((std::size_t{1} << 20) + 100);
    Bytes sealed(text.size());
    Bytes tag(kTagBytes);
    Aead(row(), key).seal(nonce(iv), {}, text, sealed, std::span<std::uint8_t, kTagBytes>(tag));
    EXPECT_EQ(to_hex(tag), "f136ccfe16ac0e88dd9edef083cba196");
    EXPECT_EQ(to_hex(ByteView(sealed).subspan(254 * 16, 32)),
              "5f61393c3b2025ba319ae73fdd6cde3a1375d3dc4b7129a87289caf50aa9e421");
    EXPECT_EQ(to_hex(ByteView(sealed).last(48)),
              "6ab143c95448e4e9c28ddb21e0f414a18a414126a71f3a4ade1e25538f414fb7"
              "0b17bd97d86d0c573d39c24bd229ad59");
}

INSTANTIATE_TEST_SUITE_P(Rows, GcmVectors, testing::ValuesIn(all(crypto::aes128_gcm_rows())),
                         row_name<AeadRow>);

TEST_P(ChaChaVectors, AreMet) {
    check_all(row(), "crypto/chacha20_poly1305.json");
}

TEST_P(ChaChaVectors, TheSelfTestPasses) {
    EXPECT_TRUE(crypto::chacha20_poly1305_works(row()));
}

INSTANTIATE_TEST_SUITE_P(Rows, ChaChaVectors,
                         testing::ValuesIn(all(crypto::chacha20_poly1305_rows())),
                         row_name<AeadRow>);

}  // namespace

}  // namespace ferry::test
