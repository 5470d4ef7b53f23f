// MD5 and HMAC-MD5: portable only, for keys and time tokens of the older header. See RFC 1321,
// 2104.
#include <algorithm>

#include "crypto/hash.h"
#include "crypto/md5_steps.h"

namespace ferry::crypto {

namespace {

using Words = std::array<std::uint32_t, 4>;

void compress(Words& state, const std::uint8_t* block) {
    std::array<std::uint32_t, 16> message;
    for (std::size_t index = 0; index < message.size(); ++index) {
        message[index] = load_le<std::uint32_t>(block + sizeof message[0] * index);
    }
    md5_compress(state, message);
}

constexpr std::size_t kLengthBytes = 8;

}  // namespace

Md5::Md5() noexcept : state_(kMd5Start) {}

Md5::~Md5() {
    wipe(state_.data(), sizeof state_);
    wipe(block_.data(), block_.size());
}

void Md5::update(ByteView more) noexcept {
    // Byte counts are small here (keys, tokens), so every byte goes through the one block.
    for (const std::uint8_t byte : more) {
        block_[bytes_ % kHashBlockBytes] = byte;
        ++bytes_;
        if (bytes_ % kHashBlockBytes == 0) {
            compress(state_, block_.data());
        }
    }
}

Md5Digest Md5::finish() noexcept {
    constexpr std::array<std::uint8_t, kHashBlockBytes> kPadding = {0x80};
    constexpr std::size_t kLengthAt = kHashBlockBytes - kLengthBytes;
    const std::uint64_t bits = bytes_ * 8;
    const std::size_t held = bytes_ % kHashBlockBytes;
    const std::size_t padding = (held < kLengthAt ? kLengthAt : kLengthAt + kHashBlockBytes) - held;
    update(ByteView(kPadding).first(padding));

    std::array<std::uint8_t, kLengthBytes> length;
    store_le(length.data(), bits);
    update(length);

    Md5Digest digest;
    for (std::size_t index = 0; index < state_.size(); ++index) {
        store_le(digest.data() + 4 * index, state_[index]);
    }
    return digest;
}

Md5Digest md5(ByteView message) noexcept {
    Md5 hash;
    hash.update(message);
    return hash.finish();
}

Md5Digest hmac_md5(ByteView key, ByteView message) noexcept {
    std::array<std::uint8_t, kHashBlockBytes> pad{};
    if (key.size() > pad.size()) {
        std::ranges::copy(md5(key), pad.begin());
    } else {
        std::ranges::copy(key, pad.begin());
    }

    for (std::uint8_t& byte : pad) {
        byte ^= 0x36;
    }
    Md5 inside;
    inside.update(pad);
    inside.update(message);

    for (std::uint8_t& byte : pad) {
        byte ^= 0x36 ^ 0x5c;
    }
    Md5 outside;
    outside.update(pad);
    outside.update(inside.finish());

    wipe(pad.data(), pad.size());
    return outside.finish();
}

}  // namespace ferry::crypto
