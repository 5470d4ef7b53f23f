// What each set of rows needs of the machine: the instruction flags that its files get in
// crypto/meson.build. What ARMv8.1 and 8.2 add besides stays unused, since there are neither
// atomics nor checksums in a kernel; and machines with SHA-3's instructions have it anyway.
#include "crypto/cpu.h"
#include "crypto/kernel.h"

namespace ferry::crypto::arm64 {

// Linux for ARM64 does not run without it.
bool has_neon(const Cpu&) {
    return true;
}

bool has_crypto(const Cpu& cpu) {
    return cpu.neon_aes && cpu.neon_pmull && cpu.neon_sha2;
}

bool has_sha3(const Cpu& cpu) {
    return has_crypto(cpu) && cpu.neon_sha3;
}

}  // namespace ferry::crypto::arm64
