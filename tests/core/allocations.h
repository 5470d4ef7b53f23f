// How much memory a test program has allocated, and in which pieces.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace ferry::test {

// Bytes that are allocated now, with what the allocator adds to them, on all threads.
std::size_t allocated_bytes() noexcept;

// One piece that is allocated.
struct Piece {
    const void* at;
    std::size_t bytes;        // as they were asked for
    std::size_t alignment;    // likewise
    std::size_t taken_bytes;  // with what the allocator adds
};

// How many pieces have ever been allocated: a point in time.
std::uint64_t allocations_so_far() noexcept;

// The pieces that came into being after that point and are still there; those that this call itself
// needs are not among them.
std::vector<Piece> pieces_since(std::uint64_t point);

}  // namespace ferry::test
