// HMAC-MD5 under many keys at once: one message in each lane of a vector. See RFC 2104.
//
// The vectors are the compiler's: it makes of them what the machine has.
#include <cassert>

#include "crypto/hash.h"
#include "crypto/md5_steps.h"

namespace ferry::crypto {

namespace {

using Word [[gnu::vector_size(4 * kMd5Lanes)]] = std::uint32_t;
using State = Md5Words<Word>;
using Block = std::array<Word, 16>;

constexpr std::uint32_t kInside = 0x36363636;
constexpr std::uint32_t kOutside = 0x5c5c5c5c;

State start() {
    State state;
    for (std::size_t index = 0; index < state.size(); ++index) {
        state[index] = Word{} + kMd5Start[index];
    }
    return state;
}

// What is behind the pad of each key: a block of the key and zeros, masked.
State behind_pad(const Md5Keys& keys, std::uint32_t mask) {
    constexpr std::size_t kKeyWords = sizeof keys[0] / 4;
    Block pad;
    pad.fill(Word{} + mask);
    for (std::size_t lane = 0; lane < kMd5Lanes; ++lane) {
        for (std::size_t index = 0; index < kKeyWords; ++index) {
            pad[index][lane] ^= load_le<std::uint32_t>(keys[lane].data() + 4 * index);
        }
    }
    State state = start();
    md5_compress(state, pad);
    return state;
}

// The length of a message behind its pad, in bits; it ends the block.
void store_bits(Block& block, std::size_t message_bytes) {
    block[14] = Word{} + static_cast<std::uint32_t>(8 * (kHashBlockBytes + message_bytes));
    block[15] = Word{};
}

Md5Pads::States stored(const State& state) {
    Md5Pads::States states;
    static_assert(sizeof states == sizeof state);
    std::memcpy(&states, &state, sizeof states);
    return states;
}

State loaded(const Md5Pads::States& states) {
    State state;
    std::memcpy(&state, &states, sizeof state);
    return state;
}

}  // namespace

void hmac_md5_each(const Md5Keys& keys, ByteView message, Md5Digests& digests) noexcept {
    hmac_md5_each(md5_pads(keys), message, digests);
}

Md5Pads md5_pads(const Md5Keys& keys) noexcept {
    return {stored(behind_pad(keys, kInside)), stored(behind_pad(keys, kOutside))};
}

void hmac_md5_each(const Md5Pads& pads, ByteView message, Md5Digests& digests) noexcept {
    constexpr std::size_t kLengthAt = kHashBlockBytes - sizeof(std::uint64_t);
    assert(message.size() < kLengthAt);
    std::array<std::uint8_t, kHashBlockBytes> padded{};
    if (!message.empty()) {
        std::memcpy(padded.data(), message.data(), message.size());
    }
    padded[message.size()] = 0x80;
    Block block;
    for (std::size_t index = 0; index < block.size(); ++index) {
        block[index] = Word{} + load_le<std::uint32_t>(padded.data() + 4 * index);
    }
    store_bits(block, message.size());
    State inside = loaded(pads.inside);
    md5_compress(inside, block);

    block.fill(Word{});
    std::copy(inside.begin(), inside.end(), block.begin());
    block[inside.size()] = Word{} + 0x80u;
    store_bits(block, sizeof digests[0]);
    State outside = loaded(pads.outside);
    md5_compress(outside, block);

    for (std::size_t lane = 0; lane < kMd5Lanes; ++lane) {
        for (std::size_t index = 0; index < outside.size(); ++index) {
            store_le(digests[lane].data() + 4 * index, std::uint32_t{outside[index][lane]});
        }
    }
}

}  // namespace ferry::crypto
