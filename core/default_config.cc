#include "core/default_config.h"

#include <fmt/format.h>

#include "core/share_link.h"

namespace ferry::core {
namespace {

// Not the one that this program itself listens on: both may run on one machine.
constexpr std::uint16_t kClientSocksPort = 1080;

constexpr std::string_view kText = R"({{
  "log": {{"loglevel": "warning", "access": "none"}},
  "inbounds": [
    {{"tag": "vmess-in", "listen": "127.0.0.1", "port": {vmess}, "protocol": "vmess",
     "settings": {{"clients": [{{"id": "{id}"}}]}}}},
    {{"tag": "socks-in", "listen": "127.0.0.1", "port": {socks}, "protocol": "socks",
     "settings": {{"udp": true}}}},
    {{"tag": "http-in", "listen": "127.0.0.1", "port": {http}, "protocol": "http"}}
  ],
  "outbounds": [
    {{"tag": "vmess-out", "protocol": "vmess",
     "settings": {{"vnext": [{{"address": "127.0.0.1", "port": {vmess},
                              "users": [{{"id": "{id}"}}]}}]}}}},
    {{"tag": "direct", "protocol": "freedom"}}
  ],
  "routing": {{"rules": [
    {{"type": "field", "inboundTag": ["vmess-in"], "outboundTag": "direct"}}
  ]}}
}}
)";

constexpr std::string_view kGreeting = R"(Ringferry runs its embedded default, on this machine only:
  VMess server  127.0.0.1:{vmess}, user {id}
  SOCKS proxy   127.0.0.1:{socks}, through that server
  HTTP proxy    127.0.0.1:{http}, through that server
Try it:
  curl --proxy socks5h://127.0.0.1:{socks} https://example.org/
A client's configuration for the server:
{client}
{link}
)";

}  // namespace

DefaultConfig make_default_config(const proto::vmess::UserId& user) {
    const std::string id = proto::vmess::uuid_text(user);
    const Share share{.name = "ringferry",
                      .server = proto::ipv4({127, 0, 0, 1}, kDefaultVmessPort),
                      .id = user,
                      .security = config::Security::automatic};
    DefaultConfig made;
    made.source.name = "embedded default";
    made.source.text =
        fmt::format(kText, fmt::arg("id", id), fmt::arg("vmess", kDefaultVmessPort),
                    fmt::arg("socks", kDefaultSocksPort), fmt::arg("http", kDefaultHttpPort));
    made.greeting =
        fmt::format(kGreeting, fmt::arg("id", id), fmt::arg("vmess", kDefaultVmessPort),
                    fmt::arg("socks", kDefaultSocksPort), fmt::arg("http", kDefaultHttpPort),
                    fmt::arg("client", client_config(share, kClientSocksPort)),
                    fmt::arg("link", share_link(share)));
    return made;
}

}  // namespace ferry::core
