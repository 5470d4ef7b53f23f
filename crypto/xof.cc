#include "crypto/xof.h"

#include <cassert>

namespace ferry::crypto {

namespace {

constexpr std::size_t kLaneBytes = 8;

std::uint8_t byte_of(const std::array<std::uint64_t, 25>& lanes, std::size_t index) {
    // FIPS 202 numbers the bytes of a lane from its low end.
    return static_cast<std::uint8_t>(lanes[index / kLaneBytes] >> (8 * (index % kLaneBytes)));
}

}  // namespace

Shake128::Shake128(const XofRow& row, ByteView seed) noexcept : row_(&row), lanes_{} {
    assert(seed.size() < kShake128RateBytes);
    std::array<std::uint8_t, kShake128RateBytes> block{};
    if (!seed.empty()) {
        std::memcpy(block.data(), seed.data(), seed.size());
    }
    // The suffix 1111 of SHAKE and the first bit of the padding, then the last bit of the padding.
    block[seed.size()] = 0x1f;
    block[kShake128RateBytes - 1] |= 0x80;
    for (std::size_t lane = 0; lane < kShake128RateBytes / kLaneBytes; ++lane) {
        lanes_[lane] = load_le<std::uint64_t>(block.data() + kLaneBytes * lane);
    }
    wipe(block.data(), block.size());
    refill();
}

Shake128::~Shake128() {
    wipe(lanes_.data(), sizeof lanes_);
}

std::uint16_t Shake128::next_word() noexcept {
    std::array<std::uint8_t, 2> word;
    read(word);
    return load_be<std::uint16_t>(word.data());
}

void Shake128::read(ByteSpan to) noexcept {
    for (std::uint8_t& byte : to) {
        if (used_bytes_ == kShake128RateBytes) {
            refill();
        }
        byte = byte_of(lanes_, used_bytes_);
        ++used_bytes_;
    }
}

void Shake128::refill() noexcept {
    row_->permute(lanes_.data());
    used_bytes_ = 0;
}

}  // namespace ferry::crypto
