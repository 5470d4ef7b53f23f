// What people call hosts and protocols.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/config_sections.h"
#include "core/config_words.h"

namespace ferry::core::config {
namespace {

// Protocols of V2Ray and its relatives that are not spoken in this place.
constexpr std::array<std::string_view, 17> kElsewhere{
    "vmess",     "vless",         "trojan",  "shadowsocks", "socks",  "mixed",
    "http",      "dokodemo-door", "freedom", "blackhole",   "dns",    "mtproto",
    "wireguard", "loopback",      "direct",  "block",       "tunnel",
};

}  // namespace

std::optional<proto::Address> host_of(Report& report, Text host, std::uint16_t port) {
    const std::string_view name = trimmed(host.text);
    const auto address = proto::address_from(name, port);
    if (!address) {
        report.mistake(host.at, fmt::format("{} is not a host", shown(name)),
                       "write an IP or a name of at most 255 bytes");
        return std::nullopt;
    }
    const bool is_odd =
        address->kind == proto::Address::Kind::name && !proto::is_wire_name(address->name);
    if (is_odd) {
        report.warning(host.at, fmt::format("{} is neither an IP nor a usual name", shown(name)),
                       "write the host alone; its port has a key of its own");
    }
    return *address;
}

void unknown_protocol(Report& report, Value value, std::span<const std::string_view> ours) {
    const std::string_view name = value.text();
    const bool is_elsewhere =
        std::any_of(kElsewhere.begin(), kElsewhere.end(),
                    [&](std::string_view other) { return equal_ignoring_case(name, other); });
    const std::string choice = fmt::format("use {}", fmt::join(ours, ", "));
    if (is_elsewhere) {
        report.mistake(value, fmt::format("the protocol {} is not supported here", shown(name)),
                       choice);
    } else {
        report.mistake(value, fmt::format("{} is not a protocol", shown(name)),
                       suggestion(name, ours, choice));
    }
}

}  // namespace ferry::core::config
