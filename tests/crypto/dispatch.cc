// The choice of rows: what is forbidden, what is broken, what is reported.
#include <gtest/gtest.h>

#include <set>

#include "crypto/choice.h"
#include "crypto/dispatch.h"
#include "crypto/self_test.h"
#include "tests/crypto/rows.h"

namespace ferry::test {

namespace {

using crypto::AeadRow;
using crypto::AeadState;
using crypto::Cpu;
using crypto::Dispatch;
using crypto::HashRow;
using crypto::RowReport;
using crypto::Wish;

const Cpu kNoCpu{};

TEST(Choice, TakesAWorkingRowOfEveryPrimitive) {
    const Dispatch dispatch = crypto::choose(crypto::detect());
    EXPECT_TRUE(crypto::aes128_gcm_works(*dispatch.aes128_gcm));
    EXPECT_TRUE(crypto::chacha20_poly1305_works(*dispatch.chacha20_poly1305));
    EXPECT_TRUE(crypto::sha256_works(*dispatch.sha256));
    EXPECT_TRUE(crypto::shake128_works(*dispatch.shake128));
    EXPECT_TRUE(crypto::aes128_works(*dispatch.aes128));
    EXPECT_TRUE(crypto::aes128_trial_works(*dispatch.aes128_trial));
}

TEST(Choice, ReportsEveryRowOfTheBuildAndChoosesOneOfEach) {
    std::vector<RowReport> report;
    crypto::choose(crypto::detect(), {}, &report);
    EXPECT_EQ(report.size(), crypto::aes128_gcm_rows().size() +
                                 crypto::chacha20_poly1305_rows().size() +
                                 crypto::sha256_rows().size() + crypto::shake128_rows().size() +
                                 crypto::aes128_rows().size() + crypto::aes128_trial_rows().size());
    std::multiset<std::string_view> chosen;
    std::set<std::string_view> names;
    for (const RowReport& row : report) {
        EXPECT_TRUE(names.insert(row.name).second) << row.name;
        EXPECT_TRUE(row.name.starts_with(row.primitive)) << row.name;
        EXPECT_FALSE(row.forbidden) << row.name;
        EXPECT_EQ(row.passed, row.usable) << row.name << " is wrong on this machine";
        if (row.chosen) {
            chosen.insert(row.primitive);
        }
    }
    EXPECT_EQ(chosen, (std::multiset<std::string_view>{"aes128", "aes128gcm", "chacha20poly1305",
                                                       "sha256", "shake128", "trial"}));
}

TEST(Choice, EndsEveryListWithAPortableRow) {
    const auto is_portable = [](const auto& rows) {
        return std::string_view(rows.back()->name).ends_with(".portable") &&
               rows.back()->usable(kNoCpu);
    };
    EXPECT_TRUE(is_portable(crypto::aes128_gcm_rows()));
    EXPECT_TRUE(is_portable(crypto::chacha20_poly1305_rows()));
    EXPECT_TRUE(is_portable(crypto::sha256_rows()));
    EXPECT_TRUE(is_portable(crypto::shake128_rows()));
    EXPECT_TRUE(is_portable(crypto::aes128_rows()));
    EXPECT_TRUE(is_portable(crypto::aes128_trial_rows()));
}

TEST(Choice, KeepsThePortableRowsWhenAllIsForbidden) {
    std::vector<RowReport> report;
    const Dispatch dispatch = crypto::choose(crypto::detect(), "*", &report);
    EXPECT_EQ(dispatch.aes128_gcm, crypto::aes128_gcm_rows().back());
    EXPECT_EQ(dispatch.chacha20_poly1305, crypto::chacha20_poly1305_rows().back());
    EXPECT_EQ(dispatch.sha256, crypto::sha256_rows().back());
    EXPECT_EQ(dispatch.shake128, crypto::shake128_rows().back());
    EXPECT_EQ(dispatch.aes128, crypto::aes128_rows().back());
    EXPECT_EQ(dispatch.aes128_trial, crypto::aes128_trial_rows().back());
    for (const RowReport& row : report) {
        EXPECT_NE(row.forbidden, row.name.ends_with(".portable")) << row.name;
        EXPECT_FALSE(row.forbidden && row.passed) << "the test of a forbidden row was run";
    }
}

TEST(Forbidding, IsByNameOrBeginning) {
    EXPECT_TRUE(crypto::is_forbidden("aes128gcm.ni", "aes128gcm.ni"));
    EXPECT_TRUE(crypto::is_forbidden("aes128gcm.ni", "sha256.ni,aes128gcm.ni"));
    EXPECT_TRUE(crypto::is_forbidden("aes128gcm.ni", "aes128gcm.ni,sha256.ni"));
    EXPECT_TRUE(crypto::is_forbidden("aes128gcm.vaes512", "aes128gcm.vaes*"));
    EXPECT_TRUE(crypto::is_forbidden("aes128gcm.vaes512", "*"));
    EXPECT_TRUE(crypto::is_forbidden("aes128gcm.vaes", "aes128gcm.vaes*"));

    EXPECT_FALSE(crypto::is_forbidden("aes128gcm.ni", ""));
    EXPECT_FALSE(crypto::is_forbidden("aes128gcm.ni", ","));
    EXPECT_FALSE(crypto::is_forbidden("aes128gcm.ni", "aes128gcm"));
    EXPECT_FALSE(crypto::is_forbidden("aes128gcm.ni", "aes128gcm.nix"));
    EXPECT_FALSE(crypto::is_forbidden("aes128gcm.ni", "aes128gcm.v*"));
    EXPECT_FALSE(crypto::is_forbidden("aes128gcm.ni", "*.ni"));
    EXPECT_FALSE(crypto::is_forbidden("aes128gcm.ni", "sha256.ni,,shake128.*"));
}

// ---- rows that do not work ----------------------------------------------------------------------

bool always(const Cpu&) {
    return true;
}

bool never(const Cpu&) {
    return false;
}

// A portable row, with one thing wrong.
const AeadRow& good() {
    return *crypto::aes128_gcm_rows().back();
}

AeadRow damaged(const char* name) {
    AeadRow row = good();
    row.name = name;
    return row;
}

// Right up to 64 bytes, where a kernel's wide loop would begin: short vectors do not notice.
void seal_wrongly_when_long(const AeadState& state, const std::uint8_t* nonce,
                            const std::uint8_t* aad, std::size_t aad_bytes,
                            const std::uint8_t* from, std::uint8_t* to, std::size_t text_bytes,
                            std::uint8_t* tag) {
    good().seal(state, nonce, aad, aad_bytes, from, to, text_bytes, tag);
    if (text_bytes > 64) {
        to[64] ^= 1;
    }
}

bool open_anything(const AeadState& state, const std::uint8_t* nonce, const std::uint8_t* aad,
                   std::size_t aad_bytes, const std::uint8_t* from, std::uint8_t* to,
                   std::size_t text_bytes, const std::uint8_t* tag) {
    good().open(state, nonce, aad, aad_bytes, from, to, text_bytes, tag);
    return true;
}

bool open_nothing(const AeadState&, const std::uint8_t*, const std::uint8_t*, std::size_t,
                  const std::uint8_t*, std::uint8_t*, std::size_t, const std::uint8_t*) {
    return false;
}

const AeadRow& choose_gcm(std::span<const AeadRow* const> rows, std::vector<RowReport>& report) {
    return crypto::choose_row("aes128gcm", rows, crypto::aes128_gcm_works,
                              Wish{kNoCpu, {}, &report});
}

TEST(BrokenRows, AreSkippedAndReported) {
    AeadRow wrong_seal = damaged("aes128gcm.wrong_seal");
    wrong_seal.seal = seal_wrongly_when_long;
    AeadRow opens_all = damaged("aes128gcm.opens_all");
    opens_all.open = open_anything;
    AeadRow opens_none = damaged("aes128gcm.opens_none");
    opens_none.open = open_nothing;
    AeadRow absent = damaged("aes128gcm.absent");
    absent.usable = never;
    absent.expand = nullptr;  // never called

    const AeadRow* const rows[] = {&wrong_seal, &opens_all, &opens_none, &absent, &good()};
    std::vector<RowReport> report;
    EXPECT_EQ(&choose_gcm(rows, report), &good());
    ASSERT_EQ(report.size(), 5u);
    for (const RowReport& row : report) {
        const bool is_good = row.name == good().name;
        EXPECT_EQ(row.usable, row.name != "aes128gcm.absent") << row.name;
        EXPECT_EQ(row.passed, is_good) << row.name;
        EXPECT_EQ(row.chosen, is_good) << row.name;
    }
}

TEST(BrokenRows, DoNotHideALaterGoodOne) {
    AeadRow broken = damaged("aes128gcm.broken");
    broken.open = open_anything;
    const AeadRow second = damaged("aes128gcm.second");
    const AeadRow* const rows[] = {&broken, &second, &good()};
    std::vector<RowReport> report;
    EXPECT_EQ(&choose_gcm(rows, report), &second);
    EXPECT_TRUE(report[2].passed);
    EXPECT_FALSE(report[2].chosen);
}

TEST(BrokenRows, OfOtherPrimitivesFailTheirTests) {
    const HashRow hash{"sha256.broken", always,
                       [](std::uint32_t* state, const std::uint8_t* blocks, std::size_t count) {
                           crypto::sha256_rows().back()->compress(state, blocks, count);
                           state[7] ^= count > 1 ? 1 : 0;
                       }};
    EXPECT_FALSE(crypto::sha256_works(hash));

    const crypto::XofRow xof{"shake128.broken", always, [](std::uint64_t* lanes) {
                                 crypto::shake128_rows().back()->permute(lanes);
                                 lanes[3] ^= 1;
                             }};
    EXPECT_FALSE(crypto::shake128_works(xof));

    crypto::BlockRow block = *crypto::aes128_rows().back();
    block.decrypt = block.encrypt;
    EXPECT_FALSE(crypto::aes128_works(block));
    block = *crypto::aes128_rows().back();
    block.cfb_decrypt = block.cfb_encrypt;
    EXPECT_FALSE(crypto::aes128_works(block));

    crypto::TrialRow trial = *crypto::aes128_trial_rows().back();
    trial.find = [](const crypto::TrialKeys&, std::size_t, const std::uint8_t*) {
        return std::uint64_t{0};
    };
    EXPECT_FALSE(crypto::aes128_trial_works(trial));
    trial.find = [](const crypto::TrialKeys&, std::size_t count, const std::uint8_t*) {
        return count == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << count) - 1;
    };
    EXPECT_FALSE(crypto::aes128_trial_works(trial));
}

TEST(BrokenRowsDeathTest, NothingRunsWithoutAWorkingRow) {
    AeadRow broken = damaged("aes128gcm.portable");
    broken.open = open_anything;
    const AeadRow* const rows[] = {&broken};
    std::vector<RowReport> report;
    EXPECT_DEATH(choose_gcm(rows, report), "no implementation of aes128gcm");
}

}  // namespace

}  // namespace ferry::test
