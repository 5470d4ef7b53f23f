// "outbounds": the ways out. What VMess needs is read by config_vmess.cc.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "core/config_sections.h"
#include "core/config_words.h"

namespace ferry::core::config {
namespace {

// ---- what all have in common

std::optional<proto::Address> read_send_through(Section& section) {
    const auto text = section.text_at("sendThrough");
    if (!text) {
        return std::nullopt;
    }
    const auto address = proto::address_from(trimmed(text->text), 0);
    if (!address || address->kind == proto::Address::Kind::name) {
        section.report().mistake(text->at, fmt::format("{} is not an IP", shown(text->text)),
                                 "write an address of this machine, or remove the key");
        return std::nullopt;
    }
    const bool is_any = std::all_of(address->ip.begin(), address->ip.end(),
                                    [](std::uint8_t byte) { return byte == 0; });
    return is_any ? std::nullopt : std::optional(*address);
}

// V2Ray takes 8 streams where it says 0 or nothing, at most 1024, and a negative number switches
// it off.
constexpr std::uint16_t kMuxStreams = 8;
constexpr std::int16_t kMuxStreamsMax = 1024;

std::uint16_t mux_streams(Section& section, std::string_view key, std::int16_t number) {
    if (number > kMuxStreamsMax) {
        section.report().warning(*section.find(key), "this is more than 1024, which is used",
                                 "write 1024 or less");
        number = kMuxStreamsMax;
    }
    return number < 0 ? 0 : static_cast<std::uint16_t>(number);
}

// As in Xray, which has this key: "reject" where mux is on and nothing else is said, as V2Ray
// configurations that do not know it mean all datagrams.
Mux::Quic read_quic(Section& section) {
    const auto text = section.text_at("xudpProxyUDP443");
    if (!text || text->text.empty() || text->text == "allow") {
        return Mux::Quic::allow;
    }
    if (text->text == "skip") {
        return Mux::Quic::outside;
    }
    if (text->text != "reject") {
        section.report().mistake(text->at, fmt::format("{} is not a choice", shown(text->text)),
                                 "write \"reject\", \"allow\" or \"skip\"");
    }
    return Mux::Quic::refuse;
}

Mux read_mux(Section& outbound) {
    Section section(outbound, "mux");
    Mux mux;
    const bool is_enabled = section.flag("enabled");
    const std::int16_t streams = section.number<std::int16_t>("concurrency").value_or(0);
    const std::int16_t associations = section.number<std::int16_t>("xudpConcurrency").value_or(0);
    const Mux::Quic quic = read_quic(section);
    if (is_enabled) {
        mux.streams = streams == 0 ? kMuxStreams : mux_streams(section, "concurrency", streams);
        if (associations != 0) {
            mux.associations = mux_streams(section, "xudpConcurrency", associations);
        }
        mux.quic = quic;
    }
    section.finish();
    return mux;
}

// ---- freedom

using FreedomStrategy = FreedomOutbound::DomainStrategy;

struct NamedStrategy {
    std::string_view name;
    FreedomStrategy strategy;
};
constexpr std::array<NamedStrategy, 6> kStrategies{{
    {"asis", FreedomStrategy::as_is},
    {"useip", FreedomStrategy::use_ip},
    {"useip4", FreedomStrategy::use_ipv4},
    {"useipv4", FreedomStrategy::use_ipv4},
    {"useip6", FreedomStrategy::use_ipv6},
    {"useipv6", FreedomStrategy::use_ipv6},
}};

// V2Ray also takes spellings as "use_ip_v4".
FreedomStrategy read_strategy(Section& section) {
    const auto name = section.text_at("domainStrategy");
    if (!name || name->text.empty()) {
        return FreedomStrategy::as_is;
    }
    std::string plain = lower(name->text);
    std::erase(plain, '_');
    for (const NamedStrategy& known : kStrategies) {
        if (plain == known.name) {
            return known.strategy;
        }
    }
    section.report().warning(name->at,
                             fmt::format("{} is not a strategy; AsIs is used", shown(name->text)),
                             "use AsIs, UseIP, UseIPv4 or UseIPv6");
    return FreedomStrategy::as_is;
}

struct HostAndPort {
    std::string_view host;  // may be empty
    std::uint16_t port = 0;
};

// "host:port", ":port" or "[ip]:port".
std::optional<HostAndPort> split(std::string_view text) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) {
        return std::nullopt;
    }
    HostAndPort both{text.substr(0, colon), 0};
    const std::string_view digits = text.substr(colon + 1);
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), both.port);
    const bool is_bracketed = both.host.starts_with('[') && both.host.ends_with(']');
    const bool is_ambiguous = !is_bracketed && both.host.find(':') != std::string_view::npos;
    if (error != std::errc{} || end != digits.data() + digits.size() || is_ambiguous) {
        return std::nullopt;
    }
    return both;
}

std::optional<proto::Address> read_redirect(Section& section) {
    const auto text = section.text_at("redirect");
    if (!text || text->text.empty()) {
        return std::nullopt;
    }
    const auto both = split(text->text);
    if (!both) {
        section.report().mistake(text->at, fmt::format("{} is not a place", shown(text->text)),
                                 "write \"host:port\", \":port\" or \"[ip]:port\"");
        return std::nullopt;
    }
    if (both->host.empty()) {
        proto::Address same_host;
        same_host.port = both->port;
        return same_host;
    }
    return host_of(section.report(), {text->at, both->host}, both->port);
}

// ---- one outbound

constexpr std::array<std::string_view, 3> kProtocols{"vmess", "freedom", "blackhole"};

void read_settings(Section& section, Outbound& outbound) {
    section.ignore("settings");  // of an unknown protocol
    const auto name = section.needed_text("protocol", "the outbound has no protocol",
                                          "write vmess, freedom or blackhole");
    if (!name) {
        return;
    }
    const std::string protocol = lower(name->text);
    if (protocol == "vmess") {
        outbound.settings = read_vmess_outbound(section);
    } else if (protocol == "freedom" || protocol == "direct") {  // the second: Xray's newer name
        outbound.settings = read_freedom_outbound(section);
    } else if (protocol == "blackhole" || protocol == "block") {
        outbound.settings = read_blackhole_outbound(section);
    } else {
        unknown_protocol(section.report(), name->at, kProtocols);
    }
}

Outbound read_outbound(Report& report, Value value) {
    Section section(report, value);
    Outbound outbound;
    outbound.place = value.place();
    outbound.tag = section.text("tag");
    outbound.send_through = read_send_through(section);
    check_stream(section);
    outbound.mux = read_mux(section);
    section.refuse("proxySettings", "going out through another outbound is not supported",
                   "remove it, or name that outbound in a routing rule");
    read_settings(section, outbound);
    const bool shares = outbound.mux.streams > 0 || outbound.mux.associations;
    if (shares && !std::holds_alternative<VmessOutbound>(outbound.settings)) {
        report.warning(*section.find("mux"), "there is nobody who would take the streams apart",
                       "set \"enabled\" to false");
        outbound.mux = {};
    }
    section.finish();
    return outbound;
}

}  // namespace

FreedomOutbound read_freedom_outbound(Section& parent) {
    Section section(parent, "settings");
    FreedomOutbound outbound;
    outbound.strategy = read_strategy(section);
    outbound.redirect = read_redirect(section);
    outbound.level = section.number<std::uint32_t>("userLevel").value_or(0);
    if (section.number<std::uint32_t>("timeout").value_or(0) > 0) {
        section.report().warning(*section.find("timeout"), "this does nothing",
                                 "set \"connIdle\" of the level in \"policy\"");
    }
    section.finish();
    return outbound;
}

BlackholeOutbound read_blackhole_outbound(Section& parent) {
    Section section(parent, "settings");
    BlackholeOutbound outbound;
    if (section.find("response")) {
        Section response(section, "response");
        const auto type =
            response.needed_text("type", "the response has no type", "write \"none\" or \"http\"");
        response.finish();
        const bool is_http = type && equal_ignoring_case(type->text, "http");
        if (is_http) {
            outbound.response = BlackholeOutbound::Response::http;
        } else if (type && !equal_ignoring_case(type->text, "none")) {
            section.report().mistake(type->at,
                                     fmt::format("{} is not a response", shown(type->text)),
                                     "write \"none\" or \"http\"");
        }
    }
    section.finish();
    return outbound;
}

std::vector<Outbound> read_outbounds(Report& report, std::span<const Value> entries) {
    std::vector<Outbound> outbounds;
    for (const Value entry : entries) {
        Outbound outbound = read_outbound(report, entry);
        const auto same = std::find_if(
            outbounds.begin(), outbounds.end(),
            [&](const Outbound& old) { return !old.tag.empty() && old.tag == outbound.tag; });
        if (same != outbounds.end()) {
            report.warning(entry,
                           fmt::format("the tag {} also belongs to {}, line {}",
                                       shown(outbound.tag), same->place.file, same->place.line),
                           "rules mean the later one; give each a tag of its own");
        }
        outbounds.push_back(std::move(outbound));
    }
    return outbounds;
}

}  // namespace ferry::core::config
