// Poly1305 as the AEAD of RFC 8439 uses it: over whole blocks of 16 bytes.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ferry::crypto::portable {

// One tag under one key. Wiped when destroyed.
class Poly1305 {
public:
    explicit Poly1305(const std::uint8_t* key) noexcept;  // 32 bytes, used once
    Poly1305(const Poly1305&) = delete;
    Poly1305& operator=(const Poly1305&) = delete;
    ~Poly1305();

    // Adds a piece, filled up with zeros to whole blocks.
    void absorb_padded(const std::uint8_t* from, std::size_t bytes) noexcept;
    void finish(std::uint8_t* tag) noexcept;  // 16 bytes

private:
    void absorb(const std::uint8_t* from, std::size_t blocks) noexcept;

    std::uint64_t r_[2];
    std::uint64_t s_[2];
    std::uint64_t sum_[3] = {};  // below 2^130 and a little, lowest word first
};

}  // namespace ferry::crypto::portable
