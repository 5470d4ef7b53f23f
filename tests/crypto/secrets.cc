// What is wiped, what is compared, and what comes out of the generator.
#include <gtest/gtest.h>

#include <memory>
#include <new>
#include <type_traits>

#include "crypto/aead.h"
#include "crypto/block.h"
#include "crypto/bytes.h"
#include "crypto/hash.h"
#include "crypto/random.h"
#include "crypto/secret.h"
#include "crypto/xof.h"
#include "tests/crypto/rows.h"

namespace ferry::test {

namespace {

using crypto::Random;
using crypto::Secret;

// Memory in which an object lives and dies, and which can be read afterwards.
template <class T>
class Grave {
public:
    template <class... Arguments>
    explicit Grave(Arguments&&... arguments)
        : object_(new(memory_) T(std::forward<Arguments>(arguments)...)) {}

    T& object() { return *object_; }

    // The longest run of bytes of `secret` that is still there.
    bool remembers(ByteView secret) const {
        const ByteView memory(memory_, sizeof memory_);
        return !std::ranges::search(memory, secret).empty();
    }

    std::size_t bytes_not_zero() const {
        return sizeof memory_ -
               static_cast<std::size_t>(std::count(memory_, memory_ + sizeof memory_, 0));
    }

    void bury() { object_->~T(); }

private:
    alignas(T) std::uint8_t memory_[sizeof(T)] = {};
    T* object_;
};

TEST(Bytes, AreEqualOnlyIfAllAre) {
    Noise noise;
    for (std::size_t bytes = 0; bytes <= 40; ++bytes) {
        const Bytes a = noise.bytes(bytes);
        Bytes b = a;
        EXPECT_TRUE(crypto::equal(a.data(), b.data(), bytes));
        for (std::size_t bit = 0; bit < 8 * bytes; ++bit) {
            b[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
            EXPECT_FALSE(crypto::equal(a.data(), b.data(), bytes)) << bit;
            b[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
        }
    }
}

TEST(Bytes, AreLoadedAndStoredInBothOrders) {
    const Bytes bytes = from_hex("0102030405060708");
    EXPECT_EQ(crypto::load_be<std::uint64_t>(bytes.data()), 0x0102030405060708u);
    EXPECT_EQ(crypto::load_le<std::uint64_t>(bytes.data()), 0x0807060504030201u);
    EXPECT_EQ(crypto::load_be<std::uint32_t>(bytes.data() + 1), 0x02030405u);
    EXPECT_EQ(crypto::load_le<std::uint16_t>(bytes.data() + 1), 0x0302u);
    Bytes stored(8);
    crypto::store_be(stored.data() + 1, std::uint32_t{0x02030405});
    crypto::store_le(stored.data() + 5, std::uint16_t{0x0706});
    EXPECT_EQ(to_hex(stored), "0002030405060700");
}

TEST(Wiping, ClearsExactlyWhatItIsGiven) {
    Bytes memory(32, 0xa5);
    crypto::wipe(memory.data() + 8, 16);
    EXPECT_EQ(to_hex(memory), std::string(16, 'a').replace(0, 16, "a5a5a5a5a5a5a5a5") +
                                  std::string(32, '0') + "a5a5a5a5a5a5a5a5");
    crypto::wipe(nullptr, 0);
}

static_assert(!std::is_copy_constructible_v<Secret<16>>);
static_assert(!std::is_copy_assignable_v<Secret<16>>);
static_assert(std::is_nothrow_move_constructible_v<Secret<16>>);
static_assert(!std::is_copy_constructible_v<crypto::Aead>);
static_assert(!std::is_copy_constructible_v<crypto::Aes128>);
static_assert(!std::is_copy_constructible_v<crypto::Cfb>);
static_assert(!std::is_copy_constructible_v<Random>);

TEST(Secrets, BeginAsZero) {
    EXPECT_EQ(copy(Secret<4>().view()), Bytes(4));
}

TEST(Secrets, AreWipedAtTheirEnd) {
    const Bytes key = Noise().bytes(32);
    Grave<Secret<32>> grave{std::span<const std::uint8_t, 32>(key)};
    EXPECT_TRUE(grave.remembers(key));
    grave.bury();
    EXPECT_EQ(grave.bytes_not_zero(), 0u);
}

TEST(Secrets, AreWipedWhereTheyWereMovedFrom) {
    const Bytes key = Noise().bytes(32);
    Secret<32> from{std::span<const std::uint8_t, 32>(key)};
    Secret<32> to(std::move(from));
    EXPECT_EQ(copy(from.view()), Bytes(32));
    EXPECT_EQ(copy(to.view()), key);

    Secret<32> assigned;
    assigned = std::move(to);
    EXPECT_EQ(copy(to.view()), Bytes(32));
    EXPECT_EQ(copy(assigned.view()), key);

    Secret<32>& itself = assigned;
    assigned = std::move(itself);
    EXPECT_EQ(copy(assigned.view()), key);

    const Secret<32> twin = assigned.copy();
    EXPECT_EQ(copy(assigned.view()), key);
    EXPECT_EQ(copy(twin.view()), key);
}

class WipedAeads : public RowTest<crypto::AeadRow> {};

TEST_P(WipedAeads, LeaveNothingBehind) {
    const Bytes key = Noise().bytes(row().key_bytes);
    Grave<crypto::Aead> grave(row(), ByteView(key));
    EXPECT_GT(grave.bytes_not_zero(), 30u);
    grave.bury();
    // The reference to the row is left, and nothing else.
    EXPECT_LE(grave.bytes_not_zero(), sizeof(void*));
}

INSTANTIATE_TEST_SUITE_P(Gcm, WipedAeads, testing::ValuesIn(all(crypto::aes128_gcm_rows())),
                         row_name<crypto::AeadRow>);
INSTANTIATE_TEST_SUITE_P(ChaCha, WipedAeads,
                         testing::ValuesIn(all(crypto::chacha20_poly1305_rows())),
                         row_name<crypto::AeadRow>);

TEST(Wiping, IsDoneByEveryHolderOfKeys) {
    const Bytes key = Noise().bytes(16);
    const std::span<const std::uint8_t, 16> fixed(key);
    const crypto::BlockRow& row = *crypto::aes128_rows().back();

    Grave<crypto::Aes128> aes(row, fixed);
    aes.bury();
    EXPECT_LE(aes.bytes_not_zero(), sizeof(void*));

    Grave<crypto::Sha256> sha256(*crypto::sha256_rows().back());
    sha256.object().update(key);
    EXPECT_TRUE(sha256.remembers(key));
    sha256.bury();
    EXPECT_FALSE(sha256.remembers(key));

    Grave<crypto::Md5> md5;
    md5.object().update(key);
    EXPECT_TRUE(md5.remembers(key));
    md5.bury();
    EXPECT_FALSE(md5.remembers(key));

    Grave<crypto::Shake128> shake(*crypto::shake128_rows().back(), ByteView(key));
    shake.bury();
    EXPECT_LE(shake.bytes_not_zero(), sizeof(void*) + sizeof(std::uint32_t));
}

// With the seed of zeros this is the key stream of RFC 8439, A.1, test vectors 1 and 2, without its
// first 32 bytes, which became the next key.
TEST(Generator, IsChaCha20) {
    const std::array<std::uint8_t, 32> seed{};
    Random random(seed);
    Bytes drawn(96);
    random.fill(drawn);
    EXPECT_EQ(to_hex(drawn),
              "da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586"
              "9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed"
              "29b721769ce64e43d57133b074d839d531ed1f28510afb45ace10a1f4b794d6f");
}

// The second pass uses the first 32 bytes of the first one as its key: "76b8...0dc7" above.
TEST(Generator, ErasesItsKeys) {
    const std::array<std::uint8_t, 32> seed{};
    Random random(seed);
    Bytes first_pass(1024 - 32);
    random.fill(first_pass);

    const Bytes next_key =
        from_hex("76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7");
    Random again{std::span<const std::uint8_t, 32>(next_key)};
    for (int draw = 0; draw < 300; ++draw) {
        ASSERT_EQ(random.next(), again.next()) << draw;
    }
}

TEST(Generator, DoesNotHoldWhatItGave) {
    Grave<Random> grave{std::span<const std::uint8_t, 32>(crypto::system_seed())};
    for (int draw = 0; draw < 200; ++draw) {
        Bytes given(16);
        grave.object().fill(given);
        ASSERT_FALSE(grave.remembers(given)) << draw;
    }
    grave.bury();
    EXPECT_LE(grave.bytes_not_zero(), sizeof(std::uint32_t));
}

TEST(Generator, DoesNotCareHowItsOutputIsDrawn) {
    Noise noise;
    const Bytes seed = noise.bytes(32);
    Random whole{std::span<const std::uint8_t, 32>(seed)};
    Random pieces{std::span<const std::uint8_t, 32>(seed)};
    Bytes expected(5000);
    whole.fill(expected);
    Bytes drawn;
    while (drawn.size() < expected.size()) {
        Bytes piece(std::min(noise.below(300), expected.size() - drawn.size()));
        pieces.fill(piece);
        drawn.insert(drawn.end(), piece.begin(), piece.end());
    }
    EXPECT_EQ(drawn, expected);
}

TEST(Generator, StaysBelowTheBound) {
    Random random{std::span<const std::uint8_t, 32>(crypto::system_seed())};
    for (const std::uint64_t bound :
         {std::uint64_t{1}, std::uint64_t{2}, std::uint64_t{64}, std::uint64_t{100},
          (std::uint64_t{1} << 63) + 1, ~std::uint64_t{0}}) {
        for (int draw = 0; draw < 1000; ++draw) {
            ASSERT_LT(random.below(bound), bound);
        }
    }
    // Every value of a small range comes up: missing one of six in 1000 draws has odds of 10^-78.
    std::array<int, 6> counts{};
    for (int draw = 0; draw < 1000; ++draw) {
        ++counts[random.below(counts.size())];
    }
    EXPECT_GT(*std::ranges::min_element(counts), 0);
}

// With a bound just above 2^63 almost every other draw has to be repeated. Without that, all values
// would be even, or the upper half of the range would be twice as likely.
TEST(Generator, HasNoBias) {
    Random random{std::span<const std::uint8_t, 32>(crypto::system_seed())};
    constexpr std::uint64_t kBound = 3ull << 62;  // a plain remainder doubles the lowest third
    int low_third = 0;
    for (int draw = 0; draw < 30'000; ++draw) {
        low_third += random.below(kBound) < kBound / 3 ? 1 : 0;
    }
    // 10000 expected, with a standard deviation of 82.
    EXPECT_GT(low_third, 9'000);
    EXPECT_LT(low_third, 11'000);
}

TEST(Generator, SeedsFromTheSystemDiffer) {
    EXPECT_NE(crypto::system_seed(), crypto::system_seed());
}

}  // namespace

}  // namespace ferry::test
