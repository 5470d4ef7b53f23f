// The permutation Keccak-f[1600], portable: FIPS 202, 3.3.
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#include "crypto/portable/rows.h"
#include "crypto/xof.h"

namespace ferry::crypto::portable {

namespace {

// Lane (x, y) is at x + 5y.
using Lanes = std::array<std::uint64_t, 25>;

// FIPS 202, 3.2.5: bit 2^j - 1 of the constant of round i is bit j + 7i of a shift register with
// the polynomial x^8 + x^6 + x^5 + x^4 + 1.
constexpr std::array<std::uint64_t, 24> round_constants() {
    std::array<std::uint64_t, 24> constants{};
    unsigned shift_register = 1;
    for (std::uint64_t& constant : constants) {
        for (unsigned j = 0; j < 7; ++j) {
            constant |= std::uint64_t{shift_register & 1} << ((1u << j) - 1);
            shift_register = (shift_register << 1) ^ (shift_register >> 7) * 0x171;
        }
    }
    return constants;
}

constexpr std::array<std::uint64_t, 24> kRoundConstants = round_constants();
static_assert(kRoundConstants[0] == 1);
static_assert(kRoundConstants[23] == 0x8000000080008008);

// rho and pi together: lane `from` turned left by `turn` bits arrives at `to`.
struct Move {
    std::uint8_t from;
    std::uint8_t to;
    std::uint8_t turn;
};

// FIPS 202, 3.2.2 and 3.2.3: the t-th lane of a walk (x, y) -> (y, 2x + 3y) from (1, 0) is turned
// by (t + 1)(t + 2)/2, and pi moves every lane to the next one of that walk.
constexpr std::array<Move, 25> moves() {
    std::array<Move, 25> all{};  // lane 0 stays
    unsigned x = 1;
    unsigned y = 0;
    for (unsigned t = 0; t < 24; ++t) {
        const unsigned next_x = y;
        const unsigned next_y = (2 * x + 3 * y) % 5;
        all[t + 1] = {static_cast<std::uint8_t>(x + 5 * y),
                      static_cast<std::uint8_t>(next_x + 5 * next_y),
                      static_cast<std::uint8_t>((t + 1) * (t + 2) / 2 % 64)};
        x = next_x;
        y = next_y;
    }
    return all;
}

constexpr std::array<Move, 25> kMoves = moves();

inline void round(Lanes& a, std::uint64_t constant) {
    std::array<std::uint64_t, 5> parity;
    for (std::size_t x = 0; x < 5; ++x) {
        parity[x] = a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20];
    }
    for (std::size_t x = 0; x < 5; ++x) {
        const std::uint64_t theta = parity[(x + 4) % 5] ^ std::rotl(parity[(x + 1) % 5], 1);
        for (std::size_t y = 0; y < 25; y += 5) {
            a[x + y] ^= theta;
        }
    }

    // Written out by the compiler rather than looped over, which gcc 12 would: with constant places
    // and turns the lanes stay in registers.
    Lanes b;
    [&]<std::size_t... i>(std::index_sequence<i...>) {
        ((b[kMoves[i].to] = std::rotl(a[kMoves[i].from], kMoves[i].turn)), ...);
    }(std::make_index_sequence<kMoves.size()>());
    for (std::size_t y = 0; y < 25; y += 5) {
        for (std::size_t x = 0; x < 5; ++x) {
            a[x + y] = b[x + y] ^ (~b[(x + 1) % 5 + y] & b[(x + 2) % 5 + y]);
        }
    }
    a[0] ^= constant;
}

void permute(std::uint64_t* lanes) {
    Lanes a;
    std::memcpy(a.data(), lanes, sizeof a);
    for (const std::uint64_t constant : kRoundConstants) {
        round(a, constant);
    }
    std::memcpy(lanes, a.data(), sizeof a);
}

}  // namespace

const XofRow kShake128 = {
    .name = "shake128.portable",
    .usable = [](const Cpu&) { return true; },
    .permute = permute,
};

}  // namespace ferry::crypto::portable
