// What pieces of memory are: told from what stands at their front and the program's own symbols.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "tests/core/allocations.h"

namespace ferry::test {

// Pieces that are of one kind.
struct Kind {
    std::size_t count = 0;
    std::size_t taken_bytes = 0;
};

// The functions and the tables of virtual functions of this program, by address.
class Symbols {
public:
    // Empty if the program was stripped of its symbols, or is none that this can read.
    Symbols();

    bool empty() const noexcept { return names_.empty(); }

    // A frame begins with two functions, an object of a class with virtual functions with their
    // table.
    //
    //   gives  "frame of core::pump" or the name of the class, without "ferry"; "key" for that of an
    //          AEAD, which is known by its size and alignment; "other" for
    //          whatever else there is
    std::string kind_of(const Piece& piece) const;

private:
    // The symbol that covers an address, or nothing.
    const std::string* at(std::uintptr_t address) const;

    struct Range {
        std::uintptr_t bytes;
        std::string name;
    };
    std::map<std::uintptr_t, Range> names_;
};

using Census = std::map<std::string, Kind>;

Census census_of(const Symbols& symbols, std::span<const Piece> pieces);

}  // namespace ferry::test
