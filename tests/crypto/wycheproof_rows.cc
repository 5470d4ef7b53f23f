// The runner of Wycheproof files notices rows that are wrong: rows are damaged here in one thing
// each, and the file is right.
#include <gtest/gtest.h>

#include "crypto/cpu.h"
#include "tests/crypto/rows.h"
#include "tests/crypto/wycheproof_run.h"

namespace ferry::test {

namespace {

using crypto::AeadRow;
using crypto::AeadState;

// Test case 4 of "The Galois/Counter Mode of Operation (GCM)", McGrew and Viega, appendix B: once
// as it is, once with one bit of the tag changed, marked invalid or acceptable.
constexpr std::string_view kFront = R"({"algorithm": "AES-GCM", "numberOfTests": 2, "testGroups":
    [{"keySize": 128, "ivSize": 96, "tagSize": 128, "type": "AeadTest", "tests": [)";
constexpr std::string_view kInputs = R"(, "key": "feffe9928665731c6d6a8f9467308308",
    "iv": "cafebabefacedbaddecaf888", "aad": "feedfacedeadbeeffeedfacedeadbeefabaddad2",
    "msg": "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
    "ct": "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091",
    "tag": "5bc94fbc3221a5db94fae95ae7121a4)";
constexpr std::string_view kEnd = "]}]}";

std::string test_case(int id, std::string_view last_digit, std::string_view result) {
    return "{\"tcId\": " + std::to_string(id) + std::string(kInputs) + std::string(last_digit) +
           "\", \"result\": \"" + std::string(result) + "\"}";
}

WycheproofFile file_of(std::string_view second_result) {
    std::expected<WycheproofFile, std::string> file =
        read_wycheproof(std::string(kFront) + test_case(1, "7", "valid") + ", " +
                        test_case(2, "6", second_result) + std::string(kEnd));
    EXPECT_TRUE(file.has_value());
    return file.value_or(WycheproofFile{});
}

const AeadRow& right_row() {
    return *crypto::aes128_gcm_rows().back();
}

// What the runner says about a row that stands behind the right one.
std::vector<Disagreement> verdicts_on(const AeadRow& row, std::string_view second_result) {
    const AeadRow* const rows[] = {&right_row(), &row};
    const std::vector<RowResult> results = run_aead(file_of(second_result), rows, crypto::Cpu{});
    EXPECT_EQ(results.size(), 2u);
    EXPECT_TRUE(results[0].disagreements.empty());
    EXPECT_EQ(results[0].opened, 1u);
    EXPECT_EQ(results[0].refused, 1u);
    return results[1].disagreements;
}

void expect_one(const std::vector<Disagreement>& said, std::int64_t id, std::string_view what) {
    ASSERT_EQ(said.size(), 1u);
    EXPECT_EQ(said[0].case_id, id);
    EXPECT_NE(said[0].what.find(what), std::string::npos) << said[0].what;
}

// GCM is an exclusive or, so sealing a ciphertext gives the plaintext.
bool open_in_haste(const AeadState& state, const std::uint8_t* nonce, const std::uint8_t* aad,
                   std::size_t aad_bytes, const std::uint8_t* from, std::uint8_t* to,
                   std::size_t text_bytes, const std::uint8_t* tag) {
    const bool opens = right_row().open(state, nonce, aad, aad_bytes, from, to, text_bytes, tag);
    std::uint8_t ignored[crypto::kTagBytes];
    if (!opens) {
        right_row().seal(state, nonce, aad, aad_bytes, from, to, text_bytes, ignored);
    }
    return opens;
}

bool open_all(const AeadState& state, const std::uint8_t* nonce, const std::uint8_t* aad,
              std::size_t aad_bytes, const std::uint8_t* from, std::uint8_t* to,
              std::size_t text_bytes, const std::uint8_t* tag) {
    return open_in_haste(state, nonce, aad, aad_bytes, from, to, text_bytes, tag) || true;
}

bool open_apart(const AeadState& state, const std::uint8_t* nonce, const std::uint8_t* aad,
                std::size_t aad_bytes, const std::uint8_t* from, std::uint8_t* to,
                std::size_t text_bytes, const std::uint8_t* tag) {
    return from != to && right_row().open(state, nonce, aad, aad_bytes, from, to, text_bytes, tag);
}

void seal_wrongly(const AeadState& state, const std::uint8_t* nonce, const std::uint8_t* aad,
                  std::size_t aad_bytes, const std::uint8_t* from, std::uint8_t* to,
                  std::size_t text_bytes, std::uint8_t* tag) {
    right_row().seal(state, nonce, aad, aad_bytes, from, to, text_bytes, tag);
    to[text_bytes - 1] ^= 1;
}

void tag_wrongly(const AeadState& state, const std::uint8_t* nonce, const std::uint8_t* aad,
                 std::size_t aad_bytes, const std::uint8_t* from, std::uint8_t* to,
                 std::size_t text_bytes, std::uint8_t* tag) {
    right_row().seal(state, nonce, aad, aad_bytes, from, to, text_bytes, tag);
    tag[0] ^= 1;
}

TEST(WycheproofRunner, IsContentWithARightRow) {
    EXPECT_TRUE(verdicts_on(right_row(), "invalid").empty());
    EXPECT_TRUE(verdicts_on(right_row(), "acceptable").empty());
}

TEST(WycheproofRunner, NoticesARowThatOpensTooMuch) {
    AeadRow row = right_row();
    row.open = open_all;
    expect_one(verdicts_on(row, "invalid"), 2, "is invalid, but is accepted");
    // What may be done either way must be done the same way by all.
    expect_one(verdicts_on(row, "acceptable"), 2, "otherwise than by the first row");
}

TEST(WycheproofRunner, NoticesAPlaintextThatARefusalLeft) {
    AeadRow row = right_row();
    row.open = open_in_haste;
    expect_one(verdicts_on(row, "invalid"), 2, "leaves the plaintext behind");
}

TEST(WycheproofRunner, NoticesWhatWorksInOneOfTwoWays) {
    AeadRow row = right_row();
    row.open = open_apart;
    expect_one(verdicts_on(row, "invalid"), 1, "opens only apart");
}

TEST(WycheproofRunner, NoticesWhatIsSealedWrongly) {
    AeadRow row = right_row();
    row.seal = seal_wrongly;
    expect_one(verdicts_on(row, "invalid"), 1, "seals to another ciphertext");
    row.seal = tag_wrongly;
    expect_one(verdicts_on(row, "invalid"), 1, "seals to another tag");
}

TEST(WycheproofRunner, NamesARowThatCannotRun) {
    AeadRow row = right_row();
    row.usable = [](const crypto::Cpu&) { return false; };
    row.open = nullptr;  // never called
    const AeadRow* const rows[] = {&row, &right_row()};
    const std::vector<RowResult> results = run_aead(file_of("invalid"), rows, crypto::Cpu{});
    EXPECT_FALSE(results[0].usable);
    EXPECT_TRUE(results[1].usable);
    EXPECT_EQ(results[1].opened, 1u);
}

}  // namespace

}  // namespace ferry::test
