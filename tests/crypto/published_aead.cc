// Every AEAD row against NIST's CAVP files for GCM and the files of OpenSSL and BoringSSL for
// ChaCha20-Poly1305, in place and apart.
#include <gtest/gtest.h>

#include "crypto/aead.h"
#include "tests/crypto/published.h"
#include "tests/crypto/rows.h"

namespace ferry::test {

namespace {

using crypto::Aead;
using crypto::AeadRow;
using crypto::kNonceBytes;
using crypto::kTagBytes;

// A published message. `opens` is false for those that must be refused, whose text is unknown.
struct Published {
    Bytes key;
    Bytes nonce;
    Bytes aad;
    Bytes text;
    Bytes sealed;
    Bytes tag;
    bool opens;
};

void expect_met(const AeadRow& row, const Published& message) {
    ASSERT_EQ(message.key.size(), row.key_bytes);
    ASSERT_EQ(message.nonce.size(), kNonceBytes);
    ASSERT_EQ(message.tag.size(), kTagBytes);
    const Aead aead(row, message.key);
    const std::span<const std::uint8_t, kNonceBytes> nonce(message.nonce);
    const std::span<const std::uint8_t, kTagBytes> tag(message.tag);

    Bytes apart(message.sealed.size());
    Bytes in_place = message.sealed;
    EXPECT_EQ(aead.open(nonce, message.aad, message.sealed, apart, tag), message.opens);
    EXPECT_EQ(aead.open(nonce, message.aad, in_place, in_place, tag), message.opens);
    if (!message.opens) {
        return;
    }
    EXPECT_EQ(apart, message.text);
    EXPECT_EQ(in_place, message.text);

    Bytes made_tag(kTagBytes);
    const std::span<std::uint8_t, kTagBytes> to_tag(made_tag);
    aead.seal(nonce, message.aad, message.text, apart, to_tag);
    EXPECT_EQ(apart, message.sealed);
    EXPECT_EQ(made_tag, message.tag);
    made_tag.assign(kTagBytes, 0);
    aead.seal(nonce, message.aad, in_place, in_place, to_tag);
    EXPECT_EQ(in_place, message.sealed);
    EXPECT_EQ(made_tag, message.tag);
}

class PublishedGcm : public RowTest<AeadRow> {
protected:
    // Gives how many messages had to be refused.
    std::size_t expect_all_met(std::string_view path, std::size_t usable_min) {
        std::size_t usable = 0;
        std::size_t refused = 0;
        for (const Record& record : published(path, 2625)) {
            if (record.number("ivlen") != 8 * kNonceBytes ||
                record.number("taglen") != 8 * kTagBytes) {
                continue;
            }
            SCOPED_TRACE(record.place());
            const bool opens = !record.has("fail");
            expect_met(row(), {record.bytes("key"), record.bytes("iv"), record.bytes("aad"),
                               opens ? record.bytes("pt") : Bytes(), record.bytes("ct"),
                               record.bytes("tag"), opens});
            ++usable;
            refused += opens ? 0 : 1;
        }
        EXPECT_GE(usable, usable_min);
        return refused;
    }
};

// Five lengths of text by five of AAD, fifteen messages each; the file says FAIL 196 times.
TEST_P(PublishedGcm, MeetsCavp) {
    EXPECT_EQ(expect_all_met("ciphers/AES/GCM/gcmEncryptExtIV128.rsp", 375), 0u);
    EXPECT_EQ(expect_all_met("ciphers/AES/GCM/gcmDecrypt128.rsp", 375), 196u);
}

INSTANTIATE_TEST_SUITE_P(Rows, PublishedGcm, testing::ValuesIn(all(crypto::aes128_gcm_rows())),
                         row_name<AeadRow>);

class PublishedChaCha : public RowTest<AeadRow> {};

TEST_P(PublishedChaCha, MeetsOpenssl) {
    std::size_t refused = 0;
    for (const Record& record : published("ciphers/ChaCha20Poly1305/openssl.txt", 5)) {
        SCOPED_TRACE(record.place());
        const bool opens = !record.has("result");
        if (!opens) {
            EXPECT_EQ(record.text("result"), "CIPHERFINAL_ERROR");
            ++refused;
        }
        expect_met(row(), {record.bytes("key"), record.bytes("iv"), record.bytes("aad"),
                           record.bytes("plaintext"), record.bytes("ciphertext"),
                           record.bytes("tag"), opens});
    }
    EXPECT_EQ(refused, 1u);
}

TEST_P(PublishedChaCha, MeetsBoringssl) {
    for (const Record& record : published("ciphers/ChaCha20Poly1305/boringssl.txt", 66)) {
        SCOPED_TRACE(record.place());
        expect_met(row(), {record.bytes("key"), record.bytes("nonce"), record.bytes("ad"),
                           record.bytes("in"), record.bytes("ct"), record.bytes("tag"), true});
    }
}

INSTANTIATE_TEST_SUITE_P(Rows, PublishedChaCha,
                         testing::ValuesIn(all(crypto::chacha20_poly1305_rows())),
                         row_name<AeadRow>);

}  // namespace

}  // namespace ferry::test
