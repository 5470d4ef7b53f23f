// AES-128, bit-sliced: eight blocks at a time, in constant time.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ferry::crypto::portable {

inline constexpr std::size_t kAesRounds = 10;
inline constexpr std::size_t kAesBatchBlocks = 8;
inline constexpr std::size_t kAesBatchBytes = kAesBatchBlocks * 16;

// The round keys of one key, bit-sliced: words[r][i] holds the bits of weight 2^i of round key r,
// each at the four places of its byte in four blocks.
struct AesKey {
    std::uint64_t words[kAesRounds + 1][8];
};

// The round keys as FIPS 197 has them, 16 bytes each.
struct AesSchedule {
    std::uint8_t rounds[kAesRounds + 1][16];
};

AesSchedule aes_schedule(const std::uint8_t* key) noexcept;
void aes_expand(AesKey& expanded, const std::uint8_t* key) noexcept;

// Encrypt or decrypt one batch of 128 bytes; `from` and `to` may be the same.
void aes_encrypt_batch(const AesKey& key, const std::uint8_t* from, std::uint8_t* to) noexcept;
void aes_decrypt_batch(const AesKey& key, const std::uint8_t* from, std::uint8_t* to) noexcept;

// The same for 1 to 8 blocks, at the cost of a batch.
void aes_encrypt_blocks(const AesKey& key, const std::uint8_t* from, std::uint8_t* to,
                        std::size_t blocks) noexcept;
void aes_decrypt_blocks(const AesKey& key, const std::uint8_t* from, std::uint8_t* to,
                        std::size_t blocks) noexcept;

}  // namespace ferry::crypto::portable
