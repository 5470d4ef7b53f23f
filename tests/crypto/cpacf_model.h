// A machine with message-security assist, in software: what crypto/s390x/cpacf.h declares.
//
// Written from the Principles of Operation (SA22-7832, chapter 7) and the standards of the ciphers,
// apart from the rows it serves and from crypto/portable. It works on bytes at offsets, so it is
// right for either byte order. What a processor answers with a specification or an operation
// exception ends the process here, and so does what it would let pass but no row should do.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "crypto/s390x/cpacf.h"

namespace ferry::test::cpacf {

// What a query stores: bit n, from the left, is function n.
using Functions = std::array<std::uint8_t, 16>;

// One step of work is a block of a cipher or a hash, the making of a hash key or of a tag.
struct Machine {
    std::array<bool, 256> facilities{};
    Functions km{};
    Functions kmf{};
    Functions kma{};
    Functions kimd{};
    // How many steps an execution does before it stops with condition code 3; one after the other,
    // and over again. If empty, all that there is.
    std::vector<std::size_t> patience;

    // What happened so far.
    std::uint64_t executions = 0;
    std::uint64_t partial_ones = 0;
};

// The machine of this program. At first it has everything that the rows use, and stops often.
Machine& machine();

// That machine as it was at first.
Machine machine_at_first();

void offer(Functions& functions, std::size_t function);
void hide(Functions& functions, std::size_t function);

}  // namespace ferry::test::cpacf
