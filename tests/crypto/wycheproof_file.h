// Files in the format of Project Wycheproof: test vectors for AEADs and MACs, with mistakes of
// known kinds among them.
#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tests/vectors_json.h"

namespace ferry::test {

enum class Primitive : std::uint8_t { aes128_gcm, chacha20_poly1305, hmac_sha256 };

// What the file says about a case. `acceptable`: an implementation may do either.
enum class Verdict : std::uint8_t { valid, invalid, acceptable };

struct WycheproofCase {
    std::int64_t id = 0;
    Verdict verdict = Verdict::valid;
    Bytes key;
    Bytes nonce;  // AEADs only, like aad and sealed
    Bytes aad;
    Bytes text;
    Bytes sealed;
    Bytes tag;
    std::size_t tag_bytes = 0;  // what the group of the case says
};

// One file, without the groups whose sizes no row here takes.
struct WycheproofFile {
    std::string algorithm;
    Primitive primitive = Primitive::aes128_gcm;
    std::vector<WycheproofCase> cases;
    std::map<std::string, std::size_t> skipped;  // why, and how many cases
    std::int64_t cases_promised = -1;            // numberOfTests; -1 if the file does not say

    std::size_t cases_skipped() const;
    std::size_t count(Verdict verdict) const;
};

// Reads the text of a file. Fields that the format does not name are passed over.
//
//   errors  what is wrong, and where: "testGroups[2].tests[0] (tcId 7): key is not hex"
std::expected<WycheproofFile, std::string> read_wycheproof(std::string_view text);

}  // namespace ferry::test
