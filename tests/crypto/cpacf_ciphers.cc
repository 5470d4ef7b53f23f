#include "tests/crypto/cpacf_ciphers.h"

#include <array>
#include <bit>
#include <cstddef>
#include <cstring>

#include "crypto/bytes.h"

namespace ferry::test::cpacf {

namespace {

using crypto::load_be;
using crypto::load_le;
using crypto::store_be;
using crypto::store_le;

// ---- AES ----------------------------------------------------------------------------------------

constexpr std::uint8_t times_x(std::uint8_t a) {
    return static_cast<std::uint8_t>(a << 1 ^ (a & 0x80 ? 0x1b : 0));
}

constexpr std::uint8_t product(std::uint8_t a, std::uint8_t b) {
    std::uint8_t sum = 0;
    for (; b != 0; b = static_cast<std::uint8_t>(b >> 1), a = times_x(a)) {
        sum = static_cast<std::uint8_t>(sum ^ (b & 1 ? a : 0));
    }
    return sum;
}

struct SBoxes {
    std::array<std::uint8_t, 256> there{};
    std::array<std::uint8_t, 256> back{};
};

// FIPS 197, 5.1.1. The powers of 3 are all of the field but zero: with a = 3^n, 1/a = 3^(255 - n).
constexpr SBoxes made_boxes() {
    std::array<std::uint8_t, 256> power{};
    std::array<std::uint8_t, 256> logarithm{};
    std::uint8_t a = 1;
    for (std::size_t n = 0; n < 255; ++n) {
        power[n] = a;
        logarithm[a] = static_cast<std::uint8_t>(n);
        a = product(a, 3);
    }
    SBoxes boxes;
    for (std::size_t byte = 0; byte < 256; ++byte) {
        const std::uint8_t inverse = byte == 0 ? 0 : power[(255 - logarithm[byte]) % 255];
        std::uint8_t mapped = 0x63;
        for (int turn = 0; turn < 5; ++turn) {
            mapped = static_cast<std::uint8_t>(mapped ^ std::rotl(inverse, turn));
        }
        boxes.there[byte] = mapped;
        boxes.back[mapped] = static_cast<std::uint8_t>(byte);
    }
    return boxes;
}

constexpr SBoxes kBoxes = made_boxes();
static_assert(kBoxes.there[0x53] == 0xed);  // the example of FIPS 197, 5.1.1

// One product for each byte and each coefficient of MixColumns and its inverse.
constexpr std::array<std::array<std::uint8_t, 256>, 16> made_products() {
    std::array<std::array<std::uint8_t, 256>, 16> products{};
    for (std::size_t factor = 0; factor < 16; ++factor) {
        for (std::size_t byte = 0; byte < 256; ++byte) {
            products[factor][byte] =
                product(static_cast<std::uint8_t>(byte), static_cast<std::uint8_t>(factor));
        }
    }
    return products;
}

constexpr auto kProducts = made_products();

// FIPS 197, 5.2.
struct Schedule {
    std::uint8_t rounds[11][16];

    explicit Schedule(const std::uint8_t* key) {
        std::memcpy(rounds[0], key, 16);
        std::uint8_t constant = 1;
        for (std::size_t round = 1; round <= 10; ++round) {
            for (std::size_t i = 0; i < 16; ++i) {
                std::uint8_t added = 0;
                if (i >= 4) {
                    added = rounds[round][i - 4];
                } else {
                    added = kBoxes.there[rounds[round - 1][12 + (i + 1) % 4]];
                    added = static_cast<std::uint8_t>(added ^ (i == 0 ? constant : 0));
                }
                rounds[round][i] = static_cast<std::uint8_t>(rounds[round - 1][i] ^ added);
            }
            constant = times_x(constant);
        }
    }
};

void add_block(std::uint8_t* to, const std::uint8_t* from) {
    for (std::size_t i = 0; i < 16; ++i) {
        to[i] = static_cast<std::uint8_t>(to[i] ^ from[i]);
    }
}

// Multiplies every column by the matrix whose first row is given; each further row is turned by
// one.
void mix_columns(std::uint8_t* block, const std::array<std::uint8_t, 4>& row) {
    for (std::size_t column = 0; column < 16; column += 4) {
        std::uint8_t mixed[4] = {};
        for (std::size_t to = 0; to < 4; ++to) {
            for (std::size_t from = 0; from < 4; ++from) {
                mixed[to] = static_cast<std::uint8_t>(
                    mixed[to] ^ kProducts[row[(from + 4 - to) % 4]][block[column + from]]);
            }
        }
        std::memcpy(block + column, mixed, 4);
    }
}

// Byte 4c + r is row r of column c. Row r moves r columns to the front, or back.
void shift_and_substitute(std::uint8_t* block, const std::array<std::uint8_t, 256>& box,
                          std::size_t columns) {
    std::uint8_t before[16];
    std::memcpy(before, block, 16);
    for (std::size_t i = 0; i < 16; ++i) {
        block[i] = box[before[(i + 4 * columns * (i % 4)) % 16]];
    }
}

}  // namespace

void aes128_encrypt(const std::uint8_t* key, const std::uint8_t* from, std::uint8_t* to) {
    const Schedule schedule(key);
    std::memmove(to, from, 16);
    add_block(to, schedule.rounds[0]);
    for (std::size_t round = 1; round <= 10; ++round) {
        shift_and_substitute(to, kBoxes.there, 1);
        if (round < 10) {
            mix_columns(to, {2, 3, 1, 1});
        }
        add_block(to, schedule.rounds[round]);
    }
}

void aes128_decrypt(const std::uint8_t* key, const std::uint8_t* from, std::uint8_t* to) {
    const Schedule schedule(key);
    std::memmove(to, from, 16);
    for (std::size_t round = 10; round > 0; --round) {
        add_block(to, schedule.rounds[round]);
        if (round < 10) {
            mix_columns(to, {14, 11, 13, 9});
        }
        shift_and_substitute(to, kBoxes.back, 3);
    }
    add_block(to, schedule.rounds[0]);
}

// ---- GHASH --------------------------------------------------------------------------------------

// NIST SP 800-38D, 6.3, algorithm 1.
void ghash(const std::uint8_t* hash_key, const std::uint8_t* block, std::uint8_t* sum) {
    add_block(sum, block);
    std::uint64_t z[2] = {};
    std::uint64_t v[2] = {load_be<std::uint64_t>(hash_key), load_be<std::uint64_t>(hash_key + 8)};
    for (std::size_t i = 0; i < 128; ++i) {
        const std::uint64_t take = 0 - std::uint64_t{sum[i / 8] >> (7 - i % 8) & 1u};
        z[0] ^= v[0] & take;
        z[1] ^= v[1] & take;
        const std::uint64_t out = 0 - (v[1] & 1);
        v[1] = v[1] >> 1 | v[0] << 63;
        v[0] = v[0] >> 1 ^ (out & 0xe100'0000'0000'0000);
    }
    store_be(sum, z[0]);
    store_be(sum + 8, z[1]);
}

// ---- SHA-256 ------------------------------------------------------------------------------------

namespace {

// 32 bits behind the point of the cube root of n: the largest r with r^3 <= n 2^96, found bit by
// bit. r has 35 bits here, r^3 fits into 128.
constexpr std::uint32_t cube_root_fraction(std::uint32_t n) {
    using Wide = unsigned __int128;
    Wide root = 0;
    for (int bit = 35; bit >= 0; --bit) {
        const Wide more = root | Wide{1} << bit;
        if (more * more * more <= Wide{n} << 96) {
            root = more;
        }
    }
    return static_cast<std::uint32_t>(root);
}

// FIPS 180-4, 4.2.2: of the first 64 primes.
constexpr std::array<std::uint32_t, 64> made_roots() {
    std::array<std::uint32_t, 64> roots{};
    std::size_t found = 0;
    for (std::uint32_t n = 2; found < roots.size(); ++n) {
        bool is_prime = true;
        for (std::uint32_t divisor = 2; divisor * divisor <= n; ++divisor) {
            is_prime = is_prime && n % divisor != 0;
        }
        if (is_prime) {
            roots[found] = cube_root_fraction(n);
            ++found;
        }
    }
    return roots;
}

constexpr auto kRoots = made_roots();

std::uint32_t turned(std::uint32_t x, int a, int b, int c) {
    return std::rotr(x, a) ^ std::rotr(x, b) ^ std::rotr(x, c);
}

}  // namespace

void sha256_compress(std::uint8_t* hash, const std::uint8_t* block) {
    std::uint32_t w[64];
    for (std::size_t t = 0; t < 64; ++t) {
        if (t < 16) {
            w[t] = load_be<std::uint32_t>(block + 4 * t);
            continue;
        }
        const std::uint32_t sigma0 =
            std::rotr(w[t - 15], 7) ^ std::rotr(w[t - 15], 18) ^ w[t - 15] >> 3;
        const std::uint32_t sigma1 =
            std::rotr(w[t - 2], 17) ^ std::rotr(w[t - 2], 19) ^ w[t - 2] >> 10;
        w[t] = sigma1 + w[t - 7] + sigma0 + w[t - 16];
    }
    std::array<std::uint32_t, 8> v;  // a to h
    for (std::size_t i = 0; i < 8; ++i) {
        v[i] = load_be<std::uint32_t>(hash + 4 * i);
    }
    for (std::size_t t = 0; t < 64; ++t) {
        const std::uint32_t choice = (v[4] & v[5]) ^ (~v[4] & v[6]);
        const std::uint32_t majority = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);
        const std::uint32_t t1 = v[7] + turned(v[4], 6, 11, 25) + choice + kRoots[t] + w[t];
        const std::uint32_t t2 = turned(v[0], 2, 13, 22) + majority;
        v = {t1 + t2, v[0], v[1], v[2], v[3] + t1, v[4], v[5], v[6]};
    }
    for (std::size_t i = 0; i < 8; ++i) {
        store_be(hash + 4 * i, load_be<std::uint32_t>(hash + 4 * i) + v[i]);
    }
}

// ---- Keccak -------------------------------------------------------------------------------------

namespace {

// FIPS 202, 3.2.5, algorithms 5 and 6: bit j + 7i of the sequence of a shift register is bit
// 2^j - 1 of constant i.
constexpr std::array<std::uint64_t, 24> made_round_constants() {
    std::array<std::uint64_t, 24> constants{};
    unsigned r = 1;
    for (std::uint64_t& constant : constants) {
        for (unsigned j = 0; j <= 6; ++j) {
            constant |= std::uint64_t{r & 1} << ((1u << j) - 1);
            r <<= 1;
            r ^= (r & 0x100) != 0 ? 0x171 : 0;
        }
    }
    return constants;
}

constexpr auto kRoundConstants = made_round_constants();

}  // namespace

// FIPS 202, 3.2: lane (x, y) is a[y][x].
void keccak_permute(std::uint8_t* state) {
    std::uint64_t a[5][5];
    for (std::size_t i = 0; i < 25; ++i) {
        a[i / 5][i % 5] = load_le<std::uint64_t>(state + 8 * i);
    }
    for (const std::uint64_t constant : kRoundConstants) {
        std::uint64_t parity[5];  // theta
        for (std::size_t x = 0; x < 5; ++x) {
            parity[x] = a[0][x] ^ a[1][x] ^ a[2][x] ^ a[3][x] ^ a[4][x];
        }
        for (std::size_t i = 0; i < 25; ++i) {
            a[i / 5][i % 5] ^= parity[(i + 4) % 5] ^ std::rotl(parity[(i + 1) % 5], 1);
        }

        std::size_t x = 1;  // rho and pi: along the path that visits every lane but (0, 0)
        std::size_t y = 0;
        std::uint64_t b[5][5];
        b[0][0] = a[0][0];
        for (int t = 0; t < 24; ++t) {
            const std::size_t next_y = (2 * x + 3 * y) % 5;
            b[next_y][y] = std::rotl(a[y][x], (t + 1) * (t + 2) / 2 % 64);
            x = y;
            y = next_y;
        }

        for (std::size_t i = 0; i < 25; ++i) {  // chi
            const auto& row = b[i / 5];
            a[i / 5][i % 5] = row[i % 5] ^ (~row[(i + 1) % 5] & row[(i + 2) % 5]);
        }
        a[0][0] ^= constant;  // iota
    }
    for (std::size_t i = 0; i < 25; ++i) {
        store_le(state + 8 * i, a[i / 5][i % 5]);
    }
}

}  // namespace ferry::test::cpacf
