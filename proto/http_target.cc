#include "proto/http_target.h"

#include <algorithm>
#include <utility>

#include "proto/http_field.h"

namespace ferry::proto {
namespace {

constexpr std::size_t kPortDigitsMax = 5;
constexpr std::uint64_t kPortMax = 65'535;

std::optional<std::uint16_t> port_from(std::string_view digits, HttpPort rule) {
    if (digits.empty() && rule == HttpPort::default_80) {
        return kHttpPort;
    }
    const auto port = length_from(digits);
    if (!port || digits.size() > kPortDigitsMax || *port == 0 || *port > kPortMax) {
        return std::nullopt;
    }
    return static_cast<std::uint16_t>(*port);
}

// What stands behind the authority, as a request asks for it: a path, if only an empty one.
std::string path_from(std::string_view behind, std::string_view method) {
    if (behind.empty() && method == "OPTIONS") {
        return "*";
    }
    if (behind.starts_with('/')) {
        return std::string(behind);
    }
    return '/' + std::string(behind);
}

}  // namespace

std::optional<Address> authority_from(std::string_view text, HttpPort port) {
    // The colons of an IPv6 address are inside brackets; the one of the port is behind them.
    const std::size_t bracket = text.rfind(']');
    const std::size_t colon = text.rfind(':');
    const bool has_port =
        colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket);
    const std::string_view host = has_port ? text.substr(0, colon) : text;
    const auto number = port_from(has_port ? text.substr(colon + 1) : std::string_view(), port);
    if (!number) {
        return std::nullopt;
    }
    // Without brackets nobody can say where an IPv6 address ends and a port begins.
    if (!host.starts_with('[') && host.find(':') != std::string_view::npos) {
        return std::nullopt;
    }
    auto address = wire_address_from(host, *number);
    if (!address) {
        return std::nullopt;
    }
    return std::move(*address);
}

std::optional<HttpTarget> target_from(std::string_view uri, std::string_view method) {
    constexpr std::string_view kScheme = "http://";
    if (!same_word(uri.substr(0, kScheme.size()), kScheme)) {
        return std::nullopt;
    }
    const std::string_view rest = uri.substr(kScheme.size());
    if (rest.find('#') != std::string_view::npos) {
        return std::nullopt;
    }
    const std::size_t end = std::min(rest.find_first_of("/?"), rest.size());
    // A name and a password in front are the client's own: none of the target's fields has them.
    std::string_view authority = rest.substr(0, end);
    authority.remove_prefix(authority.rfind('@') + 1);
    auto address = authority_from(authority, HttpPort::default_80);
    if (!address) {
        return std::nullopt;
    }
    return HttpTarget{.address = std::move(*address),
                      .authority = authority,
                      .path = path_from(rest.substr(end), method)};
}

}  // namespace ferry::proto
