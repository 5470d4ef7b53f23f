#include "core/share_link.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace ferry::core {
namespace {

// A string as JSON writes it.
std::string json_string(std::string_view text) {
    std::string json = "\"";
    for (const char letter : text) {
        const auto code = static_cast<unsigned char>(letter);
        if (letter == '"' || letter == '\\') {
            json += '\\';
            json += letter;
        } else if (code < 0x20) {
            json += fmt::format("\\u{:04x}", code);
        } else {
            json += letter;
        }
    }
    return json + '"';
}

std::string_view name_of(config::Security security) {
    switch (security) {
        case config::Security::automatic:
            return "auto";
        case config::Security::aes_128_gcm:
            return "aes-128-gcm";
        case config::Security::chacha20_poly1305:
            return "chacha20-poly1305";
        case config::Security::none:
            return "none";
        case config::Security::zero:
            return "zero";
    }
    std::unreachable();
}

}  // namespace

// Programs that read this form expect every value to be a string, and every key to be there.
std::string share_link(const Share& share) {
    const std::string json = fmt::format(
        R"({{"v":"2","ps":{},"add":{},"port":"{}","id":"{}","aid":"0","scy":"{}","net":"tcp",)"
        R"("type":"none","host":"","path":"","tls":"","sni":"","alpn":"","fp":""}})",
        json_string(share.name), json_string(proto::host_text(share.server)), share.server.port,
        proto::vmess::uuid_text(share.id), name_of(share.security));
    const std::vector<std::uint8_t> bytes(json.begin(), json.end());
    return "vmess://" + base64(bytes);
}

std::string client_config(const Share& share, std::uint16_t socks_port) {
    constexpr std::string_view kForm = R"({{
  "inbounds": [
    {{
      "listen": "127.0.0.1",
      "port": {},
      "protocol": "socks",
      "settings": {{ "auth": "noauth" }}
    }}
  ],
  "outbounds": [
    {{
      "protocol": "vmess",
      "settings": {{
        "vnext": [
          {{
            "address": {},
            "port": {},
            "users": [
              {{ "id": "{}", "alterId": 0, "security": "{}" }}
            ]
          }}
        ]
      }}
    }}
  ]
}}
)";
    return fmt::format(kForm, socks_port, json_string(proto::host_text(share.server)),
                       share.server.port, proto::vmess::uuid_text(share.id),
                       name_of(share.security));
}

std::string base64(ByteView bytes) {
    constexpr std::string_view kLetters =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string text;
    text.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t at = 0; at < bytes.size(); at += 3) {
        const std::size_t count = std::min<std::size_t>(3, bytes.size() - at);
        std::uint32_t group = 0;
        for (std::size_t index = 0; index < 3; ++index) {
            group = group << 8 | (index < count ? bytes[at + index] : 0);
        }
        for (std::size_t index = 0; index < 4; ++index) {
            const std::uint32_t six = group >> (18 - 6 * index) & 0x3f;
            text += index <= count ? kLetters[six] : '=';
        }
    }
    return text;
}

}  // namespace ferry::core
