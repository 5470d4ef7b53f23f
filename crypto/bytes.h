// Views of bytes, big- and little-endian loads and stores, constant-time equality, wiping.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace ferry {

using ByteView = std::span<const std::uint8_t>;
using ByteSpan = std::span<std::uint8_t>;

}  // namespace ferry

namespace ferry::crypto {

template <std::unsigned_integral T>
T load_be(const std::uint8_t* from) noexcept {
    T value;
    std::memcpy(&value, from, sizeof value);
    return std::endian::native == std::endian::big ? value : std::byteswap(value);
}

template <std::unsigned_integral T>
T load_le(const std::uint8_t* from) noexcept {
    T value;
    std::memcpy(&value, from, sizeof value);
    return std::endian::native == std::endian::little ? value : std::byteswap(value);
}

template <std::unsigned_integral T>
void store_be(std::uint8_t* to, T value) noexcept {
    if constexpr (std::endian::native == std::endian::little) {
        value = std::byteswap(value);
    }
    std::memcpy(to, &value, sizeof value);
}

template <std::unsigned_integral T>
void store_le(std::uint8_t* to, T value) noexcept {
    if constexpr (std::endian::native == std::endian::big) {
        value = std::byteswap(value);
    }
    std::memcpy(to, &value, sizeof value);
}

// Are two byte strings of equal length the same? The time does not tell where they differ.
[[nodiscard]] bool equal(const std::uint8_t* a, const std::uint8_t* b, std::size_t bytes) noexcept;

// Overwrites memory that held a secret, in a way that no compiler leaves out.
void wipe(void* memory, std::size_t bytes) noexcept;

}  // namespace ferry::crypto
