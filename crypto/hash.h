// SHA-256 and HMAC over a row of the table; MD5, CRC-32 and FNV-1a, which are portable only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "crypto/bytes.h"

namespace ferry::crypto {

struct Cpu;

inline constexpr std::size_t kSha256Bytes = 32;
inline constexpr std::size_t kHashBlockBytes = 64;

using Sha256State = std::array<std::uint32_t, 8>;
using Sha256Digest = std::array<std::uint8_t, kSha256Bytes>;
using Md5Digest = std::array<std::uint8_t, 16>;

// One implementation of the SHA-256 compression function.
struct HashRow {
    const char* name;  // "sha256.ni"
    bool (*usable)(const Cpu& cpu);
    // `state` is eight words in host order; `blocks` is `count` times 64 bytes, at least one.
    void (*compress)(std::uint32_t* state, const std::uint8_t* blocks, std::size_t count);
    // One block for each of two states, side by side: two states and two blocks in a row. Null in
    // rows that gain nothing by it.
    void (*compress_two)(std::uint32_t* states, const std::uint8_t* blocks) = nullptr;
};

std::span<const HashRow* const> sha256_rows();

// One block for each of two states in a row, by the row's own way or one after the other.
void compress_two(const HashRow& row, Sha256State* states, const std::uint8_t* blocks) noexcept;

// SHA-256, piece by piece. Copying one copies its midstate: that is how HMAC keys are kept.
class Sha256 {
public:
    explicit Sha256(const HashRow& row) noexcept;
    // Goes on from a midstate that has seen `bytes` bytes, a multiple of 64.
    Sha256(const HashRow& row, const Sha256State& midstate, std::uint64_t bytes) noexcept;
    ~Sha256();

    void update(ByteView more) noexcept;
    Sha256Digest finish() noexcept;
    const Sha256State& midstate() const noexcept { return state_; }

private:
    const HashRow* row_;
    Sha256State state_;
    std::array<std::uint8_t, kHashBlockBytes> block_;
    std::uint64_t bytes_ = 0;
};

Sha256Digest sha256(const HashRow& row, ByteView message) noexcept;
Sha256Digest hmac_sha256(const HashRow& row, ByteView key, ByteView message) noexcept;

// MD5, piece by piece. Broken as a hash; the protocol derives keys with it.
class Md5 {
public:
    Md5() noexcept;
    ~Md5();
    void update(ByteView more) noexcept;
    Md5Digest finish() noexcept;

private:
    std::array<std::uint32_t, 4> state_;
    std::array<std::uint8_t, kHashBlockBytes> block_;
    std::uint64_t bytes_ = 0;
};

Md5Digest md5(ByteView message) noexcept;
Md5Digest hmac_md5(ByteView key, ByteView message) noexcept;

// HMAC-MD5 of one message under as many keys as there are lanes: the tokens of one second of the
// older header.
//
//   message  at most 55 bytes
//   cost     on AMD64 about a tenth of as many calls of hmac_md5(); nothing is wiped
inline constexpr std::size_t kMd5Lanes = 8;
using Md5Keys = std::array<std::array<std::uint8_t, 16>, kMd5Lanes>;
using Md5Digests = std::array<Md5Digest, kMd5Lanes>;
void hmac_md5_each(const Md5Keys& keys, ByteView message, Md5Digests& digests) noexcept;

// What is the same for every message: the states behind the two pads of each key, as good as the
// keys. Half of the work.
struct Md5Pads {
    using States = std::array<std::array<std::uint32_t, kMd5Lanes>, 4>;  // word by word

    States inside;
    States outside;
};
Md5Pads md5_pads(const Md5Keys& keys) noexcept;
void hmac_md5_each(const Md5Pads& pads, ByteView message, Md5Digests& digests) noexcept;

// The CRC-32 of IEEE 802.3, as in zlib.
std::uint32_t crc32(ByteView message) noexcept;

// FNV-1a with 32 bits; `from` continues an earlier call.
inline constexpr std::uint32_t kFnv1aStart = 0x811c9dc5;
std::uint32_t fnv1a(ByteView message, std::uint32_t from = kFnv1aStart) noexcept;

}  // namespace ferry::crypto
