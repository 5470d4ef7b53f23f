// The stream of paddings and masks that hides chunk lengths.
#pragma once

#include <cstdint>
#include <optional>

#include "crypto/xof.h"
#include "proto/vmess/limits.h"

namespace ferry::proto::vmess {

// What hides the length of one chunk.
struct Veil {
    std::uint16_t padding_bytes = 0;
    std::uint16_t mask = 0;  // XORed over the plain length
};

enum class Padding : std::uint8_t { off, on };
enum class Mask : std::uint8_t { off, on };

// The words of one direction, chunk by chunk. Both ends draw them in the same order, once per
// chunk, the last one included: one word too many or too few makes the rest of the stream
// unreadable.
class SizeMask {
public:
    // `iv` is the direction's; nothing is computed from it if there is nothing to draw.
    SizeMask(const crypto::XofRow& shake, std::span<const std::uint8_t, kIvBytes> iv,
             Padding padding, Mask mask) noexcept;

    // The next chunk's: first its padding, then its mask.
    Veil next() noexcept;

private:
    Padding padding_;
    Mask mask_;
    std::optional<crypto::Shake128> words_;
};

}  // namespace ferry::proto::vmess
