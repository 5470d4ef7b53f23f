// The instructions themselves. They are written as numbers, so that this file needs no instruction
// flags: the assembler's names would ask for the machine that has them.
#include "crypto/s390x/cpacf.h"

#include <bit>

namespace ferry::crypto::s390x {

namespace {

// An even register and the odd one behind it: an address, and a length or nothing.
using Pair = unsigned __int128;

Pair pair_of(const std::uint8_t* address, std::uint64_t bytes) {
    return Pair{std::bit_cast<std::uint64_t>(address)} << 64 | bytes;
}

template <class Pointer>
Pointer address_in(Pair pair) {
    return std::bit_cast<Pointer>(static_cast<std::uint64_t>(pair >> 64));
}

std::uint64_t length_in(Pair pair) {
    return static_cast<std::uint64_t>(pair);
}

Condition condition_of(std::uint64_t scratch) {
    return static_cast<Condition>(static_cast<std::uint32_t>(scratch));
}

// An instruction with two operands, of the format RRE. `opcode` is its first half; the operands
// must not be in the registers 0 and 1, which the clobbers prevent. IPM puts the condition code
// under the upper two bits of the low word.
template <std::uint32_t opcode>
Condition execute(Registers& r) {
    std::uint64_t function = r.function;
    std::uint64_t scratch = std::bit_cast<std::uint64_t>(r.parameters);
    Pair to = pair_of(r.to, 0);
    Pair from = pair_of(r.from, r.from_bytes);
    asm volatile(
        "lgr 0, %[function]\n\t"
        "lgr 1, %[scratch]\n\t"
        ".insn rre, %[opcode] << 16, %[to], %[from]\n\t"
        "lgr %[function], 0\n\t"
        "ipm %[scratch]\n\t"
        "srl %[scratch], 28"
        : [function] "+&d"(function), [scratch] "+&d"(scratch), [to] "+&d"(to), [from] "+&d"(from)
        : [opcode] "i"(opcode)
        : "cc", "memory", "0", "1");
    r.function = function;
    r.to = address_in<std::uint8_t*>(to);
    r.from = address_in<const std::uint8_t*>(from);
    r.from_bytes = length_in(from);
    return condition_of(scratch);
}

}  // namespace

Condition km(Registers& registers) {
    return execute<0xb92e>(registers);
}

Condition kmf(Registers& registers) {
    return execute<0xb92a>(registers);
}

// KIMD has one operand and ignores the first.
Condition kimd(Registers& registers) {
    return execute<0xb93e>(registers);
}

// The format RRF, with a third operand.
Condition kma(Registers& r) {
    std::uint64_t function = r.function;
    std::uint64_t scratch = std::bit_cast<std::uint64_t>(r.parameters);
    Pair to = pair_of(r.to, 0);
    Pair from = pair_of(r.from, r.from_bytes);
    Pair aad = pair_of(r.aad, r.aad_bytes);
    asm volatile(
        "lgr 0, %[function]\n\t"
        "lgr 1, %[scratch]\n\t"
        ".insn rrf, 0xb929 << 16, %[to], %[from], %[aad], 0\n\t"
        "lgr %[function], 0\n\t"
        "ipm %[scratch]\n\t"
        "srl %[scratch], 28"
        : [function] "+&d"(function), [scratch] "+&d"(scratch), [to] "+&d"(to), [from] "+&d"(from),
          [aad] "+&d"(aad)
        :
        : "cc", "memory", "0", "1");
    r.function = function;
    r.to = address_in<std::uint8_t*>(to);
    r.from = address_in<const std::uint8_t*>(from);
    r.from_bytes = length_in(from);
    r.aad = address_in<const std::uint8_t*>(aad);
    r.aad_bytes = length_in(aad);
    return condition_of(scratch);
}

// STFLE stores as many doublewords as register 0 says, less one; bit 0 is the leftmost of the
// first.
bool has_facility(std::size_t facility) {
    constexpr std::size_t kDoublewords = 4;
    std::uint64_t list[kDoublewords] = {};
    asm volatile(
        "lghi 0, %[last]\n\t"
        ".insn s, 0xb2b0 << 16, %[list]"
        : [list] "+Q"(list)
        : [last] "i"(kDoublewords - 1)
        : "cc", "0");
    return facility < 64 * kDoublewords && (list[facility / 64] >> (63 - facility % 64) & 1) != 0;
}

}  // namespace ferry::crypto::s390x
