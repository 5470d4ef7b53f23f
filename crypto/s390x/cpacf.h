// The instructions of z/Architecture's message-security assist, as functions.
//
// One call is one execution. The processor may stop early, with condition code 3, after as much as
// it likes, also after nothing; the registers and the parameter block then say where to go on, and
// complete() does. There are two implementations of what is declared here: cpacf.cc executes the
// instructions, tests/crypto/cpacf_model.cc computes what they do, so that the rows can be tested
// on any machine.
//
//   source  z/Architecture Principles of Operation, SA22-7832, edition 12, chapter 7: CIPHER
//           MESSAGE (KM), CIPHER MESSAGE WITH AUTHENTICATION (KMA), CIPHER MESSAGE WITH CIPHER
//           FEEDBACK (KMF), COMPUTE INTERMEDIATE MESSAGE DIGEST (KIMD); STORE FACILITY LIST
//           EXTENDED in the same chapter and the list of facilities in chapter 4
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>

namespace ferry::crypto::s390x {

// Function codes, in the low seven bits of general register 0. Code 0 is the query of every
// instruction: it stores 16 bytes whose bit n, from the left, tells whether function n exists.
inline constexpr std::uint64_t kQuery = 0;
inline constexpr std::uint64_t kAes128 = 18;  // of KM, KMF and, in GCM, KMA
inline constexpr std::uint64_t kSha256 = 2;   // of KIMD
inline constexpr std::uint64_t kShake128 = 36;

// Modifiers, in the bits above.
inline constexpr std::uint64_t kDecrypt = 0x80;        // KM, KMF, KMA: bit 56
inline constexpr std::uint64_t kLastText = 0x100;      // KMA, LPC: the tag is due after this text
inline constexpr std::uint64_t kLastAad = 0x200;       // KMA, LAAD: no more data after this
inline constexpr std::uint64_t kHashKeyGiven = 0x400;  // KMA, HS: else KMA computes it and sets HS
inline constexpr std::uint64_t kFeedback128 = 16 << 24;  // KMF, LCFB: a feedback of 16 bytes

// Facilities: an instruction whose facility is absent must not be executed, not even to query it.
inline constexpr std::size_t kMsaFacility = 17;    // KM, KIMD
inline constexpr std::size_t kMsa4Facility = 77;   // KMF
inline constexpr std::size_t kMsa8Facility = 146;  // KMA

// Parameter block of KM-AES-128: the key. It is read only.
inline constexpr std::size_t kKmBytes = 16;

// Parameter block of KMF-AES-128.
struct alignas(16) KmfBlock {
    std::uint8_t chain[16];  // the last block of ciphertext, first the IV; replaced
    std::uint8_t key[16];
};
static_assert(sizeof(KmfBlock) == 32);

// Parameter block of KMA-GCM-AES-128. All numbers are big-endian, the totals are in bits and are
// read when the tag is made.
struct alignas(16) KmaBlock {
    std::uint8_t reserved[12];
    std::uint8_t counter[4];  // the low word of the last counter block used; replaced
    std::uint8_t tag[16];     // zero at first, GHASH so far, and at last the tag
    std::uint8_t hash_key[16];
    std::uint8_t aad_bits[8];
    std::uint8_t text_bits[8];
    std::uint8_t first_counter[16];  // J0 of NIST SP 800-38D
    std::uint8_t key[16];
};
static_assert(sizeof(KmaBlock) == 96);

// Parameter block of KIMD-SHA-256: the eight words of the hash, big-endian; replaced.
struct alignas(16) Sha256Block {
    std::uint8_t words[32];
};

// Parameter block of KIMD-SHAKE-128: the state as FIPS 202 writes it as a string of bytes, which
// means every lane with its low byte first; replaced.
struct alignas(16) Shake128Block {
    std::uint8_t lanes[200];
};

// The general registers that an instruction uses; it moves the addresses on and counts down.
struct Registers {
    std::uint64_t function;              // register 0: function code and modifiers
    void* parameters;                    // register 1
    std::uint8_t* to = nullptr;          // first operand: the output of ciphers
    const std::uint8_t* from = nullptr;  // second operand: text or message
    std::uint64_t from_bytes = 0;
    const std::uint8_t* aad = nullptr;  // third operand, of KMA alone
    std::uint64_t aad_bytes = 0;
};

// The condition code.
enum class Condition : std::uint8_t { normal, mismatch, incomplete, partial };

using Instruction = Condition (*)(Registers& registers);

Condition km(Registers& registers);
Condition kmf(Registers& registers);
Condition kma(Registers& registers);
Condition kimd(Registers& registers);

// Is the bit of the facility list set? Only on a machine that has some message-security assist.
bool has_facility(std::size_t facility);

// Executes until all is done. The processor sees to it that this ends: it does not stop without
// progress for ever.
inline void complete(Instruction instruction, Registers registers) {
    Condition condition = Condition::partial;
    while (condition == Condition::partial) {
        condition = instruction(registers);
    }
    // The other conditions are of encrypted keys and of lengths that no row uses.
    assert(condition == Condition::normal);
}

}  // namespace ferry::crypto::s390x
