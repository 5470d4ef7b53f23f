// CRC-32 and FNV-1a: checksums, not hashes. Both are portable only and short.
#include "crypto/hash.h"

namespace ferry::crypto {

std::uint32_t crc32(ByteView message) noexcept {
    // Bit by bit, without a table: the only messages are twelve bytes that a key has just opened.
    constexpr std::uint32_t kPolynomial = 0xedb88320;  // 0x04c11db7, lowest bit first
    std::uint32_t sum = ~std::uint32_t{0};
    for (const std::uint8_t byte : message) {
        sum ^= byte;
        for (int bit = 0; bit < 8; ++bit) {
            sum = (sum >> 1) ^ (kPolynomial & (0 - (sum & 1)));
        }
    }
    return ~sum;
}

std::uint32_t fnv1a(ByteView message, std::uint32_t from) noexcept {
    constexpr std::uint32_t kPrime = 0x01000193;
    std::uint32_t sum = from;
    for (const std::uint8_t byte : message) {
        sum = (sum ^ byte) * kPrime;
    }
    return sum;
}

}  // namespace ferry::crypto
