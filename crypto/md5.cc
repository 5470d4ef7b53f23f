// MD5 and HMAC-MD5: portable only, for keys and time tokens of the older header. See RFC 1321,
// 2104.
#include <algorithm>
#include <bit>

#include "crypto/hash.h"

namespace ferry::crypto {

namespace {

using Words = std::array<std::uint32_t, 4>;

constexpr Words kStart = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};

// RFC 1321, 3.4: kSines[i] is the whole part of 2^32 * |sin(i + 1)|.
constexpr std::array<std::uint32_t, 64> kSines = {
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
    0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
    0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
    0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
    0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
    0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
    0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
    0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391};

// Each group of sixteen steps mixes with its own function, walks the message words with its own
// stride, and rotates by four numbers in turn.
struct Group {
    std::uint32_t (*mix)(std::uint32_t b, std::uint32_t c, std::uint32_t d);
    std::size_t first_word;
    std::size_t stride;
    std::array<int, 4> turns;
};

constexpr std::array<Group, 4> kGroups = {{
    {[](std::uint32_t b, std::uint32_t c, std::uint32_t d) { return (b & c) | (~b & d); },
     0,
     1,
     {7, 12, 17, 22}},
    {[](std::uint32_t b, std::uint32_t c, std::uint32_t d) { return (d & b) | (~d & c); },
     1,
     5,
     {5, 9, 14, 20}},
    {[](std::uint32_t b, std::uint32_t c, std::uint32_t d) { return b ^ c ^ d; },
     5,
     3,
     {4, 11, 16, 23}},
    {[](std::uint32_t b, std::uint32_t c, std::uint32_t d) { return c ^ (b | ~d); },
     0,
     7,
     {6, 10, 15, 21}},
}};

void compress(Words& state, const std::uint8_t* block) {
    auto [a, b, c, d] = state;
    for (std::size_t step = 0; step < kSines.size(); ++step) {
        const Group& group = kGroups[step / 16];
        const std::size_t word = (group.first_word + group.stride * (step % 16)) % 16;
        const std::uint32_t sum =
            a + group.mix(b, c, d) + load_le<std::uint32_t>(block + 4 * word) + kSines[step];
        a = d;
        d = c;
        c = b;
        b += std::rotl(sum, group.turns[step % 4]);
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
}

constexpr std::size_t kLengthBytes = 8;

}  // namespace

Md5::Md5() noexcept : state_(kStart) {}

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
