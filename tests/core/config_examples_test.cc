// Configurations as people have them: manuals, packages and panels. They load unchanged, or every
// line that stands in the way is named.
#include "tests/core/config_cases.h"

namespace ferry::core::config {
namespace {

// The server of Debian's package; its alterId is from the time of the older header.
TEST(Example, DebianServer) {
    constexpr std::string_view kText = R"({
  "inbounds": [{
    "port": 10086,
    "protocol": "vmess",
    "settings": {
      "clients": [
        {
          "id": "23ad6b10-8d1a-40f7-8ad0-e3e35cd38297",
          "level": 1,
          "alterId": 64
        }
      ]
    }
  }],
  "outbounds": [{
    "protocol": "freedom",
    "settings": {}
  },{
    "protocol": "blackhole",
    "settings": {},
    "tag": "blocked"
  }]
})";
    const Config config = config_of(kText);
    ASSERT_EQ(config.inbounds.size(), 1U);
    const auto& vmess = std::get<VmessInbound>(config.inbounds[0].settings);
    ASSERT_EQ(vmess.clients.size(), 1U);
    EXPECT_EQ(vmess.clients[0].level, 1U);
    EXPECT_EQ(vmess.clients[0].alter_id, 64U);
    EXPECT_EQ(config.outbounds.size(), 2U);
    EXPECT_EQ(lines(loaded(kText).warnings), "");
}

// The client that most manuals begin with.
TEST(Example, ManualClient) {
    constexpr std::string_view kText = R"({
  "log": {"loglevel": "warning"},
  "inbounds": [{
    "port": 1080, // SOCKS
    "listen": "127.0.0.1",
    "tag": "socks-inbound",
    "protocol": "socks",
    "settings": {"auth": "noauth", "udp": false, "ip": "127.0.0.1"},
    "sniffing": {"enabled": false, "destOverride": ["http", "tls"]}
  }],
  "outbounds": [{
    "protocol": "vmess",
    "settings": {
      "vnext": [{
        "address": "serveraddr.com", # where the server is
        "port": 16823,
        "users": [{"id": "b831381d-6324-4d53-ad4f-8cda48b30811", "alterId": 0, "security": "auto"}]
      }]
    },
    "streamSettings": {"network": "tcp"},
    "mux": {"enabled": true, "concurrency": 8}
  }, {
    "protocol": "freedom",
    "tag": "direct",
    "settings": {}
  }],
  "policy": {"levels": {"0": {"uplinkOnly": 0, "downlinkOnly": 0}}}
})";
    const Config config = clean_config_of(kText);
    ASSERT_EQ(config.outbounds.size(), 2U);
    const auto& vmess = std::get<VmessOutbound>(config.outbounds[0].settings);
    EXPECT_EQ(proto::text(vmess.servers.at(0).address), "serveraddr.com:16823");
    EXPECT_EQ(config.outbounds[0].mux.streams, 8U);
    EXPECT_EQ(config.outbounds[1].mux.streams, 0U);
    EXPECT_EQ(level_of(config.policy, 0).uplink_only, Seconds(0));
}

// What a panel of the 3x-ui kind writes: its own API inbound, a rule for it, statistics.
constexpr std::string_view kPanel = R"({
  "log": {"access": "none", "dnsLog": false, "error": "", "loglevel": "warning", "maskAddress": ""},
  "api": {"tag": "api", "services": ["HandlerService", "LoggerService", "StatsService"]},
  "inbounds": [
    {"listen": "127.0.0.1", "port": 62789, "protocol": "dokodemo-door",
     "settings": {"address": "127.0.0.1"}, "streamSettings": null, "tag": "api", "sniffing": null},
    {"listen": null, "port": 34567, "protocol": "vmess",
     "settings": {"clients": [
       {"email": "k2v7", "id": "7c2b7a1e-5b60-4b2f-9c50-1f1c1f4a9a11", "security": "auto"},
       {"email": "p9x1", "id": "0d8c2f5a-3c1b-4a7e-8a55-2e7d2b6b1c22", "security": "auto"}]},
     "streamSettings": {"network": "tcp", "security": "none",
       "tcpSettings": {"acceptProxyProtocol": false, "header": {"type": "none"}}},
     "tag": "inbound-34567",
     "sniffing": {"enabled": false, "destOverride": ["http", "tls", "quic", "fakedns"],
       "metadataOnly": false, "routeOnly": false},
     "allocate": {"strategy": "always", "refresh": 5, "concurrency": 3}}
  ],
  "outbounds": [
    {"tag": "direct", "protocol": "freedom", "settings": {"domainStrategy": "AsIs", "redirect": ""}},
    {"tag": "blocked", "protocol": "blackhole", "settings": {}}
  ],
  "policy": {"levels": {"0": {"statsUserDownlink": true, "statsUserUplink": true}},
    "system": {"statsInboundDownlink": true, "statsInboundUplink": true,
      "statsOutboundDownlink": false, "statsOutboundUplink": false}},
  "routing": {"domainStrategy": "AsIs", "rules": [
    {"type": "field", "inboundTag": ["api"], "outboundTag": "api"}]},
  "stats": {}
})";

TEST(Example, PanelServer) {
    const Config config = config_of(kPanel);
    ASSERT_EQ(config.inbounds.size(), 2U);
    EXPECT_EQ(std::get<VmessInbound>(config.inbounds[1].settings).clients.size(), 2U);
    ASSERT_EQ(config.outbounds.size(), 3U);
    EXPECT_EQ(config.outbounds[2].tag, "api");
    ASSERT_EQ(config.routing.rules.size(), 1U);
    EXPECT_EQ(config.routing.rules[0].outbound, 2U);
    EXPECT_TRUE(config.stats);
    EXPECT_EQ(config.log.access.kind, LogTarget::Kind::off);
    for (const std::string_view said :
         {"3:10: api: the control API is not served", "27:12: stats: nobody can ask",
          "2:29: log.dnsLog: this key is not known"}) {
        EXPECT_TRUE(says(loaded(kPanel).warnings, said)) << said << lines(loaded(kPanel).warnings);
    }
}

// The long example of V2Ray's package: rules by address, sniffing and name servers are not for this
// version, and each is named once, at its place.
TEST(Example, TooMuch) {
    constexpr std::string_view kText = R"({
  "inbounds": [{
    "port": 1080, "protocol": "socks", "tag": "socks-inbound",
    "sniffing": {"enabled": true, "destOverride": ["http", "tls"]}
  }],
  "outbounds": [{"protocol": "freedom", "settings": {}, "tag": "direct"},
                {"protocol": "blackhole", "settings": {}, "tag": "blocked"}],
  "routing": {
    "domainStrategy": "IPOnDemand",
    "rules":[
      {"type": "field", "ip": ["geoip:private"], "outboundTag": "blocked"},
      {"type": "field", "domain": ["geosite:category-ads"], "outboundTag": "blocked"}
    ]
  },
  "dns": {"hosts": {"domain:v2ray.com": "www.vicemc.net"}, "servers": ["1.1.1.1", "localhost"]},
  "other": {}
})";
    const Loaded result = loaded(kText);
    EXPECT_EQ(result.mistakes.size(), 3U) << lines(result.mistakes);
    for (const std::string_view said :
         {"4:51: inbounds[0].sniffing.destOverride: sniffing is not supported",
          "11:31: routing.rules[0].ip: this condition is not supported",
          "12:35: routing.rules[1].domain: this condition is not supported"}) {
        EXPECT_TRUE(says(result.mistakes, said)) << said << lines(result.mistakes);
    }
    EXPECT_TRUE(says(result.warnings, "15:10: dns: this does nothing")) << lines(result.warnings);
    EXPECT_TRUE(says(result.warnings, "16:3: other: this key is not known"));
}

// From before there were lists.
TEST(Example, OldServer) {
    const Config config = clean_config_of(R"({
  "port": 16823,
  "log": {"access": "/var/log/v2ray/access.log", "error": "/var/log/v2ray/error.log"},
  "inbound": {"protocol": "vmess", "settings": {"clients": [
    {"id": "b831381d-6324-4d53-ad4f-8cda48b30811", "alterId": 0}]}},
  "inboundDetour": [{"protocol": "http", "port": "8080-8082", "settings": {"timeout": 0},
    "allocate": {"strategy": "always"}}],
  "outbound": {"protocol": "freedom", "settings": {}},
  "outboundDetour": [{"protocol": "blackhole", "tag": "blocked", "settings": {"response": {"type": "http"}}}],
  "routing": {"strategy": "rules", "settings": {"domainStrategy": "AsIs", "rules": []}}
})");
    ASSERT_EQ(config.inbounds.size(), 2U);
    EXPECT_EQ(config.inbounds[0].ports, (PortRange{16823, 16823}));
    EXPECT_EQ(config.inbounds[1].ports, (PortRange{8080, 8082}));
    ASSERT_EQ(config.outbounds.size(), 2U);
    EXPECT_EQ(std::get<BlackholeOutbound>(config.outbounds[1].settings).response,
              BlackholeOutbound::Response::http);
}

// Everybody's users in one file: what is linear must stay linear.
TEST(Example, ManyUsers) {
    std::string text =
        R"({"outbounds": [{"protocol": "freedom"}], "inbounds": [{"port": 1, "protocol": "vmess",)"
        R"( "settings": {"clients": [)";
    constexpr std::size_t kUsers = 50'000;
    for (std::size_t index = 0; index < kUsers; ++index) {
        const std::string number = std::to_string(100'000 + index);
        text += (index == 0 ? "" : ",\n");
        text += R"({"id": "00000000-0000-4000-8000-000000)" + number + R"(", "email": "user)" +
                number + R"(@example.org", "alterId": 0, "level": 1})";
    }
    const Config config = clean_config_of(text + "]}}]}");
    const auto& clients = std::get<VmessInbound>(config.inbounds.at(0).settings).clients;
    ASSERT_EQ(clients.size(), kUsers);
    EXPECT_EQ(clients.back().email, "user149999@example.org");
}

}  // namespace
}  // namespace ferry::core::config
