// Finding the user of a block: every row against decrypting under one key after the other.
#include <gtest/gtest.h>

#include "crypto/block.h"
#include "crypto/hash.h"
#include "crypto/self_test.h"
#include "crypto/trial.h"
#include "tests/crypto/rows.h"

namespace ferry::test {

namespace {

using crypto::Aes128;
using crypto::kTrialBlockUsers;
using crypto::TrialKeys;
using crypto::TrialRow;
using SealedBlock = std::array<std::uint8_t, 16>;

class TrialRows : public RowTest<TrialRow> {
protected:
    // Sets as many random keys as there is room for.
    void fill_with_strangers() {
        for (std::size_t index = 0; index < kTrialBlockUsers; ++index) {
            row().set(*keys_, index, noise_.bytes(16).data());
        }
    }

    // A block that the user of `key` would send.
    SealedBlock signed_block(const Bytes& key) {
        SealedBlock plain;
        std::ranges::copy(noise_.bytes(16), plain.begin());
        crypto::store_be(plain.data() + 12, crypto::crc32(ByteView(plain).first(12)));
        const Aes128 aes(*crypto::aes128_rows().back(), std::span<const std::uint8_t, 16>(key));
        return aes.encrypt(plain);
    }

    Noise noise_;
    std::unique_ptr<TrialKeys> keys_ = std::make_unique<TrialKeys>();
};

TEST_P(TrialRows, FindTheUserOfEveryAuthId) {
    const Json vectors = read_vectors("auth_id.json");
    fill_with_strangers();
    std::size_t index = 0;
    for (const Json& vector : vectors["cases"].items()) {
        SCOPED_TRACE(vector["name"].text());
        index = (index + 7) % kTrialBlockUsers;
        row().set(*keys_, index, vector["aes_key"].bytes().data());
        EXPECT_EQ(row().find(*keys_, kTrialBlockUsers, vector["auth_id"].bytes().data()),
                  std::uint64_t{1} << index);
        row().set(*keys_, index, noise_.bytes(16).data());
    }
}

TEST_P(TrialRows, FindAUserAtEveryPlaceAndNobodyElse) {
    fill_with_strangers();
    for (std::size_t index = 0; index < kTrialBlockUsers; ++index) {
        const Bytes key = noise_.bytes(16);
        const SealedBlock block = signed_block(key);
        EXPECT_EQ(row().find(*keys_, kTrialBlockUsers, block.data()), 0u);
        row().set(*keys_, index, key.data());
        EXPECT_EQ(row().find(*keys_, kTrialBlockUsers, block.data()), std::uint64_t{1} << index);
    }
}

TEST_P(TrialRows, LookAtNoMoreUsersThanAsked) {
    const Bytes key = noise_.bytes(16);
    const SealedBlock block = signed_block(key);
    for (std::size_t index = 0; index < kTrialBlockUsers; ++index) {
        row().set(*keys_, index, key.data());
    }
    EXPECT_EQ(row().find(*keys_, 0, block.data()), 0u);
    for (std::size_t count = 1; count < kTrialBlockUsers; ++count) {
        EXPECT_EQ(row().find(*keys_, count, block.data()), (std::uint64_t{1} << count) - 1);
    }
    EXPECT_EQ(row().find(*keys_, kTrialBlockUsers, block.data()), ~std::uint64_t{0});
}

// Keys above `count` are whatever the memory held: a fresh TrialKeys, or an old user's.
TEST_P(TrialRows, TakeKeysInAnyOrder) {
    for (std::size_t count = 1; count <= 9; ++count) {
        *keys_ = TrialKeys{};
        std::vector<Bytes> users;
        for (std::size_t index = 0; index < count; ++index) {
            users.push_back(noise_.bytes(16));
        }
        for (std::size_t index = count; index-- > 0;) {
            row().set(*keys_, index, users[index].data());
        }
        for (std::size_t index = 0; index < count; ++index) {
            const SealedBlock block = signed_block(users[index]);
            EXPECT_EQ(row().find(*keys_, count, block.data()), std::uint64_t{1} << index);
        }
    }
}

TEST_P(TrialRows, RefuseEveryChangedBit) {
    fill_with_strangers();
    const Bytes key = noise_.bytes(16);
    row().set(*keys_, 33, key.data());
    const SealedBlock block = signed_block(key);
    for (std::size_t bit = 0; bit < 128; ++bit) {
        SealedBlock bad = block;
        bad[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
        EXPECT_EQ(row().find(*keys_, kTrialBlockUsers, bad.data()), 0u) << bit;
    }
}

TEST_P(TrialRows, PassTheSelfTest) {
    EXPECT_TRUE(crypto::aes128_trial_works(row()));
}

INSTANTIATE_TEST_SUITE_P(Rows, TrialRows, testing::ValuesIn(all(crypto::aes128_trial_rows())),
                         row_name<TrialRow>);

}  // namespace

}  // namespace ferry::test
