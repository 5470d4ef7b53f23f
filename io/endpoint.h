// Endpoint: an IP address and a port, in the form that the kernel reads. Names are not resolved
// here.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace ferry::io {

// Where a socket is bound or connected to. A plain value; the default is "nowhere".
class Endpoint {
public:
    enum class Family : std::uint8_t { none, ipv4, ipv6 };

    Endpoint() noexcept;

    static Endpoint ipv4(std::span<const std::uint8_t, 4> ip, std::uint16_t port) noexcept;
    static Endpoint ipv6(std::span<const std::uint8_t, 16> ip, std::uint16_t port,
                         std::uint32_t zone = 0) noexcept;
    // 127.0.0.1 and 0.0.0.0; port 0 lets the kernel choose one.
    static Endpoint loopback(std::uint16_t port = 0) noexcept;
    static Endpoint any(std::uint16_t port = 0) noexcept;
    // "1.2.3.4" or "::1", without brackets; nothing if it is not a literal address.
    static std::optional<Endpoint> from_literal(std::string_view ip, std::uint16_t port);

    Family family() const noexcept;
    std::uint16_t port() const noexcept;
    // 4, 16 or no bytes; the view dies with the Endpoint.
    std::span<const std::uint8_t> ip() const noexcept;
    std::uint32_t zone() const noexcept;  // the interface of a link-local IPv6 address, or 0
    bool is_any() const noexcept;         // all bits zero: every address of the machine
    Endpoint with_port(std::uint16_t port) const noexcept;
    // ::ffff:a.b.c.d becomes a.b.c.d: what a listener on "::" sees of an IPv4 peer.
    Endpoint unmapped() const noexcept;
    // And back: how a socket for both families names an IPv4 peer.
    Endpoint mapped() const noexcept;

    std::string ip_text() const;  // "1.2.3.4", "::1"; "" for nowhere
    std::string text() const;     // "1.2.3.4:80", "[::1]:80"; "-" for nowhere

    const sockaddr* address() const noexcept { return &at_.base; }
    sockaddr* writable_address() noexcept { return &at_.base; }
    socklen_t length() const noexcept;  // of what address() points to; 0 for nowhere
    static constexpr socklen_t kLengthMax = sizeof(sockaddr_in6);

    friend bool operator==(const Endpoint& a, const Endpoint& b) noexcept;
    friend std::strong_ordering operator<=>(const Endpoint& a, const Endpoint& b) noexcept;

private:
    union Address {
        sockaddr base;
        sockaddr_in v4;
        sockaddr_in6 v6;
    };
    Address at_;
};

}  // namespace ferry::io
