#include "crypto/hash.h"

#include <algorithm>
#include <cassert>

namespace ferry::crypto {

namespace {

// FIPS 180-4, 5.3.3: the fractions of the square roots of the first eight primes.
constexpr Sha256State kStart = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

constexpr std::size_t kLengthBytes = 8;

// A key as HMAC wants it: exactly one block, then masked with a byte that differs inside and
// outside.
using Pad = std::array<std::uint8_t, kHashBlockBytes>;

constexpr std::uint8_t kInside = 0x36;
constexpr std::uint8_t kOutside = 0x5c;

Pad masked(const Pad& key, std::uint8_t mask) {
    Pad pad;
    std::ranges::transform(key, pad.begin(), [mask](std::uint8_t byte) {
        return static_cast<std::uint8_t>(byte ^ mask);
    });
    return pad;
}

}  // namespace

void compress_two(const HashRow& row, Sha256State* states, const std::uint8_t* blocks) noexcept {
    if (row.compress_two != nullptr) {
        row.compress_two(states[0].data(), blocks);
        return;
    }
    row.compress(states[0].data(), blocks, 1);
    row.compress(states[1].data(), blocks + kHashBlockBytes, 1);
}

Sha256::Sha256(const HashRow& row) noexcept : row_(&row), state_(kStart) {}

Sha256::Sha256(const HashRow& row, const Sha256State& midstate, std::uint64_t bytes) noexcept
    : row_(&row), state_(midstate), bytes_(bytes) {
    assert(bytes % kHashBlockBytes == 0);
}

Sha256::~Sha256() {
    wipe(state_.data(), sizeof state_);
    wipe(block_.data(), block_.size());
}

void Sha256::update(ByteView more) noexcept {
    if (more.empty()) {
        return;
    }
    const std::size_t held = bytes_ % kHashBlockBytes;
    bytes_ += more.size();
    if (held > 0) {
        const std::size_t taken = std::min(more.size(), kHashBlockBytes - held);
        std::memcpy(block_.data() + held, more.data(), taken);
        more = more.subspan(taken);
        if (held + taken < kHashBlockBytes) {
            return;
        }
        row_->compress(state_.data(), block_.data(), 1);
    }
    const std::size_t blocks = more.size() / kHashBlockBytes;
    if (blocks > 0) {
        row_->compress(state_.data(), more.data(), blocks);
        more = more.subspan(blocks * kHashBlockBytes);
    }
    std::ranges::copy(more, block_.begin());
}

// The padding is one bit, zeros, and the length in bits, to the end of a block.
Sha256Digest Sha256::finish() noexcept {
    std::size_t held = bytes_ % kHashBlockBytes;
    block_[held] = 0x80;
    ++held;
    if (held > kHashBlockBytes - kLengthBytes) {
        std::fill(block_.begin() + static_cast<std::ptrdiff_t>(held), block_.end(), 0);
        row_->compress(state_.data(), block_.data(), 1);
        held = 0;
    }
    std::fill(block_.begin() + static_cast<std::ptrdiff_t>(held), block_.end() - kLengthBytes, 0);
    store_be<std::uint64_t>(block_.data() + kHashBlockBytes - kLengthBytes, bytes_ * 8);
    row_->compress(state_.data(), block_.data(), 1);

    Sha256Digest digest;
    for (std::size_t index = 0; index < state_.size(); ++index) {
        store_be(digest.data() + 4 * index, state_[index]);
    }
    return digest;
}

Sha256Digest sha256(const HashRow& row, ByteView message) noexcept {
    Sha256 hash(row);
    hash.update(message);
    return hash.finish();
}

Sha256Digest hmac_sha256(const HashRow& row, ByteView key, ByteView message) noexcept {
    Pad block{};
    if (key.size() > block.size()) {
        std::ranges::copy(sha256(row, key), block.begin());
    } else {
        std::ranges::copy(key, block.begin());
    }

    Pad pad = masked(block, kInside);
    Sha256 inside(row);
    inside.update(pad);
    inside.update(message);

    pad = masked(block, kOutside);
    Sha256 outside(row);
    outside.update(pad);
    outside.update(inside.finish());

    wipe(block.data(), block.size());
    wipe(pad.data(), pad.size());
    return outside.finish();
}

}  // namespace ferry::crypto
