// TrialRow: one block decrypted under many AES-128 keys, to find out whose it is.
#pragma once

#include <cstddef>
#include <cstdint>

#include "crypto/bytes.h"

namespace ferry::crypto {

struct Cpu;

inline constexpr std::size_t kTrialBlockUsers = 64;

// The keys of up to 64 users, in whatever layout the row likes.
//
//   memory  16 bytes per user: rows keep one round key and run the key schedule as they decrypt,
//           which costs less than reading whole schedules from memory
struct alignas(64) TrialKeys {
    std::uint8_t bytes[kTrialBlockUsers * 16] = {};
};

// One implementation of the search.
struct TrialRow {
    const char* name;  // "trial.portable"
    bool (*usable)(const Cpu& cpu);
    // Puts the 16-byte key of user `index` (0 to 63) in its place.
    void (*set)(TrialKeys& keys, std::size_t index, const std::uint8_t* key);
    // Decrypts `block` under the keys 0 to count-1 and gives a bit set of those whose plaintext
    // ends with the big-endian CRC-32 of its first twelve bytes.
    std::uint64_t (*find)(const TrialKeys& keys, std::size_t count, const std::uint8_t* block);
};

std::span<const TrialRow* const> aes128_trial_rows();

}  // namespace ferry::crypto
