#include "core/endpoints.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

namespace ferry::core {

io::Endpoint endpoint_of(const proto::Address& address) noexcept {
    switch (address.kind) {
        case proto::Address::Kind::ipv4:
            return io::Endpoint::ipv4(std::span(address.ip).first<4>(), address.port);
        case proto::Address::Kind::ipv6:
            return io::Endpoint::ipv6(address.ip, address.port);
        case proto::Address::Kind::none:
        case proto::Address::Kind::name:
            return {};
    }
    std::unreachable();
}

proto::Address address_of(const io::Endpoint& endpoint) {
    std::array<std::uint8_t, 16> ip{};
    std::ranges::copy(endpoint.ip(), ip.begin());
    switch (endpoint.family()) {
        case io::Endpoint::Family::ipv4:
            return proto::ipv4({ip[0], ip[1], ip[2], ip[3]}, endpoint.port());
        case io::Endpoint::Family::ipv6:
            return proto::ipv6(ip, endpoint.port());
        case io::Endpoint::Family::none:
            return {};
    }
    std::unreachable();
}

}  // namespace ferry::core
