#include "crypto/portable/aes.h"

#include <array>

#include "crypto/bytes.h"
#include "crypto/portable/aes_sbox.h"

namespace ferry::crypto::portable {

namespace {

// Two times four blocks. The state of four blocks is eight words of 64 bits, one per weight of a
// bit; the bit of row r, column c of block k is at place 16r + 4c + k. So a row is a field of 16
// bits, the step between columns is 4 bits, and MixColumns is a rotation of words by whole rows.
// The second lane holds four more blocks; lanes never meet.
using Pair = std::uint64_t __attribute__((vector_size(16)));

// ---- the S-box against its definition -----------------------------------------------------------

constexpr std::uint8_t doubled(std::uint8_t a) {
    return static_cast<std::uint8_t>((a << 1) ^ ((a >> 7) * 0x1b));
}

// FIPS 197, 5.1.1: 3 generates the field, so walking its powers upwards, and those of its inverse
// 0xf6 beside them, meets every element with its inverse.
constexpr std::array<std::uint8_t, 256> sbox_by_definition() {
    std::array<std::uint8_t, 256> inverse{};
    std::array<std::uint8_t, 255> powers{};
    powers[0] = 1;
    for (std::size_t i = 1; i < 255; ++i) {
        powers[i] = powers[i - 1] ^ doubled(powers[i - 1]);
    }
    for (std::size_t i = 0; i < 255; ++i) {
        inverse[powers[i]] = powers[(255 - i) % 255];
    }
    std::array<std::uint8_t, 256> sbox{};
    for (std::size_t i = 0; i < 256; ++i) {
        const std::uint8_t x = inverse[i];
        sbox[i] = 0x63 ^ x ^ std::rotl(x, 1) ^ std::rotl(x, 2) ^ std::rotl(x, 3) ^ std::rotl(x, 4);
    }
    return sbox;
}

// Runs the circuit on the 64 bytes from `first` on.
constexpr bool circuit_agrees(std::size_t first) {
    constexpr std::array<std::uint8_t, 256> sbox = sbox_by_definition();
    std::uint64_t bits[8] = {};
    for (std::size_t place = 0; place < 64; ++place) {
        for (std::size_t i = 0; i < 8; ++i) {
            bits[i] |= std::uint64_t{(first + place) >> i & 1} << place;
        }
    }
    substitute(bits);
    for (std::size_t place = 0; place < 64; ++place) {
        for (std::size_t i = 0; i < 8; ++i) {
            if ((bits[i] >> place & 1) != (std::uint64_t{sbox[first + place]} >> i & 1)) {
                return false;
            }
        }
    }
    substitute_back(bits);
    for (std::size_t place = 0; place < 64; ++place) {
        for (std::size_t i = 0; i < 8; ++i) {
            if ((bits[i] >> place & 1) != ((first + place) >> i & 1)) {
                return false;
            }
        }
    }
    return true;
}

static_assert(circuit_agrees(0));
static_assert(circuit_agrees(64));
static_assert(circuit_agrees(128));
static_assert(circuit_agrees(192));

// ---- between bytes and slices -------------------------------------------------------------------

// Swaps the bits of `a` under mask << shift with the bits of `b` under mask.
inline void swap_bits(Pair& a, Pair& b, std::uint64_t mask, int shift) {
    const Pair t = ((a >> shift) ^ b) & mask;
    b ^= t;
    a ^= t << shift;
}

// Exchanges the index of the word with the place of the bit inside its byte. Its own inverse.
inline void transpose(Pair (&w)[8]) {
    for (std::size_t i = 0; i < 8; i += 2) {
        swap_bits(w[i], w[i + 1], 0x5555555555555555, 1);
    }
    for (std::size_t i = 0; i < 8; i += 4) {
        swap_bits(w[i], w[i + 2], 0x3333333333333333, 2);
        swap_bits(w[i + 1], w[i + 3], 0x3333333333333333, 2);
    }
    for (std::size_t i = 0; i < 4; ++i) {
        swap_bits(w[i], w[i + 4], 0x0f0f0f0f0f0f0f0f, 4);
    }
}

// A column's four bytes to the even bytes of a word, and back.
inline Pair spread(Pair column) {
    column = (column | column << 16) & 0x0000ffff0000ffff;
    return (column | column << 8) & 0x00ff00ff00ff00ff;
}

inline Pair gather(Pair even) {
    even &= 0x00ff00ff00ff00ff;
    even = (even | even >> 8) & 0x0000ffff0000ffff;
    return (even | even >> 16) & 0x00000000ffffffff;
}

inline Pair load_columns(const std::uint8_t* at) {
    return Pair{load_le<std::uint32_t>(at), load_le<std::uint32_t>(at + kAesBatchBytes / 2)};
}

inline void store_columns(std::uint8_t* at, Pair columns) {
    store_le(at, static_cast<std::uint32_t>(columns[0]));
    store_le(at + kAesBatchBytes / 2, static_cast<std::uint32_t>(columns[1]));
}

// Before the transposition, bit j of the place is the word and byte i of the place is the byte:
// place 8i + j = 16r + 4c + k means i = 2r + c / 2 and j = 4 (c mod 2) + k. So word 4d + k
// interleaves the columns d and d + 2 of block k.
inline void slice(const std::uint8_t* from, Pair (&w)[8]) {
    for (std::size_t k = 0; k < 4; ++k) {
        const std::uint8_t* block = from + 16 * k;
        w[k] = spread(load_columns(block)) | spread(load_columns(block + 8)) << 8;
        w[4 + k] = spread(load_columns(block + 4)) | spread(load_columns(block + 12)) << 8;
    }
    transpose(w);
}

inline void unslice(Pair (&w)[8], std::uint8_t* to) {
    transpose(w);
    for (std::size_t k = 0; k < 4; ++k) {
        std::uint8_t* block = to + 16 * k;
        store_columns(block, gather(w[k]));
        store_columns(block + 8, gather(w[k] >> 8));
        store_columns(block + 4, gather(w[4 + k]));
        store_columns(block + 12, gather(w[4 + k] >> 8));
    }
}

// ---- the steps of a round -----------------------------------------------------------------------

inline void add_key(Pair (&w)[8], const std::uint64_t (&key)[8]) {
    for (std::size_t i = 0; i < 8; ++i) {
        w[i] ^= key[i];
    }
}

// Rotating row r by r columns is rotating rows 2 and 3 by two columns and rows 1 and 3 by one.
inline Pair two_columns(Pair x) {
    const Pair t = (x ^ x >> 8) & 0x00ff00ff00000000;
    return x ^ t ^ t << 8;
}

inline void shift_rows(Pair (&w)[8]) {
    for (Pair& x : w) {
        x = two_columns(x);
        x = (x & 0x0000ffff0000ffff) | (x >> 4 & 0x0fff00000fff0000) |
            (x & 0x000f0000000f0000) << 12;
    }
}

inline void shift_rows_back(Pair (&w)[8]) {
    for (Pair& x : w) {
        x = two_columns(x);
        x = (x & 0x0000ffff0000ffff) | (x & 0x0fff00000fff0000) << 4 |
            (x >> 12 & 0x000f0000000f0000);
    }
}

inline Pair rows_up(Pair x, int rows) {
    return x >> (16 * rows) | x << (64 - 16 * rows);
}

// Adds twice t to w: the bits move up by one weight, and what leaves at the top comes back as 0x1b.
inline void add_doubled(Pair (&w)[8], const Pair (&t)[8]) {
    w[0] ^= t[7];
    w[1] ^= t[0] ^ t[7];
    w[2] ^= t[1];
    w[3] ^= t[2] ^ t[7];
    w[4] ^= t[3] ^ t[7];
    w[5] ^= t[4];
    w[6] ^= t[5];
    w[7] ^= t[6];
}

// A column (a0 a1 a2 a3) becomes 2 a0 + 3 a1 + a2 + a3 and so on around; with t = a0 + a1 that is
// 2 t + a1 + (t two rows up).
inline void mix_columns(Pair (&w)[8]) {
    Pair t[8];
    for (std::size_t i = 0; i < 8; ++i) {
        const Pair next_row = rows_up(w[i], 1);
        t[i] = w[i] ^ next_row;
        w[i] = next_row ^ rows_up(t[i], 2);
    }
    add_doubled(w, t);
}

// The inverse of MixColumns is MixColumns after a0 + 4 (a0 + a2).
inline void mix_columns_back(Pair (&w)[8]) {
    Pair twice[8] = {};
    Pair t[8];
    for (std::size_t i = 0; i < 8; ++i) {
        t[i] = w[i] ^ rows_up(w[i], 2);
    }
    add_doubled(twice, t);
    add_doubled(w, twice);
    mix_columns(w);
}

// The S-box on the four bytes of a word of the key schedule.
std::uint32_t substitute_word(std::uint32_t word) {
    std::uint64_t bits[8];
    for (int i = 0; i < 8; ++i) {
        bits[i] = word >> i & 0x01010101;
    }
    substitute(bits);
    std::uint32_t substituted = 0;
    for (int i = 0; i < 8; ++i) {
        substituted |= static_cast<std::uint32_t>(bits[i] & 0x01010101) << i;
    }
    return substituted;
}

// A batch of fewer blocks than eight, through a copy.
template <auto kBatch>
void some_blocks(const AesKey& key, const std::uint8_t* from, std::uint8_t* to,
                 std::size_t blocks) {
    std::uint8_t batch[kAesBatchBytes] = {};
    std::memcpy(batch, from, 16 * blocks);
    kBatch(key, batch, batch);
    std::memcpy(to, batch, 16 * blocks);
    wipe(batch, sizeof batch);
}

}  // namespace

AesSchedule aes_schedule(const std::uint8_t* key) noexcept {
    AesSchedule schedule;
    std::memcpy(schedule.rounds[0], key, 16);
    std::uint8_t constant = 1;
    for (std::size_t round = 1; round <= kAesRounds; ++round) {
        const std::uint8_t* before = schedule.rounds[round - 1];
        // Little-endian, so RotWord of FIPS 197 turns right.
        std::uint32_t word = std::rotr(load_le<std::uint32_t>(before + 12), 8);
        word = substitute_word(word) ^ constant;
        for (std::size_t column = 0; column < 16; column += 4) {
            word ^= load_le<std::uint32_t>(before + column);
            store_le(schedule.rounds[round] + column, word);
        }
        constant = doubled(constant);
    }
    return schedule;
}

void aes_expand(AesKey& expanded, const std::uint8_t* key) noexcept {
    AesSchedule schedule = aes_schedule(key);
    std::uint8_t batch[kAesBatchBytes];
    for (std::size_t round = 0; round <= kAesRounds; ++round) {
        for (std::size_t block = 0; block < kAesBatchBlocks; ++block) {
            std::memcpy(batch + 16 * block, schedule.rounds[round], 16);
        }
        Pair words[8];
        slice(batch, words);
        for (std::size_t i = 0; i < 8; ++i) {
            expanded.words[round][i] = words[i][0];
        }
    }
    wipe(&schedule, sizeof schedule);
    wipe(batch, sizeof batch);
}

void aes_encrypt_batch(const AesKey& key, const std::uint8_t* from, std::uint8_t* to) noexcept {
    Pair w[8];
    slice(from, w);
    add_key(w, key.words[0]);
    for (std::size_t round = 1; round < kAesRounds; ++round) {
        substitute(w);
        shift_rows(w);
        mix_columns(w);
        add_key(w, key.words[round]);
    }
    substitute(w);
    shift_rows(w);
    add_key(w, key.words[kAesRounds]);
    unslice(w, to);
}

void aes_decrypt_batch(const AesKey& key, const std::uint8_t* from, std::uint8_t* to) noexcept {
    Pair w[8];
    slice(from, w);
    add_key(w, key.words[kAesRounds]);
    for (std::size_t round = kAesRounds - 1; round > 0; --round) {
        shift_rows_back(w);
        substitute_back(w);
        add_key(w, key.words[round]);
        mix_columns_back(w);
    }
    shift_rows_back(w);
    substitute_back(w);
    add_key(w, key.words[0]);
    unslice(w, to);
}

void aes_encrypt_blocks(const AesKey& key, const std::uint8_t* from, std::uint8_t* to,
                        std::size_t blocks) noexcept {
    some_blocks<aes_encrypt_batch>(key, from, to, blocks);
}

void aes_decrypt_blocks(const AesKey& key, const std::uint8_t* from, std::uint8_t* to,
                        std::size_t blocks) noexcept {
    some_blocks<aes_decrypt_batch>(key, from, to, blocks);
}

}  // namespace ferry::crypto::portable
