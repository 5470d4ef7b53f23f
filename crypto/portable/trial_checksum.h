// The checksum of an opened block, for 64 users at once: user u is bit u of every word.
#pragma once

#include <cstdint>

namespace ferry::crypto::portable {

// A block of every user: plain[b][i] holds the bits of weight 2^i of byte b.
using TrialPlain = std::uint64_t[16][8];

// The users whose last four bytes are not the big-endian CRC-32 of the first twelve.
std::uint64_t wrong_checksums(const TrialPlain& plain) noexcept;

}  // namespace ferry::crypto::portable
