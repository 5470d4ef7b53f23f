// Whatever the secrets are, a kernel executes the same instructions in the same order. This is what
// can be said of those whose instructions Valgrind does not decode (constant_time.cc): the
// processor itself runs them here, one instruction at a time, and each step is recorded.
// constant_time.cc has all of the portable rows and of BoringSSL's, which are left out here.
//
// It says nothing of addresses, and only of the secrets that are tried: all zero, all one, and
// chance. As there, whether a tag is right may be seen: right tags are compared with right ones,
// and wrong ones with wrong ones, wherever they differ.
#include <gtest/gtest.h>

#include <signal.h>
#include <sys/ucontext.h>

#include <memory>

#include "crypto/aead.h"
#include "crypto/block.h"
#include "crypto/hash.h"
#include "crypto/trial.h"
#include "crypto/xof.h"
#include "tests/crypto/rows.h"

namespace ferry::test {

namespace {

using crypto::Aead;
using crypto::AeadRow;
using crypto::Cfb;
using crypto::kNonceBytes;
using crypto::kTagBytes;
using Key16 = std::span<const std::uint8_t, 16>;
using Steps = std::vector<std::uint64_t>;

constexpr auto kLengths = std::to_array<std::size_t>({0, 1, 16, 100, 300, 1100});
constexpr int kTrials = 4;
constexpr std::size_t kStepsMax = 1 << 22;

// What the handler of SIGTRAP works on.
volatile sig_atomic_t is_recording = 0;
std::uint64_t* next_step = nullptr;
std::uint64_t* last_step = nullptr;

// With this flag set, the processor traps after every instruction (Intel's manual, vol. 1, 3.4.3).
constexpr long long kTrapFlag = 1 << 8;

void on_step(int, siginfo_t*, void* context) {
    greg_t* registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
    if (is_recording == 0) {
        registers[REG_EFL] &= ~kTrapFlag;
        return;
    }
    registers[REG_EFL] |= kTrapFlag;
    if (next_step != last_step) {
        *next_step++ = static_cast<std::uint64_t>(registers[REG_RIP]);
    }
}

// The addresses of all instructions that `work` executes.
template <class Work>
Steps steps_of(Work work) {
    struct sigaction action{};
    action.sa_sigaction = on_step;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGTRAP, &action, nullptr);
    static const auto room = std::make_unique_for_overwrite<std::uint64_t[]>(kStepsMax);
    next_step = room.get();
    last_step = room.get() + kStepsMax;
    is_recording = 1;
    raise(SIGTRAP);
    work();
    is_recording = 0;
    signal(SIGTRAP, SIG_DFL);
    return {room.get(), next_step};
}

// Fills a secret in the way of a trial: zeros, ones, chance.
void fill(Noise& noise, int trial, ByteSpan secret) {
    for (std::uint8_t& byte : secret) {
        byte = trial == 0 ? 0x00 : trial == 1 ? 0xff : static_cast<std::uint8_t>(noise.next());
    }
}

// Runs `work` on other secrets each time, which `prepare` puts into the same memory.
template <class Prepare, class Work>
void expect_same_steps(Prepare prepare, Work work) {
    prepare(2);
    work();  // once without a look: libraries are bound and set up when they are first called
    Steps first;
    for (int trial = 0; trial < kTrials; ++trial) {
        prepare(trial);
        const Steps steps = steps_of(work);
        if (steps.size() < 2) {
            GTEST_SKIP() << "NOT CHECKED: this machine does not stop after each instruction";
        }
        ASSERT_GT(steps.size(), 100u);
        ASSERT_LT(steps.size(), kStepsMax);
        if (trial == 0) {
            first = steps;
        }
        const auto [here, there] = std::ranges::mismatch(first, steps);
        ASSERT_TRUE(here == first.end() && there == steps.end())
            << "with other secrets, another way from step " << here - first.begin() << " of "
            << first.size();
    }
}

template <class Row>
std::vector<const Row*> kernels(std::span<const Row* const> rows) {
    std::vector<const Row*> kernels = all(rows);
    std::erase_if(kernels, [](const Row* row) {
        const std::string_view name = row->name;
        return name.ends_with(".portable") || name.ends_with(".boring");
    });
    return kernels;
}

class SameSteps : public RowTest<AeadRow> {
protected:
    struct Message {
        Bytes key;
        Bytes nonce;
        Bytes aad;
        Bytes text;
        Bytes sealed;
        std::array<std::uint8_t, kTagBytes> tag;
        bool opens;

        std::span<const std::uint8_t, kNonceBytes> iv() const {
            return std::span<const std::uint8_t, kNonceBytes>(nonce);
        }
    };

    Message message(std::size_t bytes) {
        return {Bytes(row().key_bytes),
                noise_.bytes(kNonceBytes),
                noise_.bytes(bytes % 37),
                Bytes(bytes),
                Bytes(bytes),
                {},
                false};
    }

    void fill_and_seal(int trial, Message& to) {
        fill(noise_, trial, to.key);
        fill(noise_, trial, to.text);
        Aead(row(), to.key).seal(to.iv(), to.aad, to.text, to.sealed, to.tag);
    }

    // Damages the tag in each trial elsewhere; `damage` 0 leaves it right.
    void expect_opening_is_same(std::size_t bytes, std::uint8_t damage) {
        Message message = this->message(bytes);
        const auto prepare = [&](int trial) {
            fill_and_seal(trial, message);
            message.tag[static_cast<std::size_t>(trial) * 15 / (kTrials - 1)] ^= damage;
        };
        expect_same_steps(prepare, [&] {
            message.opens =
                Aead(row(), message.key)
                    .open(message.iv(), message.aad, message.sealed, message.text, message.tag);
        });
        EXPECT_EQ(message.opens, damage == 0);
    }

    Noise noise_;
};

TEST_P(SameSteps, ToSeal) {
    for (const std::size_t bytes : kLengths) {
        SCOPED_TRACE(bytes);
        Message message = this->message(bytes);
        expect_same_steps(
            [&](int trial) {
                fill(noise_, trial, message.key);
                fill(noise_, trial, message.text);
            },
            [&] {
                Aead(row(), message.key)
                    .seal(message.iv(), message.aad, message.text, message.sealed, message.tag);
            });
    }
}

TEST_P(SameSteps, ToOpenARightTag) {
    for (const std::size_t bytes : kLengths) {
        SCOPED_TRACE(bytes);
        expect_opening_is_same(bytes, 0);
    }
}

TEST_P(SameSteps, ToRefuseAWrongTag) {
    for (const std::size_t bytes : kLengths) {
        SCOPED_TRACE(bytes);
        expect_opening_is_same(bytes, 0x40);
    }
}

// A build may have no kernel of a primitive.
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(SameSteps);
INSTANTIATE_TEST_SUITE_P(Gcm, SameSteps, testing::ValuesIn(kernels(crypto::aes128_gcm_rows())),
                         row_name<AeadRow>);
INSTANTIATE_TEST_SUITE_P(ChaCha, SameSteps,
                         testing::ValuesIn(kernels(crypto::chacha20_poly1305_rows())),
                         row_name<AeadRow>);

class SameStepsOfBlocks : public RowTest<crypto::BlockRow> {};

TEST_P(SameStepsOfBlocks, InCfb) {
    Noise noise;
    Bytes secret(16 + 16 + 200);
    Bytes output(200);
    for (const Cfb::Way way : {Cfb::Way::encrypt, Cfb::Way::decrypt}) {
        expect_same_steps([&](int trial) { fill(noise, trial, secret); },
                          [&] {
                              const ByteView all(secret);
                              Cfb(row(), way, Key16(all.first<16>()), Key16(all.subspan<16, 16>()))
                                  .apply(all.last(200), output);
                              const crypto::Aes128 aes(row(), Key16(all.first<16>()));
                              std::ranges::copy(aes.decrypt(Key16(all.last<16>())), output.begin());
                          });
    }
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(SameStepsOfBlocks);
INSTANTIATE_TEST_SUITE_P(Rows, SameStepsOfBlocks, testing::ValuesIn(kernels(crypto::aes128_rows())),
                         row_name<crypto::BlockRow>);

class SameStepsOfTrials : public RowTest<crypto::TrialRow> {};

TEST_P(SameStepsOfTrials, ToFindUsers) {
    Noise noise;
    const auto keys = std::make_unique<crypto::TrialKeys>();
    Bytes users(16 * crypto::kTrialBlockUsers);
    const Bytes block = noise.bytes(16);
    volatile std::uint64_t found = 0;
    for (const std::size_t count : {1, 16, 33, 64}) {
        expect_same_steps([&](int trial) { fill(noise, trial, users); },
                          [&] {
                              for (std::size_t index = 0; index < count; ++index) {
                                  row().set(*keys, index, users.data() + 16 * index);
                              }
                              found = row().find(*keys, count, block.data());
                          });
    }
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(SameStepsOfTrials);
INSTANTIATE_TEST_SUITE_P(Rows, SameStepsOfTrials,
                         testing::ValuesIn(kernels(crypto::aes128_trial_rows())),
                         row_name<crypto::TrialRow>);

class SameStepsOfHashes : public RowTest<crypto::HashRow> {};

TEST_P(SameStepsOfHashes, ToSign) {
    Noise noise;
    Bytes secret(300);
    crypto::Sha256Digest digest;
    expect_same_steps([&](int trial) { fill(noise, trial, secret); },
                      [&] { digest = crypto::hmac_sha256(row(), secret, secret); });
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(SameStepsOfHashes);
INSTANTIATE_TEST_SUITE_P(Rows, SameStepsOfHashes, testing::ValuesIn(kernels(crypto::sha256_rows())),
                         row_name<crypto::HashRow>);

class SameStepsOfStreams : public RowTest<crypto::XofRow> {};

TEST_P(SameStepsOfStreams, ToRead) {
    Noise noise;
    Bytes seed(16);
    Bytes output(500);
    expect_same_steps([&](int trial) { fill(noise, trial, seed); },
                      [&] { crypto::Shake128(row(), seed).read(output); });
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(SameStepsOfStreams);
INSTANTIATE_TEST_SUITE_P(Rows, SameStepsOfStreams,
                         testing::ValuesIn(kernels(crypto::shake128_rows())),
                         row_name<crypto::XofRow>);

// ---- the test can fail --------------------------------------------------------------------------

// Bit by bit, with a branch on each, as a naive multiplication in GHASH has.
std::uint8_t folded(ByteView secret) {
    volatile std::uint8_t sum = 0;
    for (const std::uint8_t byte : secret) {
        if ((byte & 1) != 0) {
            sum = sum ^ 0x87;
        }
    }
    return sum;
}

TEST(OtherSteps, AreNoticed) {
    Noise noise;
    Bytes secret(64);
    volatile std::uint8_t result = 0;
    const auto work = [&] { result = folded(secret); };
    fill(noise, 0, secret);
    const Steps zeros = steps_of(work);
    const Steps again = steps_of(work);
    secret[63] = 1;
    const Steps other = steps_of(work);
    ASSERT_GT(zeros.size(), 100u);
    EXPECT_EQ(zeros, again);
    EXPECT_NE(zeros, other);
}

}  // namespace

}  // namespace ferry::test
