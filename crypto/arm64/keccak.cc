// The permutation Keccak-f[1600] with the SHA-3 instructions: FIPS 202, 3.3.
//
// One state, in the lower halves of 25 registers; seven are left for the parities. The upper halves
// are computed for nothing: SHAKE128 is drawn from one seed at a time. A round is 65 instructions,
// where plain ones take more than twice as many.
//
// Whether that is faster depends on the core. Apple's need about half the time of plain
// instructions, by what others have measured; Neoverse V1, V2 and N2 start one of these per cycle
// and need about twice the time. It does not matter much: one permutation masks the lengths of 84
// chunks.
#include <arm_neon.h>

#include <cstddef>
#include <cstdint>

#include "crypto/kernel.h"

namespace ferry::crypto::arm64 {

namespace {

constexpr std::size_t kLanes = 25;
constexpr std::size_t kRounds = 24;

// FIPS 202, 3.2.5: bit 2^j - 1 of the constant of round i is bit j + 7i of a shift register with
// the polynomial x^8 + x^6 + x^5 + x^4 + 1.
struct Constants {
    std::uint64_t rounds[kRounds];
};

constexpr Constants round_constants() {
    Constants constants{};
    unsigned shift_register = 1;
    for (std::uint64_t& constant : constants.rounds) {
        for (unsigned j = 0; j < 7; ++j) {
            constant |= std::uint64_t{shift_register & 1} << ((1u << j) - 1);
            shift_register = (shift_register << 1) ^ (shift_register >> 7) * 0x171;
        }
    }
    return constants;
}

constexpr Constants kConstants = round_constants();
static_assert(kConstants.rounds[0] == 1);
static_assert(kConstants.rounds[23] == 0x8000000080008008);

// Lane (x, y) is at x + 5 y.
struct State {
    uint64x2_t lanes[kLanes];
};

// theta's addition and rho: (a + b) turned left.
template <int bits>
[[gnu::always_inline]] inline uint64x2_t turned(uint64x2_t a, uint64x2_t b) {
    return vxarq_u64(a, b, (64 - bits) % 64);
}

[[gnu::always_inline]] inline void round(State& state, std::uint64_t constant) {
    const uint64x2_t(&a)[kLanes] = state.lanes;
    uint64x2_t parity[5];
    for (std::size_t x = 0; x < 5; ++x) {
        parity[x] = veor3q_u64(veor3q_u64(a[x], a[x + 5], a[x + 10]), a[x + 15], a[x + 20]);
    }
    uint64x2_t theta[5];
    for (std::size_t x = 0; x < 5; ++x) {
        theta[x] = vrax1q_u64(parity[(x + 4) % 5], parity[(x + 1) % 5]);
    }

    // rho and pi: lane (x, y) goes to (y, 2x + 3y), turned by what table 2 of FIPS 202 says, modulo
    // 64. Here in the order in which they arrive.
    uint64x2_t b[kLanes];
    b[0] = turned<0>(a[0], theta[0]);
    b[1] = turned<44>(a[6], theta[1]);
    b[2] = turned<43>(a[12], theta[2]);
    b[3] = turned<21>(a[18], theta[3]);
    b[4] = turned<14>(a[24], theta[4]);
    b[5] = turned<28>(a[3], theta[3]);
    b[6] = turned<20>(a[9], theta[4]);
    b[7] = turned<3>(a[10], theta[0]);
    b[8] = turned<45>(a[16], theta[1]);
    b[9] = turned<61>(a[22], theta[2]);
    b[10] = turned<1>(a[1], theta[1]);
    b[11] = turned<6>(a[7], theta[2]);
    b[12] = turned<25>(a[13], theta[3]);
    b[13] = turned<8>(a[19], theta[4]);
    b[14] = turned<18>(a[20], theta[0]);
    b[15] = turned<27>(a[4], theta[4]);
    b[16] = turned<36>(a[5], theta[0]);
    b[17] = turned<10>(a[11], theta[1]);
    b[18] = turned<15>(a[17], theta[2]);
    b[19] = turned<56>(a[23], theta[3]);
    b[20] = turned<62>(a[2], theta[2]);
    b[21] = turned<55>(a[8], theta[3]);
    b[22] = turned<39>(a[14], theta[4]);
    b[23] = turned<41>(a[15], theta[0]);
    b[24] = turned<2>(a[21], theta[1]);

    for (std::size_t y = 0; y < kLanes; y += 5) {
        for (std::size_t x = 0; x < 5; ++x) {
            state.lanes[x + y] = vbcaxq_u64(b[x + y], b[(x + 2) % 5 + y], b[(x + 1) % 5 + y]);
        }
    }
    state.lanes[0] = veorq_u64(state.lanes[0], vdupq_n_u64(constant));
}

void permute(std::uint64_t* lanes) {
    State state;
    for (std::size_t i = 0; i < kLanes; ++i) {
        state.lanes[i] = vcombine_u64(vld1_u64(lanes + i), vdup_n_u64(0));
    }
    for (const std::uint64_t constant : kConstants.rounds) {
        round(state, constant);
    }
    for (std::size_t i = 0; i < kLanes; ++i) {
        vst1_u64(lanes + i, vget_low_u64(state.lanes[i]));
    }
}

}  // namespace

extern const XofRow kShake128;
const XofRow kShake128 = {
    .name = "shake128.arm64",
    .usable = has_sha3,
    .permute = permute,
};

}  // namespace ferry::crypto::arm64
