// "settings" of the ways in that need no VMess: "socks", "http" and "dokodemo-door".
#include <fmt/format.h>

#include <algorithm>

#include "core/config_sections.h"
#include "core/config_words.h"

namespace ferry::core::config {
namespace {

Account read_account(Report& report, Value value) {
    Section section(report, value);
    Account account;
    account.user = section.text("user");
    account.password = section.text("pass");
    if (account.user.empty()) {
        report.warning(value, "this account has no user name", "write \"user\" and \"pass\"");
    }
    section.finish();
    return account;
}

std::vector<Account> read_accounts(Section& section) {
    std::vector<Account> accounts;
    if (const auto list = section.list("accounts")) {
        for (const Value account : list->children()) {
            accounts.push_back(read_account(section.report(), account));
        }
    }
    return accounts;
}

// V2Ray lets "timeout" stand in for the idle time of level 0, and only of that.
std::optional<Seconds> read_idle(Section& section, std::uint32_t level) {
    const std::uint32_t seconds = section.number<std::uint32_t>("timeout").value_or(0);
    if (seconds == 0 || level != 0) {
        return std::nullopt;
    }
    return Seconds(seconds);
}

// ---- socks

void read_socks_udp(Section& section, SocksInbound& inbound) {
    inbound.udp = section.flag("udp");
    const auto host = section.text_at("ip");
    if (!host) {
        return;
    }
    const auto address = proto::address_from(trimmed(host->text), 0);
    if (address && address->kind != proto::Address::Kind::name) {
        inbound.udp_ip = *address;
    } else {
        section.report().warning(host->at, fmt::format("{} is not an IP", shown(host->text)),
                                 "write the address where clients reach this machine");
    }
}

SocksInbound::Auth read_socks_auth(Section& section) {
    const auto method = section.text_at("auth");
    if (method && method->text == "password") {
        return SocksInbound::Auth::password;
    }
    // V2Ray lets everybody in here. Whoever wrote this may have meant the opposite.
    const bool is_unknown = method && !method->text.empty() && method->text != "noauth";
    if (is_unknown) {
        section.report().mistake(method->at, fmt::format("{} is not a method", shown(method->text)),
                                 "write \"noauth\" or \"password\", in small letters");
    }
    return SocksInbound::Auth::none;
}

// ---- dokodemo-door

// "tcp", "udp" or both: as a text with commas, or as a list. As in V2Ray, connections alone where
// nothing is said.
Networks read_networks(Section& section) {
    const auto value = section.find("network");
    if (!value) {
        return {};
    }
    const std::vector<std::string> networks = texts_of(section.report(), *value);
    const auto names = [&](std::string_view network) {
        return std::any_of(networks.begin(), networks.end(), [&](const std::string& name) {
            return equal_ignoring_case(name, network);
        });
    };
    const Networks wanted{.tcp = names("tcp"), .udp = names("udp")};
    if (!wanted.tcp && !wanted.udp) {
        section.report().mistake(*value, "neither TCP nor UDP is in this list",
                                 "write \"tcp\", \"udp\" or \"tcp,udp\"");
    }
    return wanted;
}

proto::Address read_target(Section& section) {
    const std::uint16_t port = section.number<std::uint16_t>("port").value_or(0);
    const auto host = section.needed_text("address", "there is no place to take connections to",
                                          "add an address and a port");
    if (!host) {
        return {};
    }
    if (port == 0) {
        section.report().warning(host->at, "without a port nobody answers there", "add a port");
    }
    return host_of(section.report(), *host, port).value_or(proto::Address{});
}

}  // namespace

SocksInbound read_socks_inbound(Section& parent) {
    Section section(parent, "settings");
    SocksInbound inbound;
    inbound.auth = read_socks_auth(section);
    inbound.accounts = read_accounts(section);
    read_socks_udp(section, inbound);
    inbound.level = section.number<std::uint32_t>("userLevel").value_or(0);
    inbound.idle = read_idle(section, inbound.level);
    const bool wants_accounts = inbound.auth == SocksInbound::Auth::password;
    if (wants_accounts && inbound.accounts.empty()) {
        section.report().warning(*section.find("auth"), "without accounts nobody gets in",
                                 "add \"accounts\"");
    }
    if (!wants_accounts && !inbound.accounts.empty()) {
        section.report().warning(*section.find("accounts"), "nobody is asked for an account",
                                 "write \"auth\": \"password\"");
    }
    section.finish();
    return inbound;
}

HttpInbound read_http_inbound(Section& parent) {
    Section section(parent, "settings");
    HttpInbound inbound;
    inbound.accounts = read_accounts(section);
    inbound.allow_transparent = section.flag("allowTransparent");
    inbound.level = section.number<std::uint32_t>("userLevel").value_or(0);
    inbound.idle = read_idle(section, inbound.level);
    section.finish();
    return inbound;
}

DokodemoInbound read_dokodemo_inbound(Section& parent) {
    Section section(parent, "settings");
    DokodemoInbound inbound;
    inbound.level = section.number<std::uint32_t>("userLevel").value_or(0);
    inbound.idle = read_idle(section, inbound.level);
    inbound.networks = read_networks(section);
    const bool follows = section.flag("followRedirect");
    if (follows) {
        section.report().mistake(*section.find("followRedirect"),
                                 "redirected connections are not supported",
                                 "set it to false, and write an address and a port");
        section.ignore("address");
        section.ignore("port");
    } else {
        inbound.target = read_target(section);
    }
    section.finish();
    return inbound;
}

}  // namespace ferry::core::config
