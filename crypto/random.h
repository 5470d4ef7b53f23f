// Random: one generator per core, seeded from the system.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "crypto/bytes.h"

namespace ferry::crypto {

// A ChaCha20 generator with fast key erasure: what it gave cannot be computed from what it holds.
//
//   thread  one core only
//   cost    one pass of ChaCha20 per 1 KiB handed out; no system call after construction
class Random {
public:
    explicit Random(std::span<const std::uint8_t, 32> seed) noexcept;
    Random(const Random&) = delete;
    Random& operator=(const Random&) = delete;
    ~Random();

    void fill(ByteSpan to) noexcept;
    template <std::size_t N>
    std::array<std::uint8_t, N> bytes() noexcept {
        std::array<std::uint8_t, N> all;
        fill(all);
        return all;
    }
    std::uint64_t next() noexcept;
    // Uniform in [0, bound), without the bias of a remainder; bound > 0.
    std::uint64_t below(std::uint64_t bound) noexcept;

private:
    void refill() noexcept;
    std::array<std::uint8_t, 32> key_;
    std::array<std::uint8_t, 1024> pool_;
    std::uint32_t used_bytes_;
};

// Thirty-two bytes from the system; the process ends if it has none to give.
std::array<std::uint8_t, 32> system_seed();

}  // namespace ferry::crypto
