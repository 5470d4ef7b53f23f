// What Xray's manual writes in another way than V2Ray's: the same configurations, read as they are.
#include <array>
#include <string>

#include "tests/core/config_cases.h"

namespace ferry::core::config {
namespace {

std::string outbound_with(std::string_view settings) {
    return R"({"outbounds": [{"protocol": "vmess", "settings": )" + std::string(settings) + "}]}";
}

std::string inbound_with(std::string_view settings) {
    return R"({"inbounds": [{"port": 1, "protocol": "vmess", "settings": )" +
           std::string(settings) + R"(}], "outbounds": [{"protocol": "freedom"}]})";
}

std::string people(std::string_view email) {
    return R"([{"id": ")" + std::string(kId) + R"(", "email": ")" + std::string(email) + "\"}]";
}

struct FlatMistake {
    std::string_view settings;
    std::string_view path;
    std::string_view what;
};

TEST(Xray, AnOutboundMayBeFlat) {
    const Config config = config_of(
        outbound_with(R"({"address": "example.org", "port": 443, "id": ")" + std::string(kId) +
                      R"(", "security": "aes-128-gcm", "level": 3, "email": "e",
                               "experiments": "AuthenticatedLength"})"));
    ASSERT_EQ(config.outbounds.size(), 1U);
    const auto& settings = std::get<VmessOutbound>(config.outbounds[0].settings);
    ASSERT_EQ(settings.servers.size(), 1U);
    EXPECT_EQ(settings.servers[0].address.name, "example.org");
    EXPECT_EQ(settings.servers[0].address.port, 443);
    ASSERT_EQ(settings.servers[0].users.size(), 1U);
    const VmessAccount& user = settings.servers[0].users[0];
    EXPECT_EQ(proto::vmess::uuid_text(user.id), kId);
    EXPECT_EQ(user.security, Security::aes_128_gcm);
    EXPECT_EQ(user.level, 3U);
    EXPECT_EQ(user.email, "e");
    EXPECT_TRUE(user.authenticated_length);
    EXPECT_EQ(user.alter_id, 0);
}

TEST(Xray, AFlatOutboundIsHeldToTheSameRules) {
    const std::array<FlatMistake, 3> cases{{
        {R"({"address": "a", "port": 1})", "outbounds[0].settings.id", "the user has no id"},
        {R"({"address": 1, "port": 1, "id": "b831381d-6324-4d53-ad4f-8cda48b30811"})",
         "outbounds[0].settings.address", "is a number"},
        {R"({"port": 1, "id": "b831381d-6324-4d53-ad4f-8cda48b30811"})",
         "outbounds[0].settings.vnext", "there is no server"},
    }};
    for (const FlatMistake& one : cases) {
        const Loaded result = loaded(outbound_with(one.settings));
        ASSERT_EQ(result.mistakes.size(), 1U) << one.settings << lines(result.mistakes);
        EXPECT_EQ(result.mistakes[0].path, one.path);
        EXPECT_NE(result.mistakes[0].what.find(one.what), std::string::npos) << one.settings;
    }
}

TEST(Xray, ClientsMayBeCalledUsers) {
    const Config config = config_of(inbound_with(R"({"users": )" + people("anna") + "}"));
    ASSERT_EQ(config.inbounds.size(), 1U);
    const auto& settings = std::get<VmessInbound>(config.inbounds[0].settings);
    ASSERT_EQ(settings.clients.size(), 1U);
    EXPECT_EQ(settings.clients[0].email, "anna");
}

TEST(Xray, ClientsWinOverUsersAndWeSaySo) {
    const Loaded result = loaded(
        inbound_with(R"({"clients": )" + people("anna") + R"(, "users": )" + people("ben") + "}"));
    ASSERT_TRUE(result.config.has_value()) << lines(result.mistakes);
    const auto& settings = std::get<VmessInbound>(result.config->inbounds[0].settings);
    ASSERT_EQ(settings.clients.size(), 1U);
    EXPECT_EQ(settings.clients[0].email, "anna");
    ASSERT_EQ(result.warnings.size(), 1U) << lines(result.warnings);
    EXPECT_EQ(result.warnings[0].path, "inbounds[0].settings.users");
}

TEST(Xray, ProtocolsHaveNewerNames) {
    const Config config = config_of(R"({"inbounds": [{"port": 1, "protocol": "tunnel",
        "settings": {"address": "192.0.2.1", "port": 53}}],
        "outbounds": [{"protocol": "direct"}, {"protocol": "block", "tag": "b"}]})");
    ASSERT_EQ(config.inbounds.size(), 1U);
    EXPECT_TRUE(std::holds_alternative<DokodemoInbound>(config.inbounds[0].settings));
    ASSERT_EQ(config.outbounds.size(), 2U);
    EXPECT_TRUE(std::holds_alternative<FreedomOutbound>(config.outbounds[0].settings));
    EXPECT_TRUE(std::holds_alternative<BlackholeOutbound>(config.outbounds[1].settings));
}

}  // namespace
}  // namespace ferry::core::config
