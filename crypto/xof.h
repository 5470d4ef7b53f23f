// SHAKE128 as an endless stream of 16-bit words.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "crypto/bytes.h"

namespace ferry::crypto {

struct Cpu;

inline constexpr std::size_t kShake128RateBytes = 168;

// One implementation of the Keccak-f[1600] permutation, on 25 words in host order.
struct XofRow {
    const char* name;  // "shake128.portable"
    bool (*usable)(const Cpu& cpu);
    void (*permute)(std::uint64_t* lanes);
};

std::span<const XofRow* const> shake128_rows();

// The output of SHAKE128 over one seed, read forwards.
//
//   cost  one permutation per 168 bytes (84 words)
class Shake128 {
public:
    // `seed` is at most 167 bytes: one block with its padding.
    Shake128(const XofRow& row, ByteView seed) noexcept;
    ~Shake128();

    std::uint16_t next_word() noexcept;  // two bytes, big-endian
    void read(ByteSpan to) noexcept;

private:
    void refill() noexcept;
    const XofRow* row_;
    std::array<std::uint64_t, 25> lanes_;
    std::uint32_t used_bytes_ = 0;
};

}  // namespace ferry::crypto
