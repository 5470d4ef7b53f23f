// Share links and the client configuration that goes with them: exact texts, and that our own
// loader understands what is written.
#include "core/share_link.h"

#include <gtest/gtest.h>

#include "tests/core/config_cases.h"

namespace ferry::core {
namespace {

std::string encoded(std::string_view text) {
    const std::vector<std::uint8_t> bytes(text.begin(), text.end());
    return base64(bytes);
}

Share share() {
    Share share;
    share.name = "home";
    share.server = proto::ipv4({192, 0, 2, 1}, 443);
    share.id = *proto::vmess::parse_uuid(config::kId);
    return share;
}

// RFC 4648, section 10.
TEST(Base64, FollowsItsStandard) {
    EXPECT_EQ(encoded(""), "");
    EXPECT_EQ(encoded("f"), "Zg==");
    EXPECT_EQ(encoded("fo"), "Zm8=");
    EXPECT_EQ(encoded("foo"), "Zm9v");
    EXPECT_EQ(encoded("foob"), "Zm9vYg==");
    EXPECT_EQ(encoded("fooba"), "Zm9vYmE=");
    EXPECT_EQ(encoded("foobar"), "Zm9vYmFy");
    EXPECT_EQ(encoded("\xfb\xff\xbf"), "+/+/");
}

TEST(ShareLink, IsTheFormOfV2rayN) {
    const std::string json =
        R"({"v":"2","ps":"home","add":"192.0.2.1","port":"443",)"
        R"("id":"b831381d-6324-4d53-ad4f-8cda48b30811","aid":"0","scy":"auto","net":"tcp",)"
        R"("type":"none","host":"","path":"","tls":"","sni":"","alpn":"","fp":""})";
    EXPECT_EQ(share_link(share()), "vmess://" + encoded(json));
}

TEST(ShareLink, EscapesWhatJsonWantsEscaped) {
    Share odd = share();
    odd.name = "a\"b\\c\nd\xe4\xb8\xad";
    odd.server = *proto::address_from("example.org", 8443);
    odd.security = config::Security::chacha20_poly1305;
    const std::string json =
        "{\"v\":\"2\",\"ps\":\"a\\\"b\\\\c\\u000ad\xe4\xb8\xad\",\"add\":\"example.org\","
        "\"port\":\"8443\",\"id\":\"b831381d-6324-4d53-ad4f-8cda48b30811\",\"aid\":\"0\","
        "\"scy\":\"chacha20-poly1305\",\"net\":\"tcp\",\"type\":\"none\",\"host\":\"\","
        "\"path\":\"\",\"tls\":\"\",\"sni\":\"\",\"alpn\":\"\",\"fp\":\"\"}";
    EXPECT_EQ(share_link(odd), "vmess://" + encoded(json));
}

TEST(ClientConfig, LoadsAsWhatWasShared) {
    using config::Security;
    for (const Security security : {Security::automatic, Security::aes_128_gcm,
                                    Security::chacha20_poly1305, Security::none, Security::zero}) {
        Share one = share();
        one.server = *proto::address_from("2001:db8::1", 8443);
        one.security = security;
        const config::Config loaded = config::clean_config_of(client_config(one, 1080));
        ASSERT_EQ(loaded.inbounds.size(), 1U);
        EXPECT_EQ(loaded.inbounds[0].ports, (config::PortRange{1080, 1080}));
        EXPECT_EQ(loaded.inbounds[0].listen, proto::ipv4({127, 0, 0, 1}, 0));
        ASSERT_EQ(loaded.outbounds.size(), 1U);
        const auto* outbound = std::get_if<config::VmessOutbound>(&loaded.outbounds[0].settings);
        ASSERT_NE(outbound, nullptr);
        ASSERT_EQ(outbound->servers.size(), 1U);
        EXPECT_EQ(outbound->servers[0].address, one.server);
        ASSERT_EQ(outbound->servers[0].users.size(), 1U);
        EXPECT_EQ(outbound->servers[0].users[0].id, one.id);
        EXPECT_EQ(outbound->servers[0].users[0].security, security);
    }
}

}  // namespace
}  // namespace ferry::core
