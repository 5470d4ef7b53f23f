// The ChaCha20 key stream of RFC 8439, four blocks at a time.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ferry::crypto::portable {

inline constexpr std::size_t kChaChaBatchBytes = 4 * 64;

// One key stream, read forwards. Wiped when destroyed.
class ChaCha20 {
public:
    // 32 bytes of key, 12 of nonce; the first block has the counter 0.
    ChaCha20(const std::uint8_t* key, const std::uint8_t* nonce) noexcept;
    ChaCha20(const ChaCha20&) = delete;
    ChaCha20& operator=(const ChaCha20&) = delete;
    ~ChaCha20();

    // The next 256 bytes. The counter has 32 bits: no more than 2^38 bytes come from one nonce.
    void next(std::uint8_t* batch) noexcept;

private:
    std::uint32_t start_[16];
};

}  // namespace ferry::crypto::portable
