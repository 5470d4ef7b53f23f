#include "tests/core/allocations.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <new>

namespace ferry::test {
namespace {

std::atomic<std::size_t> allocated{0};

// What glibc takes for a piece: a word more, in units of 16 bytes, two at least.
std::size_t taken_bytes(std::size_t bytes) {
    return std::max<std::size_t>((bytes + sizeof(std::size_t) + 15) / 16 * 16, 32);
}

// In front of each piece, as far as its alignment asks for, stands its size.
std::size_t offset_of(std::align_val_t alignment) {
    return std::max<std::size_t>(static_cast<std::size_t>(alignment), 16);
}

void* allocate(std::size_t bytes, std::align_val_t alignment) {
    const std::size_t offset = offset_of(alignment);
    const std::size_t whole = (offset + bytes + offset - 1) / offset * offset;
    auto* memory = static_cast<unsigned char*>(std::aligned_alloc(offset, whole));
    if (memory == nullptr) {
        std::abort();
    }
    allocated += taken_bytes(bytes);
    std::memcpy(memory, &bytes, sizeof bytes);
    return memory + offset;
}

void give_back(void* memory, std::align_val_t alignment) noexcept {
    if (memory == nullptr) {
        return;
    }
    unsigned char* whole = static_cast<unsigned char*>(memory) - offset_of(alignment);
    std::size_t bytes = 0;
    std::memcpy(&bytes, whole, sizeof bytes);
    allocated -= taken_bytes(bytes);
    std::free(whole);
}

constexpr std::align_val_t kUsual{16};

}  // namespace

std::size_t allocated_bytes() noexcept {
    return allocated;
}

}  // namespace ferry::test

void* operator new(std::size_t bytes) {
    return ferry::test::allocate(bytes, ferry::test::kUsual);
}
void* operator new(std::size_t bytes, std::align_val_t alignment) {
    return ferry::test::allocate(bytes, alignment);
}
void* operator new[](std::size_t bytes) {
    return ferry::test::allocate(bytes, ferry::test::kUsual);
}
void operator delete(void* memory) noexcept {
    ferry::test::give_back(memory, ferry::test::kUsual);
}
void operator delete(void* memory, std::size_t) noexcept {
    ferry::test::give_back(memory, ferry::test::kUsual);
}
void operator delete(void* memory, std::align_val_t alignment) noexcept {
    ferry::test::give_back(memory, alignment);
}
void operator delete(void* memory, std::size_t, std::align_val_t alignment) noexcept {
    ferry::test::give_back(memory, alignment);
}
void operator delete[](void* memory) noexcept {
    ferry::test::give_back(memory, ferry::test::kUsual);
}
void operator delete[](void* memory, std::size_t) noexcept {
    ferry::test::give_back(memory, ferry::test::kUsual);
}
