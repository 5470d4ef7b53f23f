// The permutation Keccak-f[1600] with AVX-512: FIPS 202, 3.3.
//
// One state, a lane in the low half of each of 25 registers. Wider registers would hold more lanes,
// but rows and columns would have to trade places in every round. What pays is that there are 32
// registers, and an instruction for any function of three operands: theta and chi take one each.
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "crypto/kernel.h"

namespace ferry::crypto::amd64 {

namespace {

constexpr std::size_t kLanes = 25;
constexpr std::size_t kRounds = 24;

// Lane (x, y) is at x + 5y.
struct Lanes {
    __m128i lane[kLanes];
};

// rho and pi together: lane `from` turned left by `turn` bits arrives at `to`.
struct Move {
    std::uint8_t from;
    std::uint8_t to;
    std::uint8_t turn;
};

struct Tables {
    Move moves[kLanes];  // lane 0 stays
    std::uint64_t constants[kRounds];
};

// FIPS 202, 3.2.2 and 3.2.3: the t-th lane of a walk (x, y) -> (y, 2x + 3y) from (1, 0) is turned
// by (t + 1)(t + 2)/2, and pi moves every lane to the next one of that walk. 3.2.5: bit 2^j - 1 of
// the constant of round i is bit j + 7i of a shift register with x^8 + x^6 + x^5 + x^4 + 1.
consteval Tables make_tables() {
    Tables tables{};
    unsigned x = 1;
    unsigned y = 0;
    for (unsigned t = 0; t < kLanes - 1; ++t) {
        const unsigned next_y = (2 * x + 3 * y) % 5;
        tables.moves[t + 1] = {static_cast<std::uint8_t>(x + 5 * y),
                               static_cast<std::uint8_t>(y + 5 * next_y),
                               static_cast<std::uint8_t>((t + 1) * (t + 2) / 2 % 64)};
        x = y;
        y = next_y;
    }
    unsigned shift_register = 1;
    for (std::uint64_t& constant : tables.constants) {
        for (unsigned j = 0; j < 7; ++j) {
            constant |= std::uint64_t{shift_register & 1} << ((1u << j) - 1);
            shift_register = (shift_register << 1) ^ (shift_register >> 7) * 0x171;
        }
    }
    return tables;
}

constexpr Tables kTables = make_tables();

// Truth tables for operands a, b and c, which stand for 0xf0, 0xcc and 0xaa.
constexpr int kXorOfThree = 0xf0 ^ 0xcc ^ 0xaa;
constexpr int kChi = 0xf0 ^ (~0xcc & 0xaa);  // a ^ (~b & c)

[[gnu::always_inline]] inline __m128i xor3(__m128i a, __m128i b, __m128i c) {
    return _mm_ternarylogic_epi64(a, b, c, kXorOfThree);
}

[[gnu::always_inline]] inline void theta(Lanes& a) {
    __m128i parity[5];
    for (std::size_t x = 0; x < 5; ++x) {
        parity[x] =
            xor3(xor3(a.lane[x], a.lane[x + 5], a.lane[x + 10]), a.lane[x + 15], a.lane[x + 20]);
    }
    for (std::size_t x = 0; x < 5; ++x) {
        const __m128i right = _mm_rol_epi64(parity[(x + 1) % 5], 1);
        for (std::size_t y = 0; y < kLanes; y += 5) {
            a.lane[x + y] = xor3(a.lane[x + y], parity[(x + 4) % 5], right);
        }
    }
}

// The turn is part of the instruction.
template <int turn>
[[gnu::always_inline]] inline __m128i turned(__m128i lane) {
    return _mm_rol_epi64(lane, turn);
}

template <std::size_t i = 0>
[[gnu::always_inline]] inline void rho_and_pi(const Lanes& a, Lanes& b) {
    constexpr Move kMove = kTables.moves[i];
    b.lane[kMove.to] = turned<kMove.turn>(a.lane[kMove.from]);
    if constexpr (i + 1 < kLanes) {
        rho_and_pi<i + 1>(a, b);
    }
}

[[gnu::always_inline]] inline void chi(const Lanes& b, Lanes& a) {
    for (std::size_t y = 0; y < kLanes; y += 5) {
        for (std::size_t x = 0; x < 5; ++x) {
            a.lane[x + y] = _mm_ternarylogic_epi64(b.lane[x + y], b.lane[(x + 1) % 5 + y],
                                                   b.lane[(x + 2) % 5 + y], kChi);
        }
    }
}

void permute(std::uint64_t* lanes) {
    Lanes a;
    for (std::size_t i = 0; i < kLanes; ++i) {
        a.lane[i] = _mm_cvtsi64_si128(static_cast<long long>(lanes[i]));
    }
    for (const std::uint64_t constant : kTables.constants) {
        Lanes b;
        theta(a);
        rho_and_pi(a, b);
        chi(b, a);
        a.lane[0] = _mm_xor_si128(a.lane[0], _mm_cvtsi64_si128(static_cast<long long>(constant)));
    }
    for (std::size_t i = 0; i < kLanes; ++i) {
        lanes[i] = static_cast<std::uint64_t>(_mm_cvtsi128_si64(a.lane[i]));
    }
}

}  // namespace

extern const XofRow kShake128Avx512;
const XofRow kShake128Avx512 = {
    .name = "shake128.avx512",
    .usable = has_avx512,
    .permute = permute,
};

}  // namespace ferry::crypto::amd64
