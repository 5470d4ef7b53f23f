// AeadRow: one implementation of one AEAD. Aead: a key at work.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace ferry::crypto {

struct Cpu;

inline constexpr std::size_t kNonceBytes = 12;
inline constexpr std::size_t kTagBytes = 16;

// What GCM with a 96-bit nonce allows for one message; ChaCha20-Poly1305 allows four times as much.
inline constexpr std::uint64_t kTextBytesMax = (std::uint64_t{1} << 36) - 32;
// Far above any use, far below what either AEAD allows.
inline constexpr std::uint64_t kAadBytesMax = std::uint64_t{1} << 32;

struct AeadRow;

// An expanded key, in whatever shape its row likes. Never lives in a coroutine frame (alignment).
struct alignas(64) AeadState {
    std::array<std::uint8_t, 1008> bytes;
    const AeadRow* row;  // for whoever keeps it; a row does not look at it
};
static_assert(sizeof(AeadState) == 1024);  // every session has two: what is more is paid for twice

// One implementation of one AEAD. Raw pointers: kernels see no C++ library.
struct AeadRow {
    const char* name;  // "aes128gcm.vaes512"
    std::size_t key_bytes;
    bool (*usable)(const Cpu& cpu);
    void (*expand)(AeadState& state, const std::uint8_t* key);
    // `from` and `to` are equal or do not overlap.
    void (*seal)(const AeadState& state, const std::uint8_t* nonce, const std::uint8_t* aad,
                 std::size_t aad_bytes, const std::uint8_t* from, std::uint8_t* to,
                 std::size_t text_bytes, std::uint8_t* tag);
    // Writes nothing that a caller may use when it gives false.
    bool (*open)(const AeadState& state, const std::uint8_t* nonce, const std::uint8_t* aad,
                 std::size_t aad_bytes, const std::uint8_t* from, std::uint8_t* to,
                 std::size_t text_bytes, const std::uint8_t* tag);
};

// A key at work. Wiped when destroyed.
class Aead {
public:
    Aead(const AeadRow& row, std::span<const std::uint8_t> key);
    Aead(const Aead&) = delete;
    Aead& operator=(const Aead&) = delete;
    ~Aead();

    // `to` is at least as long as `from`; both are the same bytes or do not overlap.
    void seal(std::span<const std::uint8_t, kNonceBytes> nonce, std::span<const std::uint8_t> aad,
              std::span<const std::uint8_t> from, std::span<std::uint8_t> to,
              std::span<std::uint8_t, kTagBytes> tag) const;
    [[nodiscard]] bool open(std::span<const std::uint8_t, kNonceBytes> nonce,
                            std::span<const std::uint8_t> aad, std::span<const std::uint8_t> from,
                            std::span<std::uint8_t> to,
                            std::span<const std::uint8_t, kTagBytes> tag) const;

private:
    AeadState state_;
};
static_assert(sizeof(Aead) == sizeof(AeadState));

// Every row that this build contains, fastest first; the portable row is last and always usable.
std::span<const AeadRow* const> aes128_gcm_rows();
std::span<const AeadRow* const> chacha20_poly1305_rows();

}  // namespace ferry::crypto
