#include "crypto/bytes.h"

namespace ferry::crypto {

bool equal(const std::uint8_t* a, const std::uint8_t* b, std::size_t bytes) noexcept {
    std::uint8_t difference = 0;
    for (std::size_t index = 0; index < bytes; ++index) {
        // No early exit: the time must not tell where they differ.
        difference = static_cast<std::uint8_t>(difference | (a[index] ^ b[index]));
    }
    return difference == 0;
}

void wipe(void* memory, std::size_t bytes) noexcept {
    if (bytes == 0) {
        return;
    }
    std::memset(memory, 0, bytes);
    // The compiler must assume that this statement reads the memory, so the zeros have to be there.
    asm volatile("" : : "r"(memory) : "memory");
}

}  // namespace ferry::crypto
