// SkewReports: whose wrong clock has been told of lately.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "proto/vmess/keys.h"

namespace ferry::core {

// Lets through one line per user and minute about a clock that is off. Shared by all cores, as the
// connections of one user arrive at any of them.
//
// A user may have to share a place with another one: then the two get one line together, and the
// counter still counts both.
//
//   thread  any
//   memory  16 KiB
class SkewReports {
public:
    static constexpr std::uint32_t kSecondsBetween = 60;

    // May a line be written now? The second time within a minute: no.
    bool due(const proto::vmess::UserId& id, std::int64_t unix_seconds) noexcept {
        std::atomic<std::uint32_t>& last = last_[crypto::fnv1a(id.bytes) % last_.size()];
        // Modulo 2^32, with the lowest bit up, as 0 stands for never: that is one second at most.
        const std::uint32_t now = static_cast<std::uint32_t>(unix_seconds) | 1;
        std::uint32_t before = last.load(std::memory_order_relaxed);
        if (before != 0 && now - before < kSecondsBetween) {
            return false;
        }
        // Of two cores at the same moment one wins.
        return last.compare_exchange_strong(before, now, std::memory_order_relaxed);
    }

private:
    std::array<std::atomic<std::uint32_t>, 4096> last_{};
};

}  // namespace ferry::core
