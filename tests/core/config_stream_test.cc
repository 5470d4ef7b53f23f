// What streamSettings may ask for.
#include "tests/core/config_inbound_cases.h"

namespace ferry::core::config {
namespace {

TEST(Stream, MayAskForNothingButTcp) {
    for (const std::string_view stream :
         {"null", "{}", R"({"network": "tcp"})", R"({"network": "TCP", "security": "none"})",
          R"({"network": null, "security": ""})",
          R"({"tcpSettings": {"header": {"type": "none"}}})",
          R"({"network": "tcp", "tcpSettings": {"acceptProxyProtocol": false}})",
          R"({"sockopt": {}})",
          R"({"sockopt": {"mark": 0, "tproxy": "off", "tcpFastOpen": false}})",
          R"({"wsSettings": {"path": "/"}, "tlsSettings": {}})"}) {
        clean_config_of(with(R"({"port": 1, "protocol": "socks", "streamSettings": )" +
                             std::string(stream) + "}"));
    }
    constexpr std::array<Wrong, 11> kCases{{
        {R"({"port": 1, "protocol": "socks", "streamSettings": {"network": "ws"}})",
         ".streamSettings.network: the network \"ws\" is not supported", 78},
        {R"({"port": 1, "protocol": "socks", "streamSettings": {"network": ""}})",
         ".streamSettings.network: the network \"\" is not supported", 78},
        {R"({"port": 1, "protocol": "socks", "streamSettings": {"network": 3}})",
         ".streamSettings.network: is a number", 78},
        {R"({"port": 1, "protocol": "socks", "streamSettings": {"security": "tls"}})",
         ".streamSettings.security: the security \"tls\" is not supported", 79},
        {R"({"port": 1, "protocol": "socks", "streamSettings": {"tcpSettings": {"header": {"type": "http"}}}})",
         ".streamSettings.tcpSettings.header.type: headers of type \"http\"", 102},
        {R"({"port": 1, "protocol": "socks", "streamSettings": {"tcpSettings": {"header": {}}}})",
         ".streamSettings.tcpSettings.header.type: the header has no type", 93},
        {R"({"port": 1, "protocol": "socks", "streamSettings": {"tcpSettings": {"acceptProxyProtocol": true}}})",
         ".streamSettings.tcpSettings.acceptProxyProtocol: the PROXY protocol", 106},
        {R"({"port": 1, "protocol": "socks", "streamSettings": {"sockopt": {"mark": 255}}})",
         ".streamSettings.sockopt.mark: this socket option is not supported", 87},
        {R"({"port": 1, "protocol": "socks", "streamSettings": {"sockopt": {"tproxy": "redirect"}}})",
         ".streamSettings.sockopt.tproxy: this socket option is not supported", 89},
        {R"({"port": 1, "protocol": "socks", "streamSettings": {"sockopt": {"dialerProxy": "x"}}})",
         ".streamSettings.sockopt.dialerProxy: this socket option", 94},
        {R"({"port": 1, "protocol": "socks", "streamSettings": "tcp"})",
         ".streamSettings: is a text, and should be an object", 66},
    }};
    expect_wrong(kCases);
    constexpr std::array<Wrong, 1> kRemarks{{
        {R"({"port": 1, "protocol": "socks", "streamSettings": {"sockopt": {"tcpFastOpen": true}}})",
         ".streamSettings.sockopt.tcpFastOpen: this socket option does nothing", 94},
    }};
    expect_remark(kRemarks);
}

}  // namespace
}  // namespace ferry::core::config
