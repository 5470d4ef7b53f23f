// All that a kernel may see of the project.
//
// A kernel file is compiled for instructions that the machine may not have. It includes this, two
// headers of plain types and the intrinsics, calls no inline function that has external linkage
// (the linker might keep the kernel's copy for everyone), and defines one symbol: its row. These
// headers are here for the types they declare.
#pragma once

#include <cstddef>
#include <cstdint>

#include "crypto/aead.h"
#include "crypto/block.h"
#include "crypto/hash.h"
#include "crypto/trial.h"
#include "crypto/xof.h"

// Whether a machine can run a row. Asked before that is known, hence in a file without flags of its
// own.
namespace ferry::crypto::amd64 {

bool has_aes_ni(const Cpu& cpu);
bool has_vaes256(const Cpu& cpu);
bool has_vaes512(const Cpu& cpu);
bool has_avx2(const Cpu& cpu);
bool has_avx512(const Cpu& cpu);
bool has_avx512_ifma(const Cpu& cpu);
bool has_sha_ni(const Cpu& cpu);

}  // namespace ferry::crypto::amd64

namespace ferry::crypto::arm64 {

bool has_neon(const Cpu& cpu);
bool has_crypto(const Cpu& cpu);
bool has_sha3(const Cpu& cpu);

}  // namespace ferry::crypto::arm64
