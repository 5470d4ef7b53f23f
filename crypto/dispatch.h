// Dispatch: the chosen row of every primitive.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "crypto/aead.h"
#include "crypto/block.h"
#include "crypto/cpu.h"
#include "crypto/hash.h"
#include "crypto/trial.h"
#include "crypto/xof.h"

namespace ferry::crypto {

// The chosen row of every primitive. Made once in main() and handed down; there is no global.
struct Dispatch {
    const AeadRow* aes128_gcm;
    const AeadRow* chacha20_poly1305;
    const HashRow* sha256;
    const XofRow* shake128;
    const BlockRow* aes128;
    const TrialRow* aes128_trial;
};

// What became of one row when the choice was made.
struct RowReport {
    std::string_view primitive;
    std::string_view name;
    bool forbidden;
    bool usable;
    bool passed;  // its known-answer test; false if not usable
    bool chosen;
};

// Takes the first row that is usable, not forbidden, and passes its known-answer test on this
// machine. A row that is usable and fails is reported and skipped: a wrong instruction must not
// become a wrong cipher. Portable rows cannot be forbidden.
//
//   forbidden  names, or beginnings of names that end in '*', separated by commas
//   report     if given, receives one entry per row of the build
Dispatch choose(const Cpu& cpu, std::string_view forbidden = {},
                std::vector<RowReport>* report = nullptr);

}  // namespace ferry::crypto
