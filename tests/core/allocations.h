// How much memory a test program has allocated.
#pragma once

#include <cstddef>

namespace ferry::test {

// Bytes that are allocated now, with what the allocator adds to them, on all threads.
std::size_t allocated_bytes() noexcept;

}  // namespace ferry::test
