// Which instructions this machine has; read once, at start.
#pragma once

namespace ferry::crypto {

// Instruction sets that some row may need. Fields of other architectures stay false.
struct Cpu {
    // AMD64. The vector fields are set only if the operating system saves the registers.
    bool aesni = false;
    bool pclmul = false;
    bool ssse3 = false;
    bool sse41 = false;
    bool avx2 = false;
    bool bmi2 = false;
    bool sha_ni = false;
    bool vaes = false;
    bool vpclmul = false;
    bool avx512 = false;  // F, BW, DQ and VL together
    bool avx512_ifma = false;
    bool avx512_vbmi = false;
    // ARM64
    bool neon_aes = false;
    bool neon_pmull = false;
    bool neon_sha2 = false;
    bool neon_sha3 = false;
    // S390x
    bool cpacf = false;  // the instructions exist; each row still queries its function codes
    bool vector_facility = false;
};

Cpu detect() noexcept;

}  // namespace ferry::crypto
