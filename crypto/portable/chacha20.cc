#include "crypto/portable/chacha20.h"

#include "crypto/bytes.h"

namespace ferry::crypto::portable {

namespace {

// The same word of four blocks. Compilers without such registers take it apart.
using Four = std::uint32_t __attribute__((vector_size(16)));

constexpr std::size_t kCounter = 12;

inline Four rotated(Four x, int bits) {
    return x << bits | x >> (32 - bits);
}

inline void quarter_round(Four& a, Four& b, Four& c, Four& d) {
    a += b;
    d = rotated(d ^ a, 16);
    c += d;
    b = rotated(b ^ c, 12);
    a += b;
    d = rotated(d ^ a, 8);
    c += d;
    b = rotated(b ^ c, 7);
}

inline void double_round(Four (&x)[16]) {
    quarter_round(x[0], x[4], x[8], x[12]);
    quarter_round(x[1], x[5], x[9], x[13]);
    quarter_round(x[2], x[6], x[10], x[14]);
    quarter_round(x[3], x[7], x[11], x[15]);
    quarter_round(x[0], x[5], x[10], x[15]);
    quarter_round(x[1], x[6], x[11], x[12]);
    quarter_round(x[2], x[7], x[8], x[13]);
    quarter_round(x[3], x[4], x[9], x[14]);
}

}  // namespace

ChaCha20::ChaCha20(const std::uint8_t* key, const std::uint8_t* nonce) noexcept
    : start_{0x61707865, 0x3320646e, 0x79622d32, 0x6b206574} {  // "expand 32-byte k"
    for (std::size_t i = 0; i < 8; ++i) {
        start_[4 + i] = load_le<std::uint32_t>(key + 4 * i);
    }
    for (std::size_t i = 0; i < 3; ++i) {
        start_[kCounter + 1 + i] = load_le<std::uint32_t>(nonce + 4 * i);
    }
}

ChaCha20::~ChaCha20() {
    wipe(start_, sizeof start_);
}

void ChaCha20::next(std::uint8_t* batch) noexcept {
    Four first[16];
    for (std::size_t i = 0; i < 16; ++i) {
        first[i] = Four{} + start_[i];
    }
    first[kCounter] += Four{0, 1, 2, 3};
    start_[kCounter] += 4;

    Four x[16];
    std::memcpy(x, first, sizeof x);
    for (int round = 0; round < 10; ++round) {
        double_round(x);
    }
    for (std::size_t i = 0; i < 16; ++i) {
        x[i] += first[i];
        for (std::size_t block = 0; block < 4; ++block) {
            store_le(batch + 64 * block + 4 * i, x[i][block]);
        }
    }
}

}  // namespace ferry::crypto::portable
