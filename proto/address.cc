#include "proto/address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cassert>
#include <cstring>
#include <optional>
#include <utility>

namespace ferry::proto {
namespace {

constexpr std::size_t kNameBytesMax = 255;
constexpr std::array<std::uint8_t, 12> kMappedPrefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

// The bytes of a literal of one family. The C library's parser takes exactly the standard forms: no
// leading zeros, no missing parts, no zone. It wants a zero behind the text.
template <std::size_t N>
std::optional<std::array<std::uint8_t, N>> literal(int family, std::string_view text) {
    std::array<char, INET6_ADDRSTRLEN> ended{};
    if (text.size() >= ended.size() || text.find('\0') != std::string_view::npos) {
        return std::nullopt;
    }
    std::copy(text.begin(), text.end(), ended.begin());
    std::array<std::uint8_t, N> ip;
    if (inet_pton(family, ended.data(), ip.data()) != 1) {
        return std::nullopt;
    }
    return ip;
}

std::string literal_text(int family, const std::array<std::uint8_t, 16>& ip) {
    std::array<char, INET6_ADDRSTRLEN> ended{};
    const char* written = inet_ntop(family, ip.data(), ended.data(), ended.size());
    assert(written != nullptr);
    return written;
}

}  // namespace

Address ipv4(std::array<std::uint8_t, 4> ip, std::uint16_t port) {
    Address address{.kind = Address::Kind::ipv4, .port = port, .ip = {}, .name = {}};
    std::copy(ip.begin(), ip.end(), address.ip.begin());
    return address;
}

Address ipv6(const std::array<std::uint8_t, 16>& ip, std::uint16_t port) {
    if (std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), ip.begin())) {
        return ipv4({ip[12], ip[13], ip[14], ip[15]}, port);
    }
    return {.kind = Address::Kind::ipv6, .port = port, .ip = ip, .name = {}};
}

Parsed<Address> address_from(std::string_view host, std::uint16_t port) {
    if (const auto ip = literal<4>(AF_INET, host)) {
        return ipv4(*ip, port);
    }
    std::string_view inner = host;
    if (host.starts_with('[') && host.ends_with(']')) {
        inner = host.substr(1, host.size() - 2);
    }
    if (const auto ip = literal<16>(AF_INET6, inner)) {
        return ipv6(*ip, port);
    }
    if (host.empty() || host.size() > kNameBytesMax) {
        return std::unexpected(Fault::bad_address);
    }
    return Address{.kind = Address::Kind::name, .port = port, .ip = {}, .name = std::string(host)};
}

bool is_wire_name(std::string_view name) noexcept {
    const auto is_wire_letter = [](char letter) {
        const bool is_digit = letter >= '0' && letter <= '9';
        const bool is_upper = letter >= 'A' && letter <= 'Z';
        const bool is_lower = letter >= 'a' && letter <= 'z';
        return is_digit || is_upper || is_lower || letter == '-' || letter == '.' || letter == '_';
    };
    return !name.empty() && name.size() <= kNameBytesMax &&
           std::all_of(name.begin(), name.end(), is_wire_letter);
}

Parsed<Address> wire_address_from(std::string_view host, std::uint16_t port) {
    auto address = address_from(host, port);
    if (address && address->kind == Address::Kind::name && !is_wire_name(address->name)) {
        return std::unexpected(Fault::bad_address);
    }
    return address;
}

std::string host_text(const Address& address) {
    switch (address.kind) {
        case Address::Kind::none:
            return {};
        case Address::Kind::ipv4:
            return literal_text(AF_INET, address.ip);
        case Address::Kind::ipv6:
            return literal_text(AF_INET6, address.ip);
        case Address::Kind::name:
            return address.name;
    }
    std::unreachable();
}

std::string text(const Address& address) {
    std::string host = host_text(address);
    if (address.kind == Address::Kind::ipv6) {
        host = '[' + host + ']';
    }
    return host + ':' + std::to_string(address.port);
}

}  // namespace ferry::proto
