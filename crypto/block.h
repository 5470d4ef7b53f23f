// BlockRow: AES-128 on single blocks, and CFB over it for the older header and body.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "crypto/bytes.h"

namespace ferry::crypto {

struct Cpu;

inline constexpr std::size_t kAesBlockBytes = 16;

// An expanded AES-128 key, both directions, in whatever shape its row likes.
struct alignas(64) BlockState {
    std::array<std::uint8_t, 1024> bytes;
};

// One implementation of AES-128 on blocks.
struct BlockRow {
    const char* name;  // "aes128.ni"
    bool (*usable)(const Cpu& cpu);
    void (*expand)(BlockState& state, const std::uint8_t* key);
    void (*encrypt)(const BlockState& state, const std::uint8_t* from, std::uint8_t* to);
    void (*decrypt)(const BlockState& state, const std::uint8_t* from, std::uint8_t* to);
    // CFB-128 over one or more whole blocks: `chain` is the last ciphertext block (first the IV)
    // and is replaced.
    void (*cfb_encrypt)(const BlockState& state, std::uint8_t* chain, const std::uint8_t* from,
                        std::uint8_t* to, std::size_t blocks);
    void (*cfb_decrypt)(const BlockState& state, std::uint8_t* chain, const std::uint8_t* from,
                        std::uint8_t* to, std::size_t blocks);
};

std::span<const BlockRow* const> aes128_rows();

// One AES-128 key on single blocks. Wiped when destroyed.
class Aes128 {
public:
    Aes128(const BlockRow& row, std::span<const std::uint8_t, 16> key) noexcept;
    Aes128(const Aes128&) = delete;
    Aes128& operator=(const Aes128&) = delete;
    ~Aes128();

    std::array<std::uint8_t, kAesBlockBytes> encrypt(
        std::span<const std::uint8_t, kAesBlockBytes> block) const noexcept;
    std::array<std::uint8_t, kAesBlockBytes> decrypt(
        std::span<const std::uint8_t, kAesBlockBytes> block) const noexcept;

private:
    const BlockRow& row_;
    BlockState state_;
};

// AES-128-CFB as a stream of bytes: any split of the input gives the same output.
class Cfb {
public:
    enum class Way : std::uint8_t { encrypt, decrypt };
    Cfb(const BlockRow& row, Way way, std::span<const std::uint8_t, 16> key,
        std::span<const std::uint8_t, 16> iv) noexcept;
    Cfb(const Cfb&) = delete;
    Cfb& operator=(const Cfb&) = delete;
    ~Cfb();

    // `from` and `to` are equally long; the same bytes or not overlapping.
    void apply(ByteView from, ByteSpan to) noexcept;

private:
    std::size_t spend(ByteView from, ByteSpan to) noexcept;

    const BlockRow& row_;
    Way way_;
    std::uint8_t used_ = 0;  // bytes of the current key stream block that are spent
    std::array<std::uint8_t, 16> chain_;
    std::array<std::uint8_t, 16> stream_;
    BlockState state_;
};

}  // namespace ferry::crypto
