#include "crypto/portable/ghash.h"

#include "crypto/bytes.h"

namespace ferry::crypto::portable {

namespace {

using Wide = unsigned __int128;

constexpr std::uint64_t kEveryFourth = 0x1111111111111111;
constexpr std::uint64_t kBelowTop = 0x0fffffffffffffff;

GhashFactor factor(std::uint64_t value) {
    GhashFactor split;
    for (int i = 0; i < 4; ++i) {
        split.sparse[i] = value & kBelowTop & (kEveryFourth << i);
        split.top[i] = 0 - (value >> (60 + i) & 1);
    }
    return split;
}

// The carry-less product of two words.
//
// An integer multiplication is a carry-less one if no carry reaches a bit that counts. With only
// every fourth bit set in both factors, the bits of the product that count are four apart, and each
// is the lowest of a count of pairs. With at most fifteen bits set in one factor no count exceeds
// fifteen, so none spills into the next. Hence four classes of bits on either side, sixteen
// products, and the top four bits of one factor apart.
//
// This takes a multiplication whose time does not depend on its factors, as all three of our
// architectures have.
Wide multiply(const GhashFactor& a, std::uint64_t b) {
    const Wide every_fourth = Wide{kEveryFourth} << 64 | kEveryFourth;
    std::uint64_t b_sparse[4];
    for (int j = 0; j < 4; ++j) {
        b_sparse[j] = b & (kEveryFourth << j);
    }
    Wide product = 0;
    for (int place = 0; place < 4; ++place) {
        Wide sums = 0;
        for (int i = 0; i < 4; ++i) {
            sums ^= Wide{a.sparse[i]} * b_sparse[(place - i) & 3];
        }
        product |= sums & (every_fourth << place);
    }
    for (int i = 0; i < 4; ++i) {
        product ^= Wide{b & a.top[i]} << (60 + i);
    }
    return product;
}

// GCM's elements are bit-reversed: x^i is bit 127 - i. The product of two reversed polynomials is
// the reversed product shifted right by one bit; multiplying the key by x^-1 once puts it back in
// place. Then the upper half of the product is its coefficients x^0 to x^127, and the lower half,
// L, is x^128 L = (1 + x + x^2 + x^7) L. The shifts by 1, 2 and 7 push up to seven coefficients out
// at the low end; those stand for x^128 and on as well, so they are added to L first.
GhashSum multiply(GhashSum a, const GhashKey& key) {
    const Wide low = multiply(key.low, a.low);
    const Wide high = multiply(key.high, a.high);
    const Wide middle = multiply(key.sum, a.low ^ a.high) ^ low ^ high;

    Wide lower = low ^ middle << 64;
    lower ^= lower << 127 ^ lower << 126 ^ lower << 121;
    const Wide upper = high ^ middle >> 64 ^ lower ^ lower >> 1 ^ lower >> 2 ^ lower >> 7;
    return {static_cast<std::uint64_t>(upper >> 64), static_cast<std::uint64_t>(upper)};
}

GhashSum absorbed(const GhashKey& key, GhashSum sum, const std::uint8_t* block) {
    sum.high ^= load_be<std::uint64_t>(block);
    sum.low ^= load_be<std::uint64_t>(block + 8);
    return multiply(sum, key);
}

}  // namespace

void ghash_expand(GhashKey& key, const std::uint8_t* hash_key) noexcept {
    const std::uint64_t high = load_be<std::uint64_t>(hash_key);
    const std::uint64_t low = load_be<std::uint64_t>(hash_key + 8);
    // Times x^-1: every coefficient moves one up, and x^0 leaves as x^-1 = x^127 + x^6 + x + 1.
    const std::uint64_t had_one = 0 - (high >> 63);
    const std::uint64_t shifted_high = (high << 1 | low >> 63) ^ (had_one & 0xc200000000000000);
    const std::uint64_t shifted_low = low << 1 ^ (had_one & 1);
    key.high = factor(shifted_high);
    key.low = factor(shifted_low);
    key.sum = factor(shifted_high ^ shifted_low);
}

GhashSum ghash(const GhashKey& key, GhashSum sum, const std::uint8_t* from,
               std::size_t bytes) noexcept {
    std::size_t at = 0;
    for (; at + 16 <= bytes; at += 16) {
        sum = absorbed(key, sum, from + at);
    }
    if (at < bytes) {
        std::uint8_t block[16] = {};
        std::memcpy(block, from + at, bytes - at);
        sum = absorbed(key, sum, block);
    }
    return sum;
}

}  // namespace ferry::crypto::portable
