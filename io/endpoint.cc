#include "io/endpoint.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace ferry::io {
namespace {

// ::ffff:0:0/96, where IPv6 has a place for each IPv4 address (RFC 4291, 2.5.5.2).
constexpr std::array<std::uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

}  // namespace

Endpoint::Endpoint() noexcept {
    // The comparisons and the kernel look at padding, too: nothing may be left as it was.
    std::memset(&at_, 0, sizeof at_);
    at_.base.sa_family = AF_UNSPEC;
}

Endpoint Endpoint::ipv4(std::span<const std::uint8_t, 4> ip, std::uint16_t port) noexcept {
    Endpoint made;
    made.at_.v4.sin_family = AF_INET;
    made.at_.v4.sin_port = htons(port);
    std::memcpy(&made.at_.v4.sin_addr, ip.data(), ip.size());
    return made;
}

Endpoint Endpoint::ipv6(std::span<const std::uint8_t, 16> ip, std::uint16_t port,
                        std::uint32_t zone) noexcept {
    Endpoint made;
    made.at_.v6.sin6_family = AF_INET6;
    made.at_.v6.sin6_port = htons(port);
    made.at_.v6.sin6_scope_id = zone;
    std::memcpy(&made.at_.v6.sin6_addr, ip.data(), ip.size());
    return made;
}

Endpoint Endpoint::loopback(std::uint16_t port) noexcept {
    return ipv4(std::array<std::uint8_t, 4>{127, 0, 0, 1}, port);
}

Endpoint Endpoint::any(std::uint16_t port) noexcept {
    return ipv4(std::array<std::uint8_t, 4>{}, port);
}

std::optional<Endpoint> Endpoint::from_literal(std::string_view ip, std::uint16_t port) {
    const std::string text(ip);
    if (text.find('\0') != std::string::npos) {
        return std::nullopt;  // what follows it would be overlooked
    }
    std::array<std::uint8_t, 16> bytes{};
    if (inet_pton(AF_INET, text.c_str(), bytes.data()) == 1) {
        return ipv4(std::span(bytes).first<4>(), port);
    }
    if (inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1) {
        return ipv6(bytes, port);
    }
    return std::nullopt;
}

Endpoint::Family Endpoint::family() const noexcept {
    switch (at_.base.sa_family) {
        case AF_INET:
            return Family::ipv4;
        case AF_INET6:
            return Family::ipv6;
        default:
            return Family::none;
    }
}

std::uint16_t Endpoint::port() const noexcept {
    switch (family()) {
        case Family::ipv4:
            return ntohs(at_.v4.sin_port);
        case Family::ipv6:
            return ntohs(at_.v6.sin6_port);
        case Family::none:
            return 0;
    }
    std::unreachable();
}

std::span<const std::uint8_t> Endpoint::ip() const noexcept {
    switch (family()) {
        case Family::ipv4:
            return {static_cast<const std::uint8_t*>(static_cast<const void*>(&at_.v4.sin_addr)),
                    4};
        case Family::ipv6:
            return {at_.v6.sin6_addr.s6_addr, 16};
        case Family::none:
            return {};
    }
    std::unreachable();
}

std::uint32_t Endpoint::zone() const noexcept {
    return family() == Family::ipv6 ? at_.v6.sin6_scope_id : 0;
}

bool Endpoint::is_any() const noexcept {
    return std::ranges::all_of(ip(), [](std::uint8_t byte) { return byte == 0; });
}

Endpoint Endpoint::with_port(std::uint16_t port) const noexcept {
    Endpoint other = *this;
    if (family() == Family::ipv4) {
        other.at_.v4.sin_port = htons(port);
    } else if (family() == Family::ipv6) {
        other.at_.v6.sin6_port = htons(port);
    }
    return other;
}

Endpoint Endpoint::unmapped() const noexcept {
    if (family() != Family::ipv6 || !std::ranges::equal(ip().first<12>(), kMapped)) {
        return *this;
    }
    return ipv4(ip().subspan<12, 4>(), port());
}

Endpoint Endpoint::mapped() const noexcept {
    if (family() != Family::ipv4) {
        return *this;
    }
    std::array<std::uint8_t, 16> bytes;
    std::ranges::copy(ip(), std::ranges::copy(kMapped, bytes.begin()).out);
    return ipv6(bytes, port());
}

socklen_t Endpoint::length() const noexcept {
    switch (family()) {
        case Family::ipv4:
            return sizeof(sockaddr_in);
        case Family::ipv6:
            return sizeof(sockaddr_in6);
        case Family::none:
            return 0;
    }
    std::unreachable();
}

std::string Endpoint::ip_text() const {
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (family() == Family::none) {
        return {};
    }
    inet_ntop(at_.base.sa_family, ip().data(), text.data(), text.size());
    return text.data();
}

std::string Endpoint::text() const {
    switch (family()) {
        case Family::ipv4:
            return ip_text() + ":" + std::to_string(port());
        case Family::ipv6:
            return "[" + ip_text() + "]:" + std::to_string(port());
        case Family::none:
            return "-";
    }
    std::unreachable();
}

bool operator==(const Endpoint& a, const Endpoint& b) noexcept {
    if (a.family() != b.family()) {
        return false;
    }
    switch (a.family()) {
        case Endpoint::Family::ipv4:
            return a.at_.v4.sin_addr.s_addr == b.at_.v4.sin_addr.s_addr &&
                   a.at_.v4.sin_port == b.at_.v4.sin_port;
        case Endpoint::Family::ipv6:
            return std::memcmp(&a.at_.v6.sin6_addr, &b.at_.v6.sin6_addr, sizeof(in6_addr)) == 0 &&
                   a.at_.v6.sin6_port == b.at_.v6.sin6_port &&
                   a.at_.v6.sin6_scope_id == b.at_.v6.sin6_scope_id;
        case Endpoint::Family::none:
            return true;
    }
    std::unreachable();
}

std::strong_ordering operator<=>(const Endpoint& a, const Endpoint& b) noexcept {
    // Not a comparison of memory: the kernel may leave something in sin_zero and in the flow label.
    if (const auto order = a.family() <=> b.family(); order != 0) {
        return order;
    }
    const auto left = a.ip();
    const auto right = b.ip();
    if (const auto order = std::lexicographical_compare_three_way(left.begin(), left.end(),
                                                                  right.begin(), right.end());
        order != 0) {
        return order;
    }
    if (const auto order = a.port() <=> b.port(); order != 0) {
        return order;
    }
    return a.zone() <=> b.zone();
}

}  // namespace ferry::io
