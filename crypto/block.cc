#include "crypto/block.h"

#include <algorithm>
#include <cassert>

namespace ferry::crypto {

Aes128::Aes128(const BlockRow& row, std::span<const std::uint8_t, 16> key) noexcept : row_(row) {
    row.expand(state_, key.data());
}

Aes128::~Aes128() {
    wipe(&state_, sizeof state_);
}

std::array<std::uint8_t, kAesBlockBytes> Aes128::encrypt(
    std::span<const std::uint8_t, kAesBlockBytes> block) const noexcept {
    std::array<std::uint8_t, kAesBlockBytes> sealed;
    row_.encrypt(state_, block.data(), sealed.data());
    return sealed;
}

std::array<std::uint8_t, kAesBlockBytes> Aes128::decrypt(
    std::span<const std::uint8_t, kAesBlockBytes> block) const noexcept {
    std::array<std::uint8_t, kAesBlockBytes> plain;
    row_.decrypt(state_, block.data(), plain.data());
    return plain;
}

Cfb::Cfb(const BlockRow& row, Way way, std::span<const std::uint8_t, 16> key,
         std::span<const std::uint8_t, 16> iv) noexcept
    : row_(row), way_(way), stream_{} {
    std::ranges::copy(iv, chain_.begin());
    row.expand(state_, key.data());
}

Cfb::~Cfb() {
    wipe(&state_, sizeof state_);
    wipe(stream_.data(), stream_.size());
}

// CFB-128 is C[i] = P[i] ^ E(C[i-1]). A block that is begun in one call and ended in another keeps
// E(C[i-1]) in `stream_` and collects C[i] in `chain_`; used_ == 0 means that no block is begun.
void Cfb::apply(ByteView from, ByteSpan to) noexcept {
    assert(from.size() == to.size());
    if (used_ > 0) {
        const std::size_t done = spend(from, to);
        from = from.subspan(done);
        to = to.subspan(done);
    }

    const std::size_t blocks = from.size() / kAesBlockBytes;
    if (blocks > 0) {
        const auto whole = way_ == Way::encrypt ? row_.cfb_encrypt : row_.cfb_decrypt;
        whole(state_, chain_.data(), from.data(), to.data(), blocks);
        from = from.subspan(blocks * kAesBlockBytes);
        to = to.subspan(blocks * kAesBlockBytes);
    }

    if (!from.empty()) {
        row_.encrypt(state_, chain_.data(), stream_.data());
        spend(from, to);
    }
}

// Goes on with the block that is begun, to its end at most. Gives the bytes done.
std::size_t Cfb::spend(ByteView from, ByteSpan to) noexcept {
    const std::size_t bytes = std::min(from.size(), kAesBlockBytes - used_);
    for (std::size_t index = 0; index < bytes; ++index) {
        const std::uint8_t input = from[index];  // before `to` is written: it may be the same byte
        to[index] = input ^ stream_[used_];
        chain_[used_] = way_ == Way::encrypt ? to[index] : input;
        used_ = (used_ + 1) % kAesBlockBytes;
    }
    return bytes;
}

}  // namespace ferry::crypto
