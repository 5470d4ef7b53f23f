#include "crypto/portable/trial_checksum.h"

#include <cstddef>

namespace ferry::crypto::portable {

// The register is a ring: bit i of the sum is word (start + i) mod 32, and a shift moves the start.
std::uint64_t wrong_checksums(const TrialPlain& plain) noexcept {
    constexpr std::uint32_t kPolynomial = 0xedb88320;  // 0x04c11db7, lowest bit first
    std::uint64_t ring[32];
    for (std::uint64_t& word : ring) {
        word = ~std::uint64_t{0};
    }
    std::size_t start = 0;
    for (std::size_t bit = 0; bit < 96; ++bit) {
        const std::uint64_t out = ring[start] ^ plain[bit / 8][bit % 8];
        ring[start] = 0;
        start = (start + 1) % 32;
        for (std::size_t i = 0; i < 32; ++i) {
            if (kPolynomial >> i & 1) {
                ring[(start + i) % 32] ^= out;
            }
        }
    }

    std::uint64_t wrong = 0;
    for (std::size_t i = 0; i < 32; ++i) {
        const std::uint64_t sum = ~ring[(start + i) % 32];
        wrong |= sum ^ plain[15 - i / 8][i % 8];  // stored highest byte first
    }
    return wrong;
}

}  // namespace ferry::crypto::portable
