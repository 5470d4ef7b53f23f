// What each set of rows needs of the machine: exactly the instruction flags that its files get in
// crypto/meson.build.
#include "crypto/cpu.h"
#include "crypto/kernel.h"

namespace ferry::crypto::amd64 {

bool has_aes_ni(const Cpu& cpu) {
    return cpu.aesni && cpu.pclmul && cpu.ssse3 && cpu.sse41;
}

bool has_vaes256(const Cpu& cpu) {
    return has_aes_ni(cpu) && cpu.vaes && cpu.vpclmul && cpu.avx2;
}

bool has_vaes512(const Cpu& cpu) {
    return has_vaes256(cpu) && cpu.avx512 && cpu.bmi2;
}

bool has_avx2(const Cpu& cpu) {
    return cpu.avx2 && cpu.bmi2;
}

bool has_avx512(const Cpu& cpu) {
    return has_avx2(cpu) && cpu.avx512;
}

bool has_avx512_ifma(const Cpu& cpu) {
    return has_avx512(cpu) && cpu.avx512_ifma;
}

bool has_sha_ni(const Cpu& cpu) {
    return cpu.sha_ni && cpu.ssse3 && cpu.sse41;
}

}  // namespace ferry::crypto::amd64
