// Key stream onto text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace ferry::crypto::portable {

// to = from ^ stream; `from` and `to` are equal or do not overlap. In words, because compilers do
// not see that bytes may be done several at a time when the two are equal.
inline void xor_bytes(std::uint8_t* to, const std::uint8_t* from, const std::uint8_t* stream,
                      std::size_t bytes) {
    std::size_t at = 0;
    for (; at + 8 <= bytes; at += 8) {
        std::uint64_t word;
        std::uint64_t mask;
        std::memcpy(&word, from + at, 8);
        std::memcpy(&mask, stream + at, 8);
        word ^= mask;
        std::memcpy(to + at, &word, 8);
    }
    for (; at < bytes; ++at) {
        to[at] = from[at] ^ stream[at];
    }
}

}  // namespace ferry::crypto::portable
