// One block under 64 keys at once, portable: user u is bit u of every word.
//
// All users decrypt the same block, so it enters as words of zeros or ones. Since a word never
// holds two bits of one user, moving bytes costs nothing, and even the checksum is computed for all
// users at once. The time is that of 64 users, however many there are.
#include <utility>

#include "crypto/portable/aes.h"
#include "crypto/portable/aes_sbox.h"
#include "crypto/portable/rows.h"
#include "crypto/portable/trial_checksum.h"
#include "crypto/state.h"
#include "crypto/trial.h"

namespace ferry::crypto::portable {

namespace {

using Byte = std::uint64_t[8];  // the same byte of 64 users; bits of weight 2^i in word i
using Block = Byte[16];

// The last round key of every user. The rounds before it are found on the way back.
struct Keys {
    Block last_round;
};

// FIPS 197, 5.2: what is added to the first byte of round key i + 1.
constexpr std::uint8_t kRoundConstants[kAesRounds] = {1, 2, 4, 8, 16, 32, 64, 128, 0x1b, 0x36};

void set(TrialKeys& keys, std::size_t index, const std::uint8_t* key) {
    Keys& all = in<Keys>(keys);
    AesSchedule schedule = aes_schedule(key);
    const std::uint64_t user = std::uint64_t{1} << index;
    for (std::size_t byte = 0; byte < 16; ++byte) {
        for (std::size_t i = 0; i < 8; ++i) {
            const std::uint64_t bit = schedule.rounds[kAesRounds][byte] >> i & 1;
            std::uint64_t& word = all.last_round[byte][i];
            word = (word & ~user) | bit << index;
        }
    }
    wipe(&schedule, sizeof schedule);
}

void add(Byte& to, const Byte& from) {
    for (std::size_t i = 0; i < 8; ++i) {
        to[i] ^= from[i];
    }
}

void add(Block& to, const Block& from) {
    for (std::size_t byte = 0; byte < 16; ++byte) {
        add(to[byte], from[byte]);
    }
}

void double_it(Byte& a) {
    const std::uint64_t out = a[7];
    a[7] = a[6];
    a[6] = a[5];
    a[5] = a[4];
    a[4] = a[3] ^ out;
    a[3] = a[2] ^ out;
    a[2] = a[1];
    a[1] = a[0] ^ out;
    a[0] = out;
}

// Makes round key `round` of round key `round` + 1. Every column but the first was added to the one
// behind it; the last one, turned and substituted, and a constant were added to the first.
void step_back(Block& key, std::size_t round) {
    for (std::size_t byte = 15; byte >= 4; --byte) {
        add(key[byte], key[byte - 4]);
    }
    for (std::size_t row = 0; row < 4; ++row) {
        Byte turned;
        std::memcpy(turned, key[12 + (row + 1) % 4], sizeof turned);
        substitute(turned);
        add(key[row], turned);
    }
    for (std::size_t i = 0; i < 8; ++i) {
        key[0][i] ^= 0 - std::uint64_t{kRoundConstants[round] >> i & 1u};
    }
}

// What row r of column c becomes was in column c - r. With the S-box, since both touch every byte.
void shift_and_substitute_back(Block& to, const Block& from) {
    for (std::size_t column = 0; column < 4; ++column) {
        for (std::size_t row = 0; row < 4; ++row) {
            Byte& byte = to[4 * column + row];
            std::memcpy(byte, from[4 * ((column + 4 - row) % 4) + row], sizeof byte);
            substitute_back(byte);
        }
    }
}

// The inverse of MixColumns on one column, in two steps: a[r] + 4 (a[r] + a[r + 2]), which makes
// the rest MixColumns itself, a[r] + (the sum of all) + 2 (a[r] + a[r + 1]).
void mix_column_back(Byte* a) {
    for (std::size_t row = 0; row < 2; ++row) {
        Byte four_times;
        std::memcpy(four_times, a[row], sizeof four_times);
        add(four_times, a[row + 2]);
        double_it(four_times);
        double_it(four_times);
        add(a[row], four_times);
        add(a[row + 2], four_times);
    }

    Byte sum = {};
    Byte twice[4];
    for (std::size_t row = 0; row < 4; ++row) {
        add(sum, a[row]);
        std::memcpy(twice[row], a[row], sizeof twice[row]);
        add(twice[row], a[(row + 1) % 4]);
        double_it(twice[row]);
    }
    for (std::size_t row = 0; row < 4; ++row) {
        add(a[row], sum);
        add(a[row], twice[row]);
    }
}

std::uint64_t find(const TrialKeys& keys, std::size_t count, const std::uint8_t* block) {
    const Keys& all = in<Keys>(keys);
    Block state;
    for (std::size_t byte = 0; byte < 16; ++byte) {
        for (std::size_t i = 0; i < 8; ++i) {
            state[byte][i] = 0 - std::uint64_t{block[byte] >> i & 1u};
        }
    }

    Block key;
    std::memcpy(key, all.last_round, sizeof key);
    Block shifted;
    add(state, key);
    for (std::size_t round = kAesRounds - 1; round > 0; --round) {
        shift_and_substitute_back(shifted, state);
        step_back(key, round);
        add(shifted, key);
        for (std::size_t column = 0; column < 4; ++column) {
            mix_column_back(shifted + 4 * column);
        }
        std::swap(state, shifted);
    }
    shift_and_substitute_back(shifted, state);
    step_back(key, 0);
    add(shifted, key);

    const std::uint64_t asked = count == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << count) - 1;
    const std::uint64_t found = ~wrong_checksums(shifted) & asked;
    wipe(key, sizeof key);
    wipe(state, sizeof state);
    wipe(shifted, sizeof shifted);
    return found;
}

}  // namespace

const TrialRow kAes128Trial = {
    .name = "trial.portable",
    .usable = [](const Cpu&) { return true; },
    .set = set,
    .find = find,
};

}  // namespace ferry::crypto::portable
