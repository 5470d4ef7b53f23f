// What each row needs of the machine. The operating system says whether there is any
// message-security assist; the facility list, which of its instructions; their queries, which
// functions. A hypervisor may hide any of these.
#include "crypto/s390x/usable.h"

#include "crypto/s390x/cpacf.h"

namespace ferry::crypto::s390x {

namespace {

bool has(const Cpu& cpu, std::size_t facility, Instruction instruction, std::uint64_t function) {
    if (!cpu.cpacf || !has_facility(facility)) {
        return false;
    }
    alignas(16) std::uint8_t functions[16] = {};
    complete(instruction, {.function = kQuery, .parameters = functions});
    return (functions[function / 8] >> (7 - function % 8) & 1) != 0;
}

}  // namespace

bool has_kma_aes128(const Cpu& cpu) {
    return has(cpu, kMsa8Facility, kma, kAes128);
}

bool has_km_aes128(const Cpu& cpu) {
    return has(cpu, kMsaFacility, km, kAes128);
}

bool has_km_and_kmf_aes128(const Cpu& cpu) {
    return has_km_aes128(cpu) && has(cpu, kMsa4Facility, kmf, kAes128);
}

bool has_kimd_sha256(const Cpu& cpu) {
    return has(cpu, kMsaFacility, kimd, kSha256);
}

bool has_kimd_shake128(const Cpu& cpu) {
    return has(cpu, kMsaFacility, kimd, kShake128);
}

// The vector facility of the z13: exactly the instruction flags that the files get in
// crypto/meson.build.
bool has_vector_facility(const Cpu& cpu) {
    return cpu.vector_facility;
}

}  // namespace ferry::crypto::s390x
