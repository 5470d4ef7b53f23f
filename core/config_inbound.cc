// "inbounds": where each listens. What it speaks there is read by config_vmess.cc and
// config_local.cc.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "core/config_sections.h"
#include "core/config_words.h"

namespace ferry::core::config {
namespace {

constexpr std::string_view kPortRemedy =
    "write 1080, \"1080\", \"1080-1090\" or \"env:NAME\", with numbers from 0 to 65535";

bool is_unspecified(const proto::Address& address) {
    return std::all_of(address.ip.begin(), address.ip.end(), [](auto byte) { return byte == 0; });
}

// ---- listen

bool is_unix_socket(std::string_view host) {
    return host.starts_with('/') || host.starts_with('@');
}

// Nothing stands for all addresses of both families.
std::optional<proto::Address> read_listen(Section& section) {
    const auto text = section.text_at("listen");
    if (!text) {
        return std::nullopt;
    }
    const std::string_view host = trimmed(text->text);
    if (is_unix_socket(host)) {
        section.report().mistake(text->at, "unix sockets are not supported",
                                 "listen on an address, for example \"127.0.0.1\"");
        return std::nullopt;
    }
    const auto address = proto::address_from(host == "localhost" ? "127.0.0.1" : host, 0);
    if (!address || address->kind == proto::Address::Kind::name) {
        section.report().mistake(text->at, fmt::format("{} is not an address", shown(host)),
                                 "write an IP, or remove the key to listen everywhere");
        return std::nullopt;
    }
    if (is_unspecified(*address)) {
        return std::nullopt;
    }
    return *address;
}

// ---- port

std::optional<std::uint16_t> port_from(std::string_view digits) {
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (error != std::errc{} || end != digits.data() + digits.size()) {
        return std::nullopt;
    }
    return port;
}

std::optional<PortRange> range_from(std::string_view text) {
    const std::size_t dash = text.find('-');
    const auto first = port_from(text.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : port_from(text.substr(dash + 1));
    if (!first || !last || *first > *last) {
        return std::nullopt;
    }
    return PortRange{*first, *last};
}

std::optional<PortRange> ports_from_text(Report& report, Value value,
                                         const Environment& environment) {
    constexpr std::string_view kVariable = "env:";
    std::string text(value.text());
    if (text.starts_with(kVariable)) {
        const std::string name = text.substr(kVariable.size());
        const auto found = environment(name);
        if (!found) {
            report.mistake(value, fmt::format("the environment has no variable {}", shown(name)),
                           "set it, or write the port");
            return std::nullopt;
        }
        text = *found;
    }
    const auto range = range_from(text);
    if (!range) {
        report.mistake(value, fmt::format("{} is neither a port nor a range of ports", shown(text)),
                       std::string(kPortRemedy));
    }
    return range;
}

std::optional<PortRange> read_ports(Report& report, Value value, const Environment& environment) {
    if (value.kind() == Value::Kind::number) {
        const auto port = number_of<std::uint16_t>(report, value);
        return port ? std::optional(PortRange{*port, *port}) : std::nullopt;
    }
    if (value.kind() == Value::Kind::string) {
        return ports_from_text(report, value, environment);
    }
    report.mistake(value, "this is neither a port nor a range of ports", std::string(kPortRemedy));
    return std::nullopt;
}

// ---- sniffing

// Sniffing replaces the place that was asked for by the name found in the first bytes. Without it
// the connection may go elsewhere, so it is refused rather than ignored.
void check_sniffing(Section& inbound) {
    Section section(inbound, "sniffing");
    const bool is_enabled = section.flag("enabled");
    const bool is_route_only = section.flag("routeOnly");
    const auto overrides = section.find("destOverride");
    section.ignore("metadataOnly");
    section.ignore("domainsExcluded");
    section.ignore("excludedDomains");
    section.ignore("ipsExcluded");
    section.finish();
    const bool overrides_any = overrides && !texts_of(inbound.report(), *overrides).empty();
    if (is_enabled && overrides_any && !is_route_only) {
        inbound.report().mistake(*overrides, "sniffing is not supported",
                                 "set \"enabled\" to false in \"sniffing\"; connections then go "
                                 "where the client asked");
    } else if (is_enabled) {
        inbound.report().warning(*inbound.find("sniffing"), "sniffing is not supported",
                                 "nothing here depends on it; set \"enabled\" to false");
    }
    inbound.refuse("domainOverride", "sniffing is not supported", "remove it");
}

// ---- one inbound

constexpr std::array<std::string_view, 4> kProtocols{"vmess", "socks", "http", "dokodemo-door"};

void read_settings(Section& section, Inbound& inbound) {
    section.ignore("settings");  // of an unknown protocol
    const auto name = section.needed_text("protocol", "the inbound has no protocol",
                                          "write vmess, socks, http or dokodemo-door");
    if (!name) {
        return;
    }
    const std::string protocol = lower(name->text);
    if (protocol == "vmess") {
        inbound.settings = read_vmess_inbound(section);
    } else if (protocol == "socks") {
        inbound.settings = read_socks_inbound(section);
    } else if (protocol == "http") {
        inbound.settings = read_http_inbound(section);
    } else if (protocol == "dokodemo-door" || protocol == "tunnel") {  // Xray's newer name
        inbound.settings = read_dokodemo_inbound(section);
    } else {
        unknown_protocol(section.report(), name->at, kProtocols);
    }
}

Inbound read_inbound(Report& report, Value value, std::optional<Value> default_port,
                     const Environment& environment) {
    Section section(report, value);
    Inbound inbound;
    inbound.place = value.place();
    inbound.tag = section.text("tag");
    inbound.listen = read_listen(section);

    auto port = section.find("port");
    if (!port && default_port) {
        port = default_port;
    }
    if (port) {
        inbound.ports = read_ports(report, *port, environment).value_or(PortRange{});
    } else if (!is_unix_socket(section.text("listen"))) {
        section.missing("port", "the inbound has no port", std::string(kPortRemedy));
    }
    inbound.allocate = read_allocate(section, inbound.ports);
    check_sniffing(section);
    check_stream(section);
    read_settings(section, inbound);
    section.warn_of("detour", "here, this does nothing", "move it into \"settings\"");
    section.finish();
    return inbound;
}

// ---- inbounds side by side

Networks networks_of(const Inbound& inbound) {
    const auto* door = std::get_if<DokodemoInbound>(&inbound.settings);
    return door == nullptr ? Networks{} : door->networks;
}

// Every listening socket shares its port among cores, so the kernel would not refuse a second
// owner: it would deal connections out to both. Between one address and all of them it knows the
// way.
bool are_in_conflict(const Inbound& a, const Inbound& b) {
    const Networks one = networks_of(a);
    const Networks other = networks_of(b);
    if (!(one.tcp && other.tcp) && !(one.udp && other.udp)) {
        return false;
    }
    const std::uint16_t first = std::max({a.ports.first, b.ports.first, std::uint16_t{1}});
    const std::uint16_t last = std::min(a.ports.last, b.ports.last);
    return a.listen == b.listen && first <= last;  // port 0 is a new one each time
}

void check_neighbours(Report& report, std::span<const Inbound> inbounds,
                      std::span<const Value> entries) {
    for (std::size_t later = 0; later < inbounds.size(); ++later) {
        for (std::size_t earlier = 0; earlier < later; ++earlier) {
            const Inbound& a = inbounds[earlier];
            const Inbound& b = inbounds[later];
            const std::string place = fmt::format("{}, line {}", a.place.file, a.place.line);
            if (!b.tag.empty() && a.tag == b.tag) {
                report.mistake(entries[later],
                               fmt::format("the tag {} is taken by {}", shown(b.tag), place),
                               "give each inbound a tag of its own");
            }
            if (are_in_conflict(a, b)) {
                report.mistake(entries[later],
                               fmt::format("it wants a port that belongs to {}", place),
                               "choose another port or another address");
            }
        }
    }
}

}  // namespace

std::vector<Inbound> read_inbounds(Report& report, std::span<const Value> entries,
                                   std::optional<Value> port, const Environment& environment) {
    std::vector<Inbound> inbounds;
    for (const Value entry : entries) {
        const bool is_first = inbounds.empty();
        inbounds.push_back(
            read_inbound(report, entry, is_first ? port : std::nullopt, environment));
    }
    check_neighbours(report, inbounds, entries);
    check_detours(report, inbounds, entries);
    return inbounds;
}

}  // namespace ferry::core::config
