// PeerAddress: the part of an address by which those who come from it are told apart.
#pragma once

#include <cstdint>

#include "crypto/bytes.h"
#include "io/endpoint.h"

namespace ferry::core {

// An IPv4 address, or the first 64 bits of an IPv6 address.
//
// A network of that size is what a single host is given (RFC 4291, 2.5.4). Its owner may take any
// of 2^64 addresses in it, so counting those one by one would count nothing; and an honest host
// changes to another one every day (RFC 8981) and should still be known.
class PeerAddress {
public:
    PeerAddress() noexcept = default;  // nowhere
    explicit PeerAddress(const io::Endpoint& peer) noexcept {
        const auto ip = peer.ip();
        if (ip.size() == 16) {
            bits_ = crypto::load_be<std::uint64_t>(ip.data());
        } else if (ip.size() == 4) {
            // Beside the IPv6 networks that begin with 0001, of which there are none.
            bits_ = std::uint64_t{1} << 48 | crypto::load_be<std::uint32_t>(ip.data());
        }
    }

    // Where in a table. `seed` keeps strangers from choosing addresses that fall into one place.
    std::uint64_t hash(std::uint64_t seed) const noexcept {
        constexpr std::uint64_t kMix = 0x9e3779b97f4a7c15;  // 2^64 divided by the golden ratio
        std::uint64_t mixed = (bits_ ^ seed) * kMix;
        mixed = (mixed ^ mixed >> 32) * kMix;
        return mixed ^ mixed >> 29;
    }

    friend bool operator==(const PeerAddress&, const PeerAddress&) = default;

private:
    std::uint64_t bits_ = 0;
};

}  // namespace ferry::core
