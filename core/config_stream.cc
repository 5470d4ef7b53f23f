// "streamSettings" and "transport": what lies between TCP and the protocol. Here that is nothing,
// so whatever asks for more is refused: the other side would not understand what is sent.
#include <fmt/format.h>

#include <array>

#include "core/config_sections.h"
#include "core/config_words.h"

namespace ferry::core::config {
namespace {

constexpr std::string_view kOnlyTcp = "only TCP without a transport or TLS is supported";

// Later: each of these is refused until the transport of that name is spoken.
constexpr std::array<std::string_view, 13> kOtherTransports{
    "kcpSettings",       "wsSettings",    "httpSettings",        "dsSettings",  "quicSettings",
    "grpcSettings",      "gunSettings",   "httpupgradeSettings", "tlsSettings", "xtlsSettings",
    "splithttpSettings", "xhttpSettings", "realitySettings"};

void check_header(Section& tcp) {
    if (!tcp.find("header")) {
        return;
    }
    Section header(tcp, "header");
    const auto type = header.needed_text("type", "the header has no type", "write \"none\"");
    if (type && !equal_ignoring_case(type->text, "none")) {
        header.report().mistake(
            type->at, fmt::format("headers of type {} are not supported", shown(type->text)),
            "write \"none\", on the other side too");
    }
    header.ignore("request");
    header.ignore("response");
    header.finish();
}

void check_tcp(Section& stream, std::string_view key) {
    Section tcp(stream, key);
    check_header(tcp);
    tcp.refuse("acceptProxyProtocol", "the PROXY protocol is not supported", "set it to false");
    tcp.finish();
}

// Options of the socket. Those that change the way that packets take are refused, those that only
// tune it bring a warning.
void check_socket(Section& stream) {
    Section socket(stream, "sockopt");
    for (const std::string_view key :
         {"mark", "interface", "dialerProxy", "acceptProxyProtocol", "V6Only", "bindAddress",
          "bindPort", "addressPortStrategy", "customSockopt", "trustedXForwardedFor"}) {
        socket.refuse(key, "this socket option is not supported", "remove it");
    }
    for (const std::string_view key : {"tproxy", "domainStrategy"}) {
        const auto choice = socket.text_at(key);
        const bool is_usual = !choice || choice->text.empty() ||
                              equal_ignoring_case(choice->text, "off") ||
                              equal_ignoring_case(choice->text, "AsIs");
        if (!is_usual) {
            socket.report().mistake(choice->at, "this socket option is not supported", "remove it");
        }
    }
    for (const std::string_view key :
         {"tcpFastOpen", "tcpFastOpenQueueLength", "tcpKeepAliveInterval", "tcpKeepAliveIdle",
          "tcpUserTimeout", "tcpMaxSeg", "tcpWindowClamp", "tcpcongestion", "tcpNoDelay",
          "tcpMptcp", "penetrate", "happyEyeballs"}) {
        socket.warn_of(key, "this socket option does nothing here", "remove it");
    }
    socket.finish();
}

void check_network(Section& stream) {
    const auto network = stream.text_at("network");
    const bool is_tcp = !network || equal_ignoring_case(network->text, "tcp") ||
                        equal_ignoring_case(network->text, "raw");
    if (!is_tcp) {
        stream.report().mistake(
            network->at, fmt::format("the network {} is not supported", shown(network->text)),
            "write \"tcp\", on the other side too");
    }
}

void check_security(Section& stream) {
    const auto security = stream.text_at("security");
    const bool is_none =
        !security || security->text.empty() || equal_ignoring_case(security->text, "none");
    if (!is_none) {
        stream.report().mistake(
            security->at, fmt::format("the security {} is not supported", shown(security->text)),
            "write \"none\", on the other side too");
    }
}

}  // namespace

void check_stream(Section& owner) {
    Section stream(owner, "streamSettings");
    check_network(stream);
    check_security(stream);
    check_tcp(stream, "tcpSettings");
    check_tcp(stream, "rawSettings");
    check_socket(stream);
    // Without their network these do nothing in V2Ray either.
    for (const std::string_view key : kOtherTransports) {
        stream.ignore(key);
    }
    stream.finish();
}

void check_transport(Report& report, std::optional<Value> value) {
    if (!value) {
        return;
    }
    Section section(report, *value);
    check_tcp(section, "tcpSettings");
    for (const std::string_view key : kOtherTransports) {
        section.warn_of(key, "these settings do nothing", std::string(kOnlyTcp));
    }
    section.finish();
}

}  // namespace ferry::core::config
