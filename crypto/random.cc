#include "crypto/random.h"

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include <sys/random.h>

#include "crypto/portable/chacha20.h"

namespace ferry::crypto {

Random::Random(std::span<const std::uint8_t, 32> seed) noexcept : used_bytes_(0) {
    std::ranges::copy(seed, key_.begin());
    refill();
}

Random::~Random() {
    wipe(key_.data(), key_.size());
    wipe(pool_.data(), pool_.size());
}

void Random::fill(ByteSpan to) noexcept {
    while (!to.empty()) {
        if (used_bytes_ == pool_.size()) {
            refill();
        }
        const std::size_t bytes = std::min(to.size(), pool_.size() - used_bytes_);
        std::memcpy(to.data(), pool_.data() + used_bytes_, bytes);
        wipe(pool_.data() + used_bytes_, bytes);
        used_bytes_ += static_cast<std::uint32_t>(bytes);
        to = to.subspan(bytes);
    }
}

std::uint64_t Random::next() noexcept {
    std::array<std::uint8_t, 8> bytes;
    fill(bytes);
    return load_le<std::uint64_t>(bytes.data());
}

std::uint64_t Random::below(std::uint64_t bound) noexcept {
    assert(bound > 0);
    // The high half of next() * bound is what we want, except that some values of it would come
    // from one more value of next() than others. Those extra ones have the smallest low halves:
    // there are 2^64 mod bound of them, and they are drawn again.
    using Product = unsigned __int128;
    const std::uint64_t extra = (0 - bound) % bound;
    Product product = Product{next()} * bound;
    while (static_cast<std::uint64_t>(product) < extra) {
        product = Product{next()} * bound;
    }
    return static_cast<std::uint64_t>(product >> 64);
}

// The first 32 bytes of each pass become the next key and are never handed out, so the key of this
// pass is gone before any of its output is.
void Random::refill() noexcept {
    // Each key is used for one pass, so the nonce may stay zero.
    constexpr std::array<std::uint8_t, 12> kNonce{};
    portable::ChaCha20 stream(key_.data(), kNonce.data());
    static_assert(sizeof pool_ % portable::kChaChaBatchBytes == 0);
    for (std::size_t at = 0; at < pool_.size(); at += portable::kChaChaBatchBytes) {
        stream.next(pool_.data() + at);
    }
    std::copy_n(pool_.begin(), key_.size(), key_.begin());
    wipe(pool_.data(), key_.size());
    used_bytes_ = static_cast<std::uint32_t>(key_.size());
}

std::array<std::uint8_t, 32> system_seed() {
    std::array<std::uint8_t, 32> seed;
    std::size_t have = 0;
    while (have < seed.size()) {
        const ssize_t got = getrandom(seed.data() + have, seed.size() - have, 0);
        if (got > 0) {
            have += static_cast<std::size_t>(got);
        } else if (errno != EINTR) {
            std::perror("ringferry: no random numbers from the system");
            std::abort();
        }
    }
    return seed;
}

}  // namespace ferry::crypto
