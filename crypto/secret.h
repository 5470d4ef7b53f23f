// Secret<N>: key material that is wiped when it goes out of scope.
#pragma once

#include <array>

#include "crypto/bytes.h"

namespace ferry::crypto {

// N secret bytes.
//
//   lifetime  wiped on destruction and when moved from
//   copying   only by name, with copy(); there is no stream operator and no comparison
template <std::size_t N>
class Secret {
public:
    Secret() noexcept = default;
    explicit Secret(std::span<const std::uint8_t, N> from) noexcept {
        std::memcpy(bytes_.data(), from.data(), N);
    }
    Secret(Secret&& other) noexcept : bytes_(other.bytes_) { wipe(other.bytes_.data(), N); }
    Secret& operator=(Secret&& other) noexcept {
        if (this != &other) {
            bytes_ = other.bytes_;
            wipe(other.bytes_.data(), N);
        }
        return *this;
    }
    Secret(const Secret&) = delete;
    Secret& operator=(const Secret&) = delete;
    ~Secret() { wipe(bytes_.data(), N); }

    Secret copy() const noexcept { return Secret(view()); }
    std::span<const std::uint8_t, N> view() const noexcept { return bytes_; }
    std::span<std::uint8_t, N> span() noexcept { return bytes_; }

private:
    std::array<std::uint8_t, N> bytes_{};
};

}  // namespace ferry::crypto
