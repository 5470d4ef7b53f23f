// The instructions of message-security assist on a real processor, or an emulated one: that their
// operands are where the processor looks for them, and that all of them come back.
//
// KIMD-SHA-512, which no row uses, is what QEMU can do (from version 7.2 on); it stops with
// condition code 3 after 64 blocks.
#include <gtest/gtest.h>

#include "crypto/bytes.h"
#include "crypto/cpu.h"
#include "crypto/s390x/cpacf.h"
#include "tests/crypto/rows.h"

namespace ferry::test {

namespace {

namespace s390x = crypto::s390x;

struct alignas(16) Query {
    std::array<std::uint8_t, 16> functions{};

    explicit Query(s390x::Instruction instruction) {
        s390x::complete(instruction, {.function = s390x::kQuery, .parameters = functions.data()});
    }
    bool has(std::size_t function) const {
        return (functions[function / 8] >> (7 - function % 8) & 1) != 0;
    }
};

class CpacfProcessor : public testing::Test {
protected:
    void SetUp() override {
        if (!crypto::detect().cpacf) {
            GTEST_SKIP() << "no message-security assist";
        }
    }
};

// Every query has itself.
TEST_F(CpacfProcessor, AnswersTheQueriesOfItsFacilities) {
    EXPECT_TRUE(s390x::has_facility(s390x::kMsaFacility));
    EXPECT_FALSE(s390x::has_facility(100'000));
    EXPECT_TRUE(Query(s390x::km).has(0));
    EXPECT_TRUE(Query(s390x::kimd).has(0));
    if (s390x::has_facility(s390x::kMsa4Facility)) {
        EXPECT_TRUE(Query(s390x::kmf).has(0));
    }
    if (s390x::has_facility(s390x::kMsa8Facility)) {
        EXPECT_TRUE(Query(s390x::kma).has(0));
    }
}

// FIPS 180-2, C.3: a message of a million letters, padded by hand.
TEST_F(CpacfProcessor, HashesAMillionLetters) {
    constexpr std::size_t kSha512 = 3;
    if (!Query(s390x::kimd).has(kSha512)) {
        GTEST_SKIP() << "no SHA-512";
    }
    // FIPS 180-4, 5.3.5.
    constexpr std::array<std::uint64_t, 8> kStart = {
        0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
        0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179};
    alignas(16) std::array<std::uint8_t, 64> hash;
    for (std::size_t i = 0; i < 8; ++i) {
        crypto::store_be(hash.data() + 8 * i, kStart[i]);
    }
    Bytes message(1'000'000, 'a');
    message.resize(1'000'064);
    message[1'000'000] = 0x80;
    crypto::store_be(message.data() + message.size() - 8, std::uint64_t{8'000'000});

    s390x::Registers registers{.function = kSha512,
                               .parameters = hash.data(),
                               .from = message.data(),
                               .from_bytes = message.size()};
    std::size_t executions = 0;
    s390x::Condition condition = s390x::Condition::partial;
    while (condition == s390x::Condition::partial) {
        condition = s390x::kimd(registers);
        ++executions;
    }
    EXPECT_EQ(condition, s390x::Condition::normal);
    EXPECT_EQ(registers.from_bytes, 0u);
    EXPECT_EQ(registers.from, message.data() + message.size());
    EXPECT_EQ(to_hex(hash),
              "e718483d0ce769644e2e42c7bc15b4638e1f98b13b2044285632a803afa973eb"
              "de0ff244877ea60a4cb0432ce577c31beb009c5c2c49aa2e4eadb217ad8cc09b");
    RecordProperty("executions", static_cast<int>(executions));
}

}  // namespace

}  // namespace ferry::test
