#include "crypto/cpu.h"

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__) || defined(__s390x__)
#include <sys/auxv.h>
#endif

namespace ferry::crypto {

#if defined(__x86_64__)

namespace {

struct Registers {
    unsigned a = 0;
    unsigned b = 0;
    unsigned c = 0;
    unsigned d = 0;
};

// All zero if this machine does not know the leaf.
Registers cpuid(unsigned leaf) noexcept {
    Registers r;
    __get_cpuid_count(leaf, 0, &r.a, &r.b, &r.c, &r.d);
    return r;
}

// The register sets that the operating system saves. The intrinsic would need an instruction flag
// for the whole file.
unsigned saved_registers() noexcept {
    unsigned low = 0;
    unsigned high = 0;
    asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

bool has(unsigned bits, unsigned wanted) noexcept {
    return (bits & wanted) == wanted;
}

}  // namespace

// Intel's manual, volume 2, CPUID, leaves 1 and 7; volume 1, 13.2, for the bits of XCR0.
Cpu detect() noexcept {
    constexpr unsigned kYmmSaved = 1u << 1 | 1u << 2;
    constexpr unsigned kZmmSaved = kYmmSaved | 1u << 5 | 1u << 6 | 1u << 7;

    const Registers basic = cpuid(1);
    const Registers extended = cpuid(7);
    const unsigned saved = has(basic.c, bit_OSXSAVE) ? saved_registers() : 0;
    const bool ymm = has(saved, kYmmSaved) && has(basic.c, bit_AVX);
    const bool zmm = ymm && has(saved, kZmmSaved);

    Cpu cpu;
    cpu.aesni = has(basic.c, bit_AES);
    cpu.pclmul = has(basic.c, bit_PCLMUL);
    cpu.ssse3 = has(basic.c, bit_SSSE3);
    cpu.sse41 = has(basic.c, bit_SSE4_1);
    cpu.bmi2 = has(extended.b, bit_BMI2);
    cpu.sha_ni = has(extended.b, bit_SHA);
    cpu.avx2 = ymm && has(extended.b, bit_AVX2);
    cpu.vaes = ymm && has(extended.c, bit_VAES);
    cpu.vpclmul = ymm && has(extended.c, bit_VPCLMULQDQ);
    cpu.avx512 = zmm && has(extended.b, bit_AVX512F | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL);
    cpu.avx512_ifma = cpu.avx512 && has(extended.b, bit_AVX512IFMA);
    cpu.avx512_vbmi = cpu.avx512 && has(extended.c, bit_AVX512VBMI);
    return cpu;
}

#elif defined(__aarch64__)

Cpu detect() noexcept {
    const unsigned long has = getauxval(AT_HWCAP);
    Cpu cpu;
    cpu.neon_aes = (has & HWCAP_AES) != 0;
    cpu.neon_pmull = (has & HWCAP_PMULL) != 0;
    cpu.neon_sha2 = (has & HWCAP_SHA2) != 0;
    cpu.neon_sha3 = (has & HWCAP_SHA3) != 0;
    return cpu;
}

#elif defined(__s390x__)

Cpu detect() noexcept {
    const unsigned long has = getauxval(AT_HWCAP);
    Cpu cpu;
    cpu.cpacf = (has & HWCAP_S390_MSA) != 0;
    cpu.vector_facility = (has & HWCAP_S390_VX) != 0;
    return cpu;
}

#else

Cpu detect() noexcept {
    return {};
}

#endif

}  // namespace ferry::crypto
