// Every AEAD row against the last one, which is the portable one: all lengths, alignments, in place
// and not. And every row refuses whatever was changed on the way.
#include <gtest/gtest.h>

#include "crypto/aead.h"
#include "tests/crypto/rows.h"

namespace ferry::test {

namespace {

using crypto::Aead;
using crypto::AeadRow;
using crypto::kNonceBytes;
using crypto::kTagBytes;

constexpr std::size_t kAadMax = 160;

// One message: what goes in and what comes out.
struct Message {
    Bytes nonce;
    Bytes aad;
    Bytes text;

    Message(Noise& noise, std::size_t bytes)
        : nonce(noise.bytes(kNonceBytes)),
          aad(noise.bytes(noise.below(kAadMax + 1))),
          text(noise.bytes(bytes)) {}

    std::span<const std::uint8_t, kNonceBytes> iv() const {
        return std::span<const std::uint8_t, kNonceBytes>(nonce);
    }
};

struct Sealed {
    Bytes text;
    std::array<std::uint8_t, kTagBytes> tag;

    bool operator==(const Sealed&) const = default;
};

Sealed sealed(const Aead& aead, const Message& message) {
    Sealed result{Bytes(message.text.size()), {}};
    aead.seal(message.iv(), message.aad, message.text, result.text, result.tag);
    return result;
}

class AeadRows : public RowTest<AeadRow> {
protected:
    // The portable row of the same primitive.
    const AeadRow& reference() const {
        const auto gcm = crypto::aes128_gcm_rows();
        const bool is_gcm = std::ranges::find(gcm, &row()) != gcm.end();
        return is_gcm ? *gcm.back() : *crypto::chacha20_poly1305_rows().back();
    }

    Noise noise_;
};

TEST_P(AeadRows, SealAsThePortableRowAtEveryLength) {
    const Bytes key = noise_.bytes(row().key_bytes);
    const Aead aead(row(), key);
    const Aead expected(reference(), key);
    for (std::size_t bytes = 0; bytes <= 4096; bytes += sweep_step()) {
        const Message message(noise_, bytes);
        const Sealed here = sealed(aead, message);
        ASSERT_EQ(here, sealed(expected, message)) << bytes;

        Bytes opened(bytes);
        ASSERT_TRUE(aead.open(message.iv(), message.aad, here.text, opened, here.tag)) << bytes;
        ASSERT_EQ(opened, message.text) << bytes;
    }
}

// Lengths around what kernels take at a time, up to what a record of the largest kind holds.
TEST_P(AeadRows, SealAsThePortableRowAtLargeLengths) {
    const Bytes key = noise_.bytes(row().key_bytes);
    const Aead aead(row(), key);
    const Aead expected(reference(), key);
    for (const std::size_t around : {8192, 16384, 32768, 65536}) {
        for (const std::size_t bytes : {around - 17, around - 1, around, around + 1, around + 64}) {
            const Message message(noise_, bytes);
            ASSERT_EQ(sealed(aead, message), sealed(expected, message)) << bytes;
        }
    }
}

// A fresh key each time: no row may depend on what was in its state before.
TEST_P(AeadRows, SealAsThePortableRowUnderManyKeys) {
    for (int round = 0; round < 200; ++round) {
        const Bytes key = noise_.bytes(row().key_bytes);
        const Message message(noise_, noise_.below(200));
        ASSERT_EQ(sealed(Aead(row(), key), message), sealed(Aead(reference(), key), message));
    }
}

TEST_P(AeadRows, DoNotCareForAlignment) {
    const Bytes key = noise_.bytes(row().key_bytes);
    const Aead aead(row(), key);
    for (std::size_t bytes = 0; bytes <= 512; bytes += sweep_step()) {
        const Message message(noise_, bytes);
        const Sealed expected = sealed(aead, message);
        for (std::size_t offset = 0; offset < 16; ++offset) {
            const Placed from(offset, message.text);
            const Placed aad(15 - offset, message.aad);
            const Placed iv(offset, message.nonce);
            Placed to(noise_.below(16), Bytes(bytes));
            Placed tag(offset, Bytes(kTagBytes));
            aead.seal(std::span<const std::uint8_t, kNonceBytes>(iv.view()), aad.view(),
                      from.view(), to.span(), std::span<std::uint8_t, kTagBytes>(tag.span()));
            ASSERT_EQ(copy(to.view()), expected.text) << bytes << " at " << offset;
            ASSERT_TRUE(std::ranges::equal(tag.view(), expected.tag)) << bytes << " at " << offset;

            Placed opened(noise_.below(16), Bytes(bytes));
            ASSERT_TRUE(aead.open(message.iv(), aad.view(), to.view(), opened.span(),
                                  std::span<const std::uint8_t, kTagBytes>(tag.view())));
            ASSERT_EQ(copy(opened.view()), message.text) << bytes << " at " << offset;
        }
    }
}

TEST_P(AeadRows, WorkInPlace) {
    const Bytes key = noise_.bytes(row().key_bytes);
    const Aead aead(row(), key);
    for (std::size_t bytes = 0; bytes <= 2048; bytes += sweep_step()) {
        const Message message(noise_, bytes);
        const Sealed expected = sealed(aead, message);
        Placed text(noise_.below(16), message.text);
        std::array<std::uint8_t, kTagBytes> tag;
        aead.seal(message.iv(), message.aad, text.view(), text.span(), tag);
        ASSERT_EQ(copy(text.view()), expected.text) << bytes;
        ASSERT_EQ(tag, expected.tag) << bytes;
        ASSERT_TRUE(aead.open(message.iv(), message.aad, text.view(), text.span(), tag)) << bytes;
        ASSERT_EQ(copy(text.view()), message.text) << bytes;
    }
}

// Writing goes exactly as far as the text, also when there is more room.
TEST_P(AeadRows, LeaveTheRestOfTheRoomAlone) {
    const Bytes key = noise_.bytes(row().key_bytes);
    const Aead aead(row(), key);
    for (std::size_t bytes = 0; bytes <= 600; ++bytes) {
        const Message message(noise_, bytes);
        Bytes room(bytes + 64, 0xa5);
        std::array<std::uint8_t, kTagBytes> tag;
        aead.seal(message.iv(), message.aad, message.text, room, tag);
        ASSERT_EQ(std::ranges::count(ByteView(room).last(64), 0xa5), 64) << bytes;
    }
}

// One changed bit anywhere, or a piece missing, and nothing opens; what is left in the output is
// not the plaintext.
class Refusals : public AeadRows {
protected:
    void SetUp() override {
        AeadRows::SetUp();
        if (!IsSkipped()) {
            key_ = noise_.bytes(row().key_bytes);
        }
    }

    void expect_refused(const Message& message, const Sealed& damaged, const Bytes& plain) {
        const Aead aead(row(), key_);
        Bytes to(damaged.text.size());
        EXPECT_FALSE(aead.open(message.iv(), message.aad, damaged.text, to, damaged.tag));
        if (to.size() >= 16) {
            EXPECT_NE(to, Bytes(plain.begin(), plain.begin() + std::ssize(to)));
        }
        Bytes in_place = damaged.text;
        EXPECT_FALSE(aead.open(message.iv(), message.aad, in_place, in_place, damaged.tag));
    }

    Bytes key_;
};

TEST_P(Refusals, OfADamagedTag) {
    for (const std::size_t bytes : {0, 1, 16, 100, 1000}) {
        const Message message(noise_, bytes);
        const Sealed good = sealed(Aead(row(), key_), message);
        for (std::size_t bit = 0; bit < 8 * kTagBytes; ++bit) {
            Sealed bad = good;
            bad.tag[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
            expect_refused(message, bad, message.text);
        }
    }
}

TEST_P(Refusals, OfADamagedText) {
    for (const std::size_t bytes : {1, 15, 16, 17, 300, 1100}) {
        const Message message(noise_, bytes);
        const Sealed good = sealed(Aead(row(), key_), message);
        for (std::size_t index = 0; index < bytes; ++index) {
            Sealed bad = good;
            bad.text[index] ^= static_cast<std::uint8_t>(1 << noise_.below(8));
            expect_refused(message, bad, message.text);
        }
    }
}

TEST_P(Refusals, OfADamagedAadOrNonce) {
    Message message(noise_, 100);
    message.aad = noise_.bytes(kAadMax);
    const Sealed good = sealed(Aead(row(), key_), message);
    for (std::size_t index = 0; index < kAadMax; ++index) {
        Message bad = message;
        bad.aad[index] ^= static_cast<std::uint8_t>(1 << noise_.below(8));
        expect_refused(bad, good, message.text);
    }
    for (std::size_t index = 0; index < kNonceBytes; ++index) {
        Message bad = message;
        bad.nonce[index] ^= static_cast<std::uint8_t>(1 << noise_.below(8));
        expect_refused(bad, good, message.text);
    }
}

// Zeros at the end of the AAD are where padding could hide a change of length.
TEST_P(Refusals, OfACutOrALongerMessage) {
    Message message(noise_, 64);
    message.aad = Bytes(16);
    const Sealed good = sealed(Aead(row(), key_), message);
    for (std::size_t bytes = 0; bytes < message.text.size(); ++bytes) {
        const Sealed bad{Bytes(good.text.begin(), good.text.begin() + std::ptrdiff_t(bytes)),
                         good.tag};
        expect_refused(message, bad, message.text);
    }
    for (std::size_t bytes = 0; bytes <= 32; ++bytes) {
        if (bytes == message.aad.size()) {
            continue;
        }
        Message bad = message;
        bad.aad = Bytes(bytes);
        expect_refused(bad, good, message.text);
    }
}

INSTANTIATE_TEST_SUITE_P(Gcm, AeadRows, testing::ValuesIn(all(crypto::aes128_gcm_rows())),
                         row_name<AeadRow>);
INSTANTIATE_TEST_SUITE_P(ChaCha, AeadRows, testing::ValuesIn(all(crypto::chacha20_poly1305_rows())),
                         row_name<AeadRow>);
INSTANTIATE_TEST_SUITE_P(Gcm, Refusals, testing::ValuesIn(all(crypto::aes128_gcm_rows())),
                         row_name<AeadRow>);
INSTANTIATE_TEST_SUITE_P(ChaCha, Refusals, testing::ValuesIn(all(crypto::chacha20_poly1305_rows())),
                         row_name<AeadRow>);

// Programming errors end the process: no length of a caller's making reaches a kernel unchecked.
TEST(AeadDeathTest, SizesAreChecked) {
    const AeadRow& row = *crypto::aes128_gcm_rows().back();
    const Bytes key(16);
    const std::array<std::uint8_t, kNonceBytes> iv{};
    std::array<std::uint8_t, kTagBytes> tag;
    Bytes text(32);
    EXPECT_DEATH(Aead(row, ByteView(key).first(15)), "key_bytes");
    EXPECT_DEATH(Aead(row, key).seal(iv, {}, text, ByteSpan(text).first(31), tag), "size");
    EXPECT_DEATH(
        Aead(row, key).seal(iv, {}, ByteView(text).first(31), ByteSpan(text).last(31), tag),
        "same_or_apart");
}

}  // namespace

}  // namespace ferry::test
