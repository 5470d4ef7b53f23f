// The rows of S390x on a modelled machine: what only these rows can do wrong. All that every row
// promises is tested by the suites that this program shares with the others.
#include <gtest/gtest.h>

#include <pthread.h>

#include <memory>

#include "crypto/aead.h"
#include "crypto/block.h"
#include "crypto/dispatch.h"
#include "crypto/hash.h"
#include "crypto/s390x/rows.h"
#include "crypto/self_test.h"
#include "tests/crypto/cpacf_ciphers.h"
#include "tests/crypto/cpacf_model.h"
#include "tests/crypto/rows.h"

namespace ferry::test {

namespace {

using cpacf::hide;
using cpacf::machine;
using cpacf::machine_at_first;
using cpacf::offer;
using crypto::Aead;
using crypto::Cpu;
using crypto::kTagBytes;
using crypto::s390x::Registers;

namespace s390x = crypto::s390x;

class CpacfTest : public testing::Test {
protected:
    CpacfTest() { machine() = machine_at_first(); }
    ~CpacfTest() override { machine() = machine_at_first(); }

    Noise noise_;
};

// ---- the machine --------------------------------------------------------------------------------

class CpacfMachine : public CpacfTest {
protected:
    Cpu cpu_ = crypto::detect();
};

// If the library's lists had been linked in, no suite of this program would test anything.
TEST_F(CpacfMachine, HasItsRowsAndRunsThemAll) {
    const crypto::Dispatch dispatch = crypto::choose(cpu_);
    EXPECT_EQ(dispatch.aes128_gcm, &s390x::kAes128GcmKma);
    EXPECT_EQ(dispatch.aes128, &s390x::kAes128Km);
    EXPECT_EQ(dispatch.sha256, &s390x::kSha256Kimd);
    EXPECT_EQ(dispatch.shake128, &s390x::kShake128Kimd);
    EXPECT_EQ(dispatch.aes128_trial, &s390x::kAes128TrialKm);
    EXPECT_GT(machine().executions, 100u);
    EXPECT_GT(machine().partial_ones, 10u);
}

TEST_F(CpacfMachine, WithoutAssistIsNotAsked) {
    for (const crypto::RowReport& row : [] {
             std::vector<crypto::RowReport> report;
             crypto::choose(Cpu{}, {}, &report);
             return report;
         }()) {
        EXPECT_EQ(row.usable, row.name.ends_with(".portable")) << row.name;
    }
    EXPECT_EQ(machine().executions, 0u);
}

// The model ends the process when an instruction is executed whose facility is absent.
TEST_F(CpacfMachine, OffersOnlyTheInstructionsOfItsFacilities) {
    machine().facilities[146] = false;
    EXPECT_FALSE(s390x::kAes128GcmKma.usable(cpu_));
    EXPECT_TRUE(s390x::kAes128Km.usable(cpu_));
    machine().facilities[77] = false;
    EXPECT_FALSE(s390x::kAes128Km.usable(cpu_));
    EXPECT_TRUE(s390x::kAes128TrialKm.usable(cpu_));
    EXPECT_TRUE(s390x::kSha256Kimd.usable(cpu_));
    machine().facilities[17] = false;
    EXPECT_FALSE(s390x::kAes128TrialKm.usable(cpu_));
    EXPECT_FALSE(s390x::kSha256Kimd.usable(cpu_));
    EXPECT_FALSE(s390x::kShake128Kimd.usable(cpu_));
}

TEST_F(CpacfMachine, OffersOnlyTheFunctionsOfItsQueries) {
    const auto usable = [this] {
        return std::array{s390x::kAes128GcmKma.usable(cpu_), s390x::kAes128Km.usable(cpu_),
                          s390x::kAes128TrialKm.usable(cpu_), s390x::kSha256Kimd.usable(cpu_),
                          s390x::kShake128Kimd.usable(cpu_)};
    };
    EXPECT_EQ(usable(), (std::array{true, true, true, true, true}));
    hide(machine().kma, 18);
    EXPECT_EQ(usable(), (std::array{false, true, true, true, true}));
    hide(machine().kmf, 18);
    EXPECT_EQ(usable(), (std::array{false, false, true, true, true}));
    offer(machine().kmf, 18);
    hide(machine().km, 18);
    EXPECT_EQ(usable(), (std::array{false, false, false, true, true}));
    hide(machine().kimd, 36);
    EXPECT_EQ(usable(), (std::array{false, false, false, true, false}));
    hide(machine().kimd, 2);
    EXPECT_EQ(usable(), (std::array{false, false, false, false, false}));

    // All others, and none of ours: no row takes one bit for another.
    const auto all_but = [](std::initializer_list<std::size_t> missing) {
        cpacf::Functions functions;
        functions.fill(0xff);
        for (const std::size_t function : missing) {
            hide(functions, function);
        }
        return functions;
    };
    machine().km = machine().kmf = machine().kma = all_but({18});
    machine().kimd = all_but({2, 36});
    EXPECT_EQ(usable(), (std::array{false, false, false, false, false}));
}

// ---- partial completion -------------------------------------------------------------------------

class CpacfPatience : public CpacfTest {};

TEST_F(CpacfPatience, DoesNotChangeAnyResult) {
    const std::vector<std::vector<std::size_t>> patiences = {
        {}, {1}, {2}, {3}, {7}, {64}, {0, 1}, {0, 0, 0, 5}, {1, 2, 3, 4, 5, 6, 7}};
    for (const std::vector<std::size_t>& patience : patiences) {
        machine().patience = patience;
        EXPECT_TRUE(crypto::aes128_gcm_works(s390x::kAes128GcmKma));
        EXPECT_TRUE(crypto::aes128_works(s390x::kAes128Km));
        EXPECT_TRUE(crypto::sha256_works(s390x::kSha256Kimd));
        EXPECT_TRUE(crypto::shake128_works(s390x::kShake128Kimd));
        EXPECT_TRUE(crypto::aes128_trial_works(s390x::kAes128TrialKm));
    }
}

// A message of five blocks of AAD and text, stopped before each of its steps.
TEST_F(CpacfPatience, MayEndAnywhereInAMessage) {
    const Bytes key = noise_.bytes(16);
    const Bytes iv = noise_.bytes(crypto::kNonceBytes);
    const std::span<const std::uint8_t, crypto::kNonceBytes> nonce(iv);
    const Bytes aad = noise_.bytes(35);
    const Bytes text = noise_.bytes(29);
    const Aead portable(*crypto::aes128_gcm_rows().back(), key);
    Bytes expected(text.size());
    std::array<std::uint8_t, kTagBytes> expected_tag;
    portable.seal(nonce, aad, text, expected, expected_tag);

    for (std::size_t steps = 0; steps <= 7; ++steps) {
        for (const bool computes_hash_key : {true, false}) {
            machine().patience = {100};
            const Aead aead(s390x::kAes128GcmKma, key);
            machine().patience = computes_hash_key ? std::vector<std::size_t>{steps, 100}
                                                   : std::vector<std::size_t>{steps, 0, 0, 100};
            machine().executions = machine().partial_ones = 0;
            Bytes sealed(text.size());
            std::array<std::uint8_t, kTagBytes> tag;
            aead.seal(nonce, aad, text, sealed, tag);
            EXPECT_EQ(sealed, expected) << steps;
            EXPECT_EQ(tag, expected_tag) << steps;
            EXPECT_EQ(machine().partial_ones > 0, steps < 6) << steps;

            machine().executions = 0;
            EXPECT_TRUE(aead.open(nonce, aad, sealed, sealed, tag)) << steps;
            EXPECT_EQ(sealed, text) << steps;
        }
    }
}

// ---- what is left behind ------------------------------------------------------------------------

// Nothing of a text that was not authentic is left, however the machine stopped.
TEST_F(CpacfTest, RefusedTextIsWiped) {
    const Bytes key = noise_.bytes(16);
    const Bytes iv(crypto::kNonceBytes);
    const std::span<const std::uint8_t, crypto::kNonceBytes> nonce(iv);
    const Aead aead(s390x::kAes128GcmKma, key);
    for (std::size_t bytes = 1; bytes <= 100; ++bytes) {
        const Bytes text(bytes, 0xa5);
        Bytes sealed(bytes + 8, 0xa5);
        std::array<std::uint8_t, kTagBytes> tag;
        aead.seal(nonce, {}, text, sealed, tag);
        tag[bytes % kTagBytes] ^= 1;
        Bytes to(bytes + 8, 0xa5);
        EXPECT_FALSE(aead.open(nonce, {}, ByteView(sealed).first(bytes), to, tag));
        EXPECT_EQ(std::ranges::count(ByteView(to).first(bytes), 0), std::ptrdiff_t(bytes));
        EXPECT_EQ(std::ranges::count(ByteView(to).last(8), 0xa5), 8);
        EXPECT_FALSE(aead.open(nonce, {}, ByteView(sealed).first(bytes),
                               ByteSpan(sealed).first(bytes), tag));
        EXPECT_EQ(std::ranges::count(ByteView(sealed).first(bytes), 0), std::ptrdiff_t(bytes));
    }
}

// What a job works with: its own memory, none of it on the stack that is searched.
struct Work {
    explicit Work(Bytes chosen) : key(std::move(chosen)) {
        cpacf::aes128_encrypt(key.data(), hash_key.data(), hash_key.data());
        s390x::kAes128GcmKma.expand(*aead, key.data());
        s390x::kAes128Km.expand(*blocks, key.data());
        s390x::kAes128TrialKm.set(*users, 5, key.data());
    }

    Bytes key;
    Bytes hash_key = Bytes(16);
    std::unique_ptr<crypto::AeadState> aead = std::make_unique<crypto::AeadState>();
    std::unique_ptr<crypto::BlockState> blocks = std::make_unique<crypto::BlockState>();
    std::unique_ptr<crypto::TrialKeys> users = std::make_unique<crypto::TrialKeys>();
    Bytes text = Bytes(160);
    Bytes tag = Bytes(kTagBytes);
};

// A stack that can be read once the thread on it has ended.
class OwnStack {
public:
    // What is still there of the secret after `job` ran?
    bool remembers(ByteView secret, void (*job)(Work&), Work& work) {
        std::ranges::fill(memory_, std::uint8_t{0});
        Call call{job, work};
        pthread_attr_t attributes;
        pthread_attr_init(&attributes);
        EXPECT_EQ(pthread_attr_setstack(&attributes, memory_.data(), memory_.size()), 0);
        pthread_t thread;
        EXPECT_EQ(pthread_create(&thread, &attributes, &OwnStack::run, &call), 0);
        EXPECT_EQ(pthread_join(thread, nullptr), 0);
        pthread_attr_destroy(&attributes);
        return !std::ranges::search(memory_, secret).empty();
    }

private:
    struct Call {
        void (*job)(Work&);
        Work& work;
    };

    // The end of the thread needs the upper end of the stack, so the job has to lie lower.
    [[gnu::no_sanitize_address]] static void* run(void* call) {
        std::uint8_t room[1 << 14];
        asm volatile("" : : "r"(room) : "memory");
        const Call& it = *static_cast<const Call*>(call);
        it.job(it.work);
        return nullptr;
    }

    static constexpr std::size_t kStackBytes = 1 << 18;
    struct alignas(4096) Page {
        std::uint8_t bytes[4096];
    };
    std::vector<Page> pages_ = std::vector<Page>(kStackBytes / sizeof(Page));
    ByteSpan memory_{pages_.front().bytes, kStackBytes};
};

// Keeps its bytes on the stack itself also where the address sanitizer would move them elsewhere.
[[gnu::noinline]] [[gnu::no_sanitize_address]] void forget_a_key(Work& work) {
    std::uint8_t place[16];
    for (std::size_t i = 0; i < sizeof place; ++i) {
        place[i] = work.key[i];
    }
    asm volatile("" : : "r"(place) : "memory");  // else there is no need to put it there
}

// One job each, since the next would cover the traces of the one before.
constexpr void (*kJobs[])(Work&) = {
    [](Work& w) { s390x::kAes128GcmKma.expand(*w.aead, w.key.data()); },
    [](Work& w) {
        s390x::kAes128GcmKma.seal(*w.aead, w.text.data(), w.text.data(), 20, w.text.data(),
                                  w.text.data(), w.text.size(), w.tag.data());
    },
    [](Work& w) {
        s390x::kAes128GcmKma.open(*w.aead, w.text.data(), w.text.data(), 20, w.text.data(),
                                  w.text.data(), w.text.size(), w.tag.data());
    },
    [](Work& w) { s390x::kAes128Km.expand(*w.blocks, w.key.data()); },
    [](Work& w) { s390x::kAes128Km.encrypt(*w.blocks, w.text.data(), w.text.data()); },
    [](Work& w) {
        s390x::kAes128Km.cfb_encrypt(*w.blocks, w.tag.data(), w.text.data(), w.text.data(), 5);
    },
    [](Work& w) {
        s390x::kAes128Km.cfb_decrypt(*w.blocks, w.tag.data(), w.text.data(), w.text.data(), 5);
    },
    [](Work& w) { s390x::kAes128TrialKm.set(*w.users, 7, w.key.data()); },
    [](Work& w) { s390x::kAes128TrialKm.find(*w.users, 64, w.text.data()); },
};

TEST_F(CpacfTest, RowsLeaveNoKeyOnTheStack) {
    Work work(noise_.bytes(16));
    OwnStack stack;
    EXPECT_TRUE(stack.remembers(work.key, forget_a_key, work)) << "this would find no key";
    for (std::size_t i = 0; i < std::size(kJobs); ++i) {
        EXPECT_FALSE(stack.remembers(work.key, kJobs[i], work)) << "job " << i;
        EXPECT_FALSE(stack.remembers(work.hash_key, kJobs[i], work)) << "job " << i;
    }
}

// ---- the model is strict ------------------------------------------------------------------------

class CpacfDeathTest : public CpacfTest {
protected:
    CpacfDeathTest() { machine().patience = {}; }

    alignas(16) std::uint8_t parameters_[208] = {};
    std::uint8_t text_[64] = {};
    std::uint8_t to_[64] = {};
    // A sound KMA; each test spoils one thing.
    Registers kma_{.function = s390x::kAes128 | s390x::kLastAad | s390x::kLastText,
                   .parameters = parameters_};
    Registers km_{.function = s390x::kAes128,
                  .parameters = parameters_,
                  .to = to_,
                  .from = text_,
                  .from_bytes = 32};
};

TEST_F(CpacfDeathTest, AbsentInstructionsAndFunctions) {
    EXPECT_EQ(s390x::km(km_), s390x::Condition::normal);
    machine().facilities[17] = false;
    EXPECT_DEATH(s390x::km(km_), "operation exception");
    machine() = machine_at_first();
    km_.function = 19;
    EXPECT_DEATH(s390x::km(km_), "no such function");
}

TEST_F(CpacfDeathTest, LengthsThatAreNotWholeBlocks) {
    km_.from_bytes = 31;
    EXPECT_DEATH(s390x::km(km_), "not whole blocks");
    Registers kimd{
        .function = s390x::kShake128, .parameters = parameters_, .from = text_, .from_bytes = 64};
    EXPECT_DEATH(s390x::kimd(kimd), "not whole blocks");
    kma_.function = s390x::kAes128;
    kma_.aad = text_;
    kma_.aad_bytes = 17;
    EXPECT_DEATH(s390x::kma(kma_), "AAD is not the last");
    kma_.function = s390x::kAes128 | s390x::kLastAad;
    kma_.to = to_;
    kma_.from = text_;
    kma_.from_bytes = 17;
    EXPECT_DEATH(s390x::kma(kma_), "text is not the last");
}

TEST_F(CpacfDeathTest, FlagsThatDoNotFit) {
    km_.function |= s390x::kLastText;
    EXPECT_DEATH(s390x::km(km_), "must be zero");
    km_.function = s390x::kAes128;
    EXPECT_DEATH(s390x::kmf(km_), "LCFB");
    kma_.function = s390x::kAes128 | s390x::kLastText;
    EXPECT_DEATH(s390x::kma(kma_), "before the last AAD");
}

TEST_F(CpacfDeathTest, BlocksThatDoNotFit) {
    km_.parameters = parameters_ + 4;
    EXPECT_DEATH(s390x::km(km_), "not aligned");
    km_.parameters = parameters_;
    km_.to = text_ + 8;
    EXPECT_DEATH(s390x::km(km_), "overlap");
    km_.to = parameters_;
    EXPECT_DEATH(s390x::km(km_), "overlap");
    parameters_[3] = 1;
    EXPECT_DEATH(s390x::kma(kma_), "reserved");
    parameters_[3] = 0;
    parameters_[62] = 1;  // a total of 256 bits, and no text
    EXPECT_DEATH(s390x::kma(kma_), "total length");
    parameters_[62] = 0;
    EXPECT_EQ(s390x::kma(kma_), s390x::Condition::normal);
}

}  // namespace

}  // namespace ferry::test
