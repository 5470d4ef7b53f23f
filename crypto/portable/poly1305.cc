#include "crypto/portable/poly1305.h"

#include "crypto/bytes.h"

namespace ferry::crypto::portable {

namespace {

using Wide = unsigned __int128;

std::uint64_t low(Wide x) {
    return static_cast<std::uint64_t>(x);
}

std::uint64_t high(Wide x) {
    return static_cast<std::uint64_t>(x >> 64);
}

}  // namespace

Poly1305::Poly1305(const std::uint8_t* key) noexcept
    : r_{load_le<std::uint64_t>(key) & 0x0ffffffc0fffffff,
         load_le<std::uint64_t>(key + 8) & 0x0ffffffc0ffffffc},
      s_{load_le<std::uint64_t>(key + 16), load_le<std::uint64_t>(key + 24)} {}

Poly1305::~Poly1305() {
    wipe(this, sizeof *this);
}

void Poly1305::absorb_padded(const std::uint8_t* from, std::size_t bytes) noexcept {
    const std::size_t blocks = bytes / 16;
    absorb(from, blocks);
    const std::size_t rest = bytes % 16;
    if (rest > 0) {
        std::uint8_t block[16] = {};
        std::memcpy(block, from + 16 * blocks, rest);
        absorb(block, 1);
    }
}

// sum = (sum + block + 2^128) r  mod 2^130 - 5, in words of 64 bits.
//
// With h the sum and r = r0 + r1 2^64, the word of weight 2^128 is h1 r1 + h2 r0 and that of weight
// 2^192 is h2 r1. Since 2^130 = 5 and r1 is a multiple of 4, 2^128 r1 = 5 r1 / 4 =: t, which moves
// h1 r1 to weight 1 and h2 r1 to weight 2^64:
//
//     d0 = h0 r0 + h1 t,   d1 = h0 r1 + h1 r0 + h2 t,   d2 = h2 r0
//
// Clamping leaves r0 and r1 below 2^60 and t below 2^60.4, and h2 is at most 6, so no sum
// overflows. What d2 has from 2^130 on comes back times 5.
void Poly1305::absorb(const std::uint8_t* from, std::size_t blocks) noexcept {
    const std::uint64_t r0 = r_[0];
    const std::uint64_t r1 = r_[1];
    const std::uint64_t t = r1 + (r1 >> 2);
    std::uint64_t h0 = sum_[0];
    std::uint64_t h1 = sum_[1];
    std::uint64_t h2 = sum_[2];

    for (; blocks > 0; --blocks, from += 16) {
        Wide carry = Wide{h0} + load_le<std::uint64_t>(from);
        h0 = low(carry);
        carry = Wide{h1} + load_le<std::uint64_t>(from + 8) + high(carry);
        h1 = low(carry);
        h2 += 1 + high(carry);

        const Wide d0 = Wide{h0} * r0 + Wide{h1} * t;
        const Wide d1 = Wide{h0} * r1 + Wide{h1} * r0 + h2 * t + high(d0);
        const std::uint64_t d2 = h2 * r0 + high(d1);

        carry = Wide{low(d0)} + (d2 >> 2) + (d2 & ~std::uint64_t{3});  // 5 (d2 / 4)
        h0 = low(carry);
        carry = Wide{low(d1)} + high(carry);
        h1 = low(carry);
        h2 = (d2 & 3) + high(carry);
    }

    sum_[0] = h0;
    sum_[1] = h1;
    sum_[2] = h2;
}

void Poly1305::finish(std::uint8_t* tag) noexcept {
    // Adding 5 carries into bit 130 exactly if the sum is 2^130 - 5 or more, and then the sum plus
    // 5 without that bit is the reduced one. Twice 2^130 - 5 is out of reach.
    Wide carry = Wide{sum_[0]} + 5;
    const std::uint64_t plus_five0 = low(carry);
    carry = Wide{sum_[1]} + high(carry);
    const std::uint64_t plus_five1 = low(carry);
    const std::uint64_t reduce = 0 - ((sum_[2] + high(carry)) >> 2);  // all bits or none
    const std::uint64_t h0 = sum_[0] ^ (reduce & (sum_[0] ^ plus_five0));
    const std::uint64_t h1 = sum_[1] ^ (reduce & (sum_[1] ^ plus_five1));

    carry = Wide{h0} + s_[0];
    store_le(tag, low(carry));
    store_le(tag + 8, h1 + s_[1] + high(carry));
}

}  // namespace ferry::crypto::portable
