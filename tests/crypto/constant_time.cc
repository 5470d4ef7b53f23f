// No branch and no address depends on a key, a plaintext or a tag: every row whose instructions
// Valgrind decodes runs here on secrets without a value, under memcheck, as the optimiser left it.
//
// One thing is meant to depend on secrets: open() tells its caller whether the tag is right. Where
// a row compares tags with crypto::equal(), what that gives is made public, by a wrapper that the
// linker puts around it, and open() must have no report. A row that compares by itself must have
// exactly one report, its branch, or none if the answer that it gives is still without a value.
// Both are looked for with right and with wrong tags: a comparison that ends early makes several
// branches of a right tag. Nothing in the sources says what is public, and no report is passed
// over.
//
// What memcheck does not see: instructions whose time depends on their operands, such as divisions,
// and what the processor does ahead of a branch.
#include <gtest/gtest.h>

#include <memory>

#include "crypto/aead.h"
#include "crypto/block.h"
#include "crypto/hash.h"
#include "crypto/random.h"
#include "crypto/trial.h"
#include "crypto/xof.h"
#include "tests/crypto/memcheck.h"
#include "tests/crypto/rows.h"

// ferry::crypto::equal() as its callers see it, and what is behind: the linker knows it by its
// mangled name (`--wrap` in meson.build).
extern "C" {
bool __real__ZN5ferry6crypto5equalEPKhS2_m(const std::uint8_t* a, const std::uint8_t* b,
                                           std::size_t bytes);
bool __wrap__ZN5ferry6crypto5equalEPKhS2_m(const std::uint8_t* a, const std::uint8_t* b,
                                           std::size_t bytes);
}

namespace ferry::test {

namespace {

using crypto::Aead;
using crypto::AeadRow;
using crypto::Cfb;
using crypto::kNonceBytes;
using crypto::kTagBytes;
using Key16 = std::span<const std::uint8_t, 16>;

constexpr auto kLengths = std::to_array<std::size_t>(
    {0, 1, 15, 16, 17, 63, 64, 65, 127, 128, 129, 255, 256, 257, 500, 1000, 2100});

// Input that memcheck follows.
Bytes secret(Noise& noise, std::size_t count) {
    Bytes bytes = noise.bytes(count);
    make_secret(bytes);
    return bytes;
}

// How often a comparison was made public, by the wrapper below.
unsigned comparisons = 0;

template <class T>
ByteView bytes_of(const T& object) {
    return {static_cast<const std::uint8_t*>(static_cast<const void*>(&object)), sizeof object};
}

// Counts what memcheck reports from here on.
class Watch {
public:
    explicit Watch(const char* name) : before_(0) {
        announce(name);
        before_ = reports();
    }

    unsigned seen() const { return reports() - before_; }

private:
    unsigned before_;
};

// All of the output depends on the secrets, or they were not where the test put them.
void expect_all_secret(ByteView output) {
    EXPECT_EQ(secret_bytes(output), output.size());
    make_public(output);
}

template <class Row>
class WatchedRows : public testing::TestWithParam<const Row*> {
protected:
    void SetUp() override {
        ASSERT_TRUE(is_watched()) << "run this under valgrind, which .ci/install test installs";
        if (!row().usable(crypto::detect())) {
            GTEST_SKIP() << "NOT CHECKED: Valgrind does not decode " << row().name;
        }
    }

    const Row& row() const { return *this->GetParam(); }

    Noise noise_;
};

// ---- AEADs --------------------------------------------------------------------------------------

class ConstantTimeAeads : public WatchedRows<AeadRow> {
protected:
    // Opens a sealed message and looks at the verdict.
    void expect_one_verdict(std::size_t bytes, std::uint8_t damage) {
        const Bytes key = noise_.bytes(row().key_bytes);
        const Bytes nonce = noise_.bytes(kNonceBytes);
        const std::span<const std::uint8_t, kNonceBytes> iv(nonce);
        const Bytes aad = noise_.bytes(bytes % 37);
        Bytes sealed(bytes);
        std::array<std::uint8_t, kTagBytes> tag;
        Aead(row(), key).seal(iv, aad, noise_.bytes(bytes), sealed, tag);
        tag[0] ^= damage;
        Bytes opened(bytes);
        make_secret(key);
        make_secret(sealed);
        make_secret(tag);
        comparisons = 0;
        const Watch watch(row().name);
        const bool opens = Aead(row(), key).open(iv, aad, sealed, opened, tag);
        const bool is_branchless = comparisons > 0 || secret_bytes(bytes_of(opens)) != 0;
        EXPECT_EQ(watch.seen(), is_branchless ? 0u : 1u) << bytes << " bytes";
        EXPECT_LE(comparisons, 1u);
        make_public(bytes_of(opens));
        EXPECT_EQ(opens, damage == 0);
        if (opens) {
            expect_all_secret(opened);
        }
    }
};

TEST_P(ConstantTimeAeads, Seal) {
    for (const std::size_t bytes : kLengths) {
        const Bytes key = secret(noise_, row().key_bytes);
        const Bytes text = secret(noise_, bytes);
        const Bytes nonce = noise_.bytes(kNonceBytes);
        const Bytes aad = noise_.bytes(bytes % 37);
        Bytes sealed(bytes);
        std::array<std::uint8_t, kTagBytes> tag;
        const Watch watch(row().name);
        Aead(row(), key)
            .seal(std::span<const std::uint8_t, kNonceBytes>(nonce), aad, text, sealed, tag);
        EXPECT_EQ(watch.seen(), 0u) << bytes << " bytes";
        expect_all_secret(sealed);
        expect_all_secret(tag);
    }
}

TEST_P(ConstantTimeAeads, OpenARightTag) {
    for (const std::size_t bytes : kLengths) {
        expect_one_verdict(bytes, 0);
    }
}

TEST_P(ConstantTimeAeads, RefuseAWrongTag) {
    for (const std::size_t bytes : kLengths) {
        expect_one_verdict(bytes, 1);
    }
}

INSTANTIATE_TEST_SUITE_P(Gcm, ConstantTimeAeads, testing::ValuesIn(all(crypto::aes128_gcm_rows())),
                         row_name<AeadRow>);
INSTANTIATE_TEST_SUITE_P(ChaCha, ConstantTimeAeads,
                         testing::ValuesIn(all(crypto::chacha20_poly1305_rows())),
                         row_name<AeadRow>);

// ---- AES on blocks and in CFB mode --------------------------------------------------------------

class ConstantTimeBlocks : public WatchedRows<crypto::BlockRow> {};

TEST_P(ConstantTimeBlocks, EncryptAndDecrypt) {
    const Bytes key = secret(noise_, 16);
    const Bytes block = secret(noise_, 16);
    const Watch watch(row().name);
    const crypto::Aes128 aes(row(), Key16(key));
    const auto sealed = aes.encrypt(Key16(block));
    const auto opened = aes.decrypt(Key16(block));
    EXPECT_EQ(watch.seen(), 0u);
    expect_all_secret(sealed);
    expect_all_secret(opened);
}

TEST_P(ConstantTimeBlocks, ApplyCfb) {
    for (const Cfb::Way way : {Cfb::Way::encrypt, Cfb::Way::decrypt}) {
        for (const std::size_t bytes : kLengths) {
            const Bytes key = secret(noise_, 16);
            const Bytes iv = secret(noise_, 16);
            const Bytes text = secret(noise_, bytes);
            Bytes output(bytes);
            const Watch watch(row().name);
            Cfb cfb(row(), way, Key16(key), Key16(iv));
            cfb.apply(ByteView(text).first(bytes / 3), ByteSpan(output).first(bytes / 3));
            cfb.apply(ByteView(text).subspan(bytes / 3), ByteSpan(output).subspan(bytes / 3));
            EXPECT_EQ(watch.seen(), 0u) << bytes << " bytes";
            expect_all_secret(output);
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Rows, ConstantTimeBlocks, testing::ValuesIn(all(crypto::aes128_rows())),
                         row_name<crypto::BlockRow>);

// ---- one block under many keys ------------------------------------------------------------------

class ConstantTimeTrials : public WatchedRows<crypto::TrialRow> {};

// Whose block it is, the caller may know; which of the keys came close, nobody.
TEST_P(ConstantTimeTrials, FindUsers) {
    for (const std::size_t count : {1, 2, 7, 15, 16, 17, 33, 64}) {
        const auto keys = std::make_unique<crypto::TrialKeys>();
        const Bytes users = secret(noise_, 16 * crypto::kTrialBlockUsers);
        const Bytes block = secret(noise_, 16);
        const Watch watch(row().name);
        for (std::size_t index = 0; index < crypto::kTrialBlockUsers; ++index) {
            row().set(*keys, index, users.data() + 16 * index);
        }
        const std::uint64_t found = row().find(*keys, count, block.data());
        EXPECT_EQ(watch.seen(), 0u) << count << " users";
        EXPECT_GT(secret_bytes(bytes_of(found)), 0u);
    }
}

INSTANTIATE_TEST_SUITE_P(Rows, ConstantTimeTrials,
                         testing::ValuesIn(all(crypto::aes128_trial_rows())),
                         row_name<crypto::TrialRow>);

// ---- hashes and streams -------------------------------------------------------------------------

class ConstantTimeHashes : public WatchedRows<crypto::HashRow> {};

TEST_P(ConstantTimeHashes, HashAndSign) {
    for (const std::size_t bytes : kLengths) {
        const Bytes key = secret(noise_, bytes);
        const Bytes message = secret(noise_, bytes + 1);
        const Watch watch(row().name);
        const crypto::Sha256Digest digest = crypto::sha256(row(), message);
        const crypto::Sha256Digest mac = crypto::hmac_sha256(row(), key, message);
        EXPECT_EQ(watch.seen(), 0u) << bytes << " bytes";
        expect_all_secret(digest);
        expect_all_secret(mac);
    }
}

INSTANTIATE_TEST_SUITE_P(Rows, ConstantTimeHashes, testing::ValuesIn(all(crypto::sha256_rows())),
                         row_name<crypto::HashRow>);

class ConstantTimeStreams : public WatchedRows<crypto::XofRow> {};

TEST_P(ConstantTimeStreams, Read) {
    for (const std::size_t seed_bytes : {1, 16, 167}) {
        const Bytes seed = secret(noise_, seed_bytes);
        Bytes output(500);
        const Watch watch(row().name);
        crypto::Shake128 shake(row(), seed);
        shake.read(output);
        const std::uint16_t word = shake.next_word();
        EXPECT_EQ(watch.seen(), 0u) << seed_bytes << " bytes";
        expect_all_secret(output);
        expect_all_secret(bytes_of(word));
    }
}

INSTANTIATE_TEST_SUITE_P(Rows, ConstantTimeStreams, testing::ValuesIn(all(crypto::shake128_rows())),
                         row_name<crypto::XofRow>);

// ---- what has no rows ---------------------------------------------------------------------------

TEST(ConstantTime, IsKeptByWhatHasNoRows) {
    ASSERT_TRUE(is_watched()) << "run this under valgrind, which .ci/install test installs";
    Noise noise;
    const Bytes key = secret(noise, 32);
    const Bytes message = secret(noise, 200);
    Bytes drawn(1500);
    const Watch watch("what has no rows");
    const crypto::Md5Digest digest = crypto::md5(message);
    const crypto::Md5Digest mac = crypto::hmac_md5(key, message);
    const std::uint32_t sum = crypto::crc32(message);
    const bool same = __real__ZN5ferry6crypto5equalEPKhS2_m(key.data(), message.data(), key.size());
    crypto::Random random{std::span<const std::uint8_t, 32>(key)};
    random.fill(drawn);
    EXPECT_EQ(watch.seen(), 0u);
    expect_all_secret(digest);
    expect_all_secret(mac);
    expect_all_secret(bytes_of(sum));
    expect_all_secret(bytes_of(same));
    expect_all_secret(drawn);
}

// ---- the test can fail --------------------------------------------------------------------------

// What a table of AES would do.
std::uint8_t looked_up(std::uint8_t index) {
    static const std::array<std::uint8_t, 256> kTable{1, 2, 3};
    return kTable[index];
}

std::uint8_t branched(std::uint8_t byte) {
    volatile std::uint8_t result = 0;
    if ((byte & 1) != 0) {
        result = 7;
    }
    return result;
}

bool equal_with_early_exit(ByteView a, ByteView b) {
    for (std::size_t index = 0; index < a.size(); ++index) {
        if (a[index] != b[index]) {
            return false;
        }
    }
    return true;
}

TEST(Leaks, AreReported) {
    ASSERT_TRUE(is_watched()) << "run this under valgrind, which .ci/install test installs";
    Noise noise;
    const Bytes key = secret(noise, 16);
    const Bytes twin = key;  // copied, and with it what memcheck knows of it
    EXPECT_EQ(secret_bytes(twin), 16u);

    const Watch of_table("meant to be reported: an address");
    const std::uint8_t entry = looked_up(key[3]);
    EXPECT_EQ(of_table.seen(), 1u);
    make_public(bytes_of(entry));

    const Watch of_branch("meant to be reported: a branch");
    branched(key[3]);
    EXPECT_EQ(of_branch.seen(), 1u);

    const Watch of_tag("meant to be reported: a comparison that ends early");
    equal_with_early_exit(key, twin);
    EXPECT_EQ(of_tag.seen(), 16u);
}

// ---- what was checked ---------------------------------------------------------------------------

template <class Row>
void list(std::span<const Row* const> rows) {
    const crypto::Cpu cpu = crypto::detect();
    for (const Row* row : rows) {
        std::printf("%s: %s\n", row->name,
                    row->usable(cpu) ? "checked" : "NOT CHECKED: Valgrind does not decode it");
    }
    EXPECT_TRUE(rows.back()->usable(cpu));
}

TEST(ConstantTime, OfWhichRows) {
    ASSERT_TRUE(is_watched()) << "run this under valgrind, which .ci/install test installs";
    list(crypto::aes128_gcm_rows());
    list(crypto::chacha20_poly1305_rows());
    list(crypto::aes128_rows());
    list(crypto::aes128_trial_rows());
    list(crypto::sha256_rows());
    list(crypto::shake128_rows());
}

}  // namespace

}  // namespace ferry::test

bool __wrap__ZN5ferry6crypto5equalEPKhS2_m(const std::uint8_t* a, const std::uint8_t* b,
                                           std::size_t bytes) {
    const bool same = __real__ZN5ferry6crypto5equalEPKhS2_m(a, b, bytes);
    ferry::test::make_public(ferry::test::bytes_of(same));
    ++ferry::test::comparisons;
    return same;
}
