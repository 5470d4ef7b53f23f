// SHA-256 and HMAC over every row; MD5 and the checksums.
#include <gtest/gtest.h>

#include "crypto/hash.h"
#include "crypto/self_test.h"
#include "tests/crypto/rows.h"

namespace ferry::test {

namespace {

using crypto::HashRow;
using crypto::Md5;
using crypto::Sha256;

ByteView ascii(std::string_view text) {
    return ByteView(static_cast<const std::uint8_t*>(static_cast<const void*>(text.data())),
                    text.size());
}

class HashRows : public RowTest<HashRow> {};

TEST_P(HashRows, MeetTheVectors) {
    const Json vectors = read_vectors("crypto/sha256.json");
    for (const Json& vector : vectors["cases"].items()) {
        EXPECT_EQ(to_hex(crypto::sha256(row(), vector["message"].bytes())), vector["digest"].text())
            << vector["name"].text();
    }
}

TEST_P(HashRows, MeetTheVectorsOfHmac) {
    const Json vectors = read_vectors("crypto/hmac.json");
    for (const Json& vector : vectors["sha256"].items()) {
        EXPECT_EQ(
            to_hex(crypto::hmac_sha256(row(), vector["key"].bytes(), vector["message"].bytes())),
            vector["digest"].text())
            << vector["name"].text();
    }
}

// FIPS 180-2, B.3: a message of a million letters, here in pieces that do not divide it.
TEST_P(HashRows, HashAMillionLetters) {
    const Bytes letters(999, 'a');
    Sha256 hash(row());
    std::size_t left = 1'000'000;
    while (left > 0) {
        const std::size_t now = std::min(left, letters.size());
        hash.update(ByteView(letters).first(now));
        left -= now;
    }
    EXPECT_EQ(to_hex(hash.finish()),
              "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

// Different states and blocks in both lanes: neither may see the other's.
TEST_P(HashRows, CompressTwoAsOneAfterTheOther) {
    Noise noise;
    for (int round = 0; round < 100; ++round) {
        crypto::Sha256State states[2];
        for (crypto::Sha256State& state : states) {
            std::ranges::generate(state, [&noise] { return std::uint32_t(noise.next()); });
        }
        const Bytes blocks = noise.bytes(2 * crypto::kHashBlockBytes);
        crypto::Sha256State expected[2] = {states[0], states[1]};
        const HashRow& reference = *crypto::sha256_rows().back();
        reference.compress(expected[0].data(), blocks.data(), 1);
        reference.compress(expected[1].data(), blocks.data() + crypto::kHashBlockBytes, 1);
        crypto::compress_two(row(), states, blocks.data());
        EXPECT_EQ(states[0], expected[0]);
        EXPECT_EQ(states[1], expected[1]);
    }
}

TEST_P(HashRows, DoNotCareHowAMessageIsCut) {
    Noise noise;
    const Bytes message = noise.bytes(300);
    const crypto::Sha256Digest whole = crypto::sha256(row(), message);
    for (std::size_t cut = 0; cut <= message.size(); ++cut) {
        Sha256 hash(row());
        hash.update(ByteView(message).first(cut));
        hash.update(ByteView(message).subspan(cut));
        ASSERT_EQ(hash.finish(), whole) << cut;
    }
    Sha256 hash(row());
    for (std::size_t at = 0; at < message.size();) {
        const std::size_t now = std::min(noise.below(100), message.size() - at);
        hash.update(ByteView(message).subspan(at, now));
        at += now;
    }
    EXPECT_EQ(hash.finish(), whole);
}

TEST_P(HashRows, GoOnFromAMidstate) {
    Noise noise;
    const Bytes message = noise.bytes(64 * 3 + 21);
    for (std::size_t blocks = 0; blocks <= 3; ++blocks) {
        Sha256 first(row());
        first.update(ByteView(message).first(64 * blocks));
        Sha256 second(row(), first.midstate(), 64 * blocks);
        second.update(ByteView(message).subspan(64 * blocks));
        EXPECT_EQ(second.finish(), crypto::sha256(row(), message)) << blocks;

        Sha256 copied = first;
        copied.update(ByteView(message).subspan(64 * blocks));
        EXPECT_EQ(copied.finish(), crypto::sha256(row(), message)) << blocks;
    }
}

TEST_P(HashRows, CompressAsThePortableRow) {
    Noise noise;
    for (std::size_t blocks = 1; blocks <= 40; ++blocks) {
        for (std::size_t offset = 0; offset < 16; ++offset) {
            const Placed message(offset, noise.bytes(64 * blocks));
            crypto::Sha256State state;
            for (std::uint32_t& word : state) {
                word = static_cast<std::uint32_t>(noise.next());
            }
            crypto::Sha256State expected = state;
            row().compress(state.data(), message.view().data(), blocks);
            crypto::sha256_rows().back()->compress(expected.data(), message.view().data(), blocks);
            ASSERT_EQ(state, expected) << blocks << " at " << offset;
        }
    }
}

TEST_P(HashRows, PassTheSelfTest) {
    EXPECT_TRUE(crypto::sha256_works(row()));
}

INSTANTIATE_TEST_SUITE_P(Rows, HashRows, testing::ValuesIn(all(crypto::sha256_rows())),
                         row_name<HashRow>);

// RFC 1321, A.5.
TEST(Md5Test, MeetsTheVectors) {
    const std::pair<std::string_view, std::string_view> vectors[] = {
        {"", "d41d8cd98f00b204e9800998ecf8427e"},
        {"a", "0cc175b9c0f1b6a831c399e269772661"},
        {"abc", "900150983cd24fb0d6963f7d28e17f72"},
        {"message digest", "f96b697d7cb7938d525a2f31aaf161d0"},
        {"abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b"},
        {"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
         "d174ab98d277d9f5a5611c2c9f419d9f"},
        {"12345678901234567890123456789012345678901234567890123456789012345678901234567890",
         "57edf4a22be3c955ac49da2e2107b67a"},
    };
    for (const auto& [message, digest] : vectors) {
        EXPECT_EQ(to_hex(crypto::md5(ascii(message))), digest) << message;
    }
}

// Every length around the padding, against values from OpenSSL: the digest of all their digests.
TEST(Md5Test, PadsEveryLength) {
    Md5 all;
    for (std::size_t bytes = 0; bytes <= 200; ++bytes) {
        const Bytes message(bytes, static_cast<std::uint8_t>(bytes));
        all.update(crypto::md5(message));
    }
    EXPECT_EQ(to_hex(all.finish()), "7d78736a5feb03bc320295b697dc3d0d");
}

TEST(Md5Test, DoesNotCareHowAMessageIsCut) {
    Noise noise;
    const Bytes message = noise.bytes(150);
    for (std::size_t cut = 0; cut <= message.size(); ++cut) {
        Md5 hash;
        hash.update(ByteView(message).first(cut));
        hash.update(ByteView(message).subspan(cut));
        ASSERT_EQ(hash.finish(), crypto::md5(message)) << cut;
    }
}

// Every length of a message that fits, and other keys in every lane.
TEST(HmacMd5, EachIsAsGoodAsOneByOne) {
    Noise noise;
    for (std::size_t bytes = 0; bytes <= 55; ++bytes) {
        const Bytes message = noise.bytes(bytes);
        crypto::Md5Keys keys;
        for (auto& key : keys) {
            std::ranges::copy(noise.bytes(key.size()), key.begin());
        }
        crypto::Md5Digests digests;
        crypto::hmac_md5_each(keys, message, digests);
        for (std::size_t lane = 0; lane < crypto::kMd5Lanes; ++lane) {
            EXPECT_EQ(digests[lane], crypto::hmac_md5(keys[lane], message)) << bytes;
        }
    }
}

TEST(Md5Test, MeetsTheVectorsOfHmac) {
    const Json vectors = read_vectors("crypto/hmac.json");
    for (const Json& vector : vectors["md5"].items()) {
        EXPECT_EQ(to_hex(crypto::hmac_md5(vector["key"].bytes(), vector["message"].bytes())),
                  vector["digest"].text())
            << vector["name"].text();
    }
}

// The expansion of a short key by MD5, as the protocol does it.
TEST(Md5Test, ExpandsChaChaKeys) {
    const Json vectors = read_vectors("chacha_key.json");
    for (const Json& vector : vectors["cases"].items()) {
        const crypto::Md5Digest first = crypto::md5(vector["key"].bytes());
        const crypto::Md5Digest second = crypto::md5(first);
        EXPECT_EQ(to_hex(first) + to_hex(second), vector["chacha_key"].text());
    }
}

TEST(Checksums, Fnv1aMeetsTheVectors) {
    const Json vectors = read_vectors("fnv1a.json");
    for (const Json& vector : vectors["cases"].items()) {
        const Bytes data = vector["data"].bytes();
        std::array<std::uint8_t, 4> sum;
        crypto::store_be(sum.data(), crypto::fnv1a(data));
        EXPECT_EQ(to_hex(sum), vector["fnv1a"].text()) << vector["name"].text();

        const ByteView front = ByteView(data).first(data.size() / 2);
        const ByteView back = ByteView(data).subspan(data.size() / 2);
        EXPECT_EQ(crypto::fnv1a(back, crypto::fnv1a(front)), crypto::fnv1a(data));
    }
}

// The check value of the CRC catalogues, and the sums of the auth ids.
TEST(Checksums, Crc32MeetsTheVectors) {
    EXPECT_EQ(crypto::crc32(ascii("123456789")), 0xcbf43926);
    EXPECT_EQ(crypto::crc32({}), 0u);
    const Json vectors = read_vectors("auth_id.json");
    for (const Json& vector : vectors["cases"].items()) {
        std::array<std::uint8_t, 4> sum;
        crypto::store_be(sum.data(), crypto::crc32(ByteView(vector["plain"].bytes()).first(12)));
        EXPECT_EQ(to_hex(sum), vector["crc32"].text()) << vector["name"].text();
    }
}

}  // namespace

}  // namespace ferry::test
