// The ciphers and hashes that the model of a machine needs, one block at a time, as their standards
// define them: plain, slow, and with tables where those are plainest.
#pragma once

#include <cstdint>

namespace ferry::test::cpacf {

// FIPS 197. 16 bytes of key; `from` and `to` may be the same.
void aes128_encrypt(const std::uint8_t* key, const std::uint8_t* from, std::uint8_t* to);
void aes128_decrypt(const std::uint8_t* key, const std::uint8_t* from, std::uint8_t* to);

// NIST SP 800-38D, 6.4: adds a block of 16 bytes to the sum and multiplies by the hash key.
void ghash(const std::uint8_t* hash_key, const std::uint8_t* block, std::uint8_t* sum);

// FIPS 180-4, 6.2.2, on a hash of 32 bytes and a block of 64.
void sha256_compress(std::uint8_t* hash, const std::uint8_t* block);

// FIPS 202, 3.3: Keccak-f[1600] on a state of 200 bytes.
void keccak_permute(std::uint8_t* state);

}  // namespace ferry::test::cpacf
