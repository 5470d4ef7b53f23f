// Whether this machine has what a row needs.
#pragma once

#include "crypto/cpu.h"

namespace ferry::crypto::s390x {

bool has_kma_aes128(const Cpu& cpu);
bool has_km_aes128(const Cpu& cpu);
bool has_km_and_kmf_aes128(const Cpu& cpu);
bool has_kimd_sha256(const Cpu& cpu);
bool has_kimd_shake128(const Cpu& cpu);
bool has_vector_facility(const Cpu& cpu);

}  // namespace ferry::crypto::s390x
