// Runs rows over the cases of a Wycheproof file.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "crypto/aead.h"
#include "crypto/hash.h"
#include "tests/crypto/wycheproof_file.h"

namespace ferry::test {

// A case of which a row says something else than the file, or than the rows before it.
struct Disagreement {
    std::int64_t case_id;
    std::string row;
    std::string what;
};

struct RowResult {
    std::string row;
    bool usable;  // on this machine; the rest is empty if not
    std::size_t opened;
    std::size_t refused;
    std::vector<Disagreement> disagreements;
};

// Every row that `cpu` can run, over every case, in place and apart. Of acceptable cases, the rows
// must say what the first one that runs says.
std::vector<RowResult> run_aead(const WycheproofFile& file,
                                std::span<const crypto::AeadRow* const> rows,
                                const crypto::Cpu& cpu);
std::vector<RowResult> run_hmac(const WycheproofFile& file,
                                std::span<const crypto::HashRow* const> rows,
                                const crypto::Cpu& cpu);

}  // namespace ferry::test
