// The settings of VMess on both sides: users, servers, securities, and what is not spoken yet.
#include <algorithm>
#include <array>

#include "tests/core/config_cases.h"

namespace ferry::core::config {
namespace {

constexpr std::string_view kOtherId = "00000000-0000-4000-8000-000000000001";

// The clients of an inbound begin in column 75.
std::string server(std::string_view clients, std::string_view more = "") {
    return R"({"outbounds": [{"protocol": "freedom"}], "inbounds": [{"port": 1, "protocol": "vmess", )"
           R"("settings": {"clients": [)" +
           std::string(clients) + "]" + std::string(more) + "}}]}";
}

VmessInbound vmess_inbound_of(std::string_view text) {
    const Config config = config_of(text);
    if (config.inbounds.empty()) {
        return {};
    }
    const auto* settings = std::get_if<VmessInbound>(&config.inbounds.front().settings);
    return settings == nullptr ? VmessInbound{} : *settings;
}

std::string client(std::string_view servers) {
    return R"({"outbounds": [{"protocol": "vmess", "settings": {"vnext": )" + std::string(servers) +
           "}}]}";
}

std::string user(std::string_view user) {
    return client(R"([{"address": "192.0.2.1", "port": 443, "users": [)" + std::string(user) +
                  "]}]");
}

VmessOutbound vmess_outbound_of(std::string_view text) {
    const Config config = config_of(text);
    if (config.outbounds.empty()) {
        return {};
    }
    const auto* settings = std::get_if<VmessOutbound>(&config.outbounds.front().settings);
    return settings == nullptr ? VmessOutbound{} : *settings;
}

VmessAccount account_of(std::string_view text) {
    const VmessOutbound outbound = vmess_outbound_of(user(text));
    const bool has_user = !outbound.servers.empty() && !outbound.servers.front().users.empty();
    EXPECT_TRUE(has_user) << text;
    return has_user ? outbound.servers.front().users.front() : VmessAccount{};
}

std::string with_id(std::string_view more) {
    return R"({"id": ")" + std::string(kId) + "\", " + std::string(more) + "}";
}

// A mistake or warning wherever it stands: places are tested elsewhere.
bool tells(const std::vector<Mistake>& list, std::string_view path, std::string_view what) {
    return std::any_of(list.begin(), list.end(), [&](const Mistake& one) {
        return one.path == path && one.what.find(what) != std::string::npos && one.place.line == 1;
    });
}

struct WrongUser {
    std::string text;
    std::string_view path;
    std::string_view what;
};

void expect_wrong(std::span<const WrongUser> cases) {
    for (const WrongUser& one : cases) {
        const Loaded result = loaded(one.text);
        EXPECT_FALSE(result.config.has_value()) << one.text;
        EXPECT_EQ(result.mistakes.size(), 1U) << one.text << lines(result.mistakes);
        EXPECT_TRUE(tells(result.mistakes, one.path, one.what)) << one.text << "\n"
                                                                << one.path << one.what << "\n"
                                                                << lines(result.mistakes);
    }
}

void expect_remark(std::span<const WrongUser> cases) {
    for (const WrongUser& one : cases) {
        const Loaded result = loaded(one.text);
        EXPECT_TRUE(result.config.has_value()) << one.text << lines(result.mistakes);
        EXPECT_TRUE(tells(result.warnings, one.path, one.what)) << one.text << "\n"
                                                                << one.path << one.what << "\n"
                                                                << lines(result.warnings);
    }
}

// ---- ids

TEST(UserId, TakesWhatV2RayTakes) {
    for (const std::string_view id :
         {"b831381d-6324-4d53-ad4f-8cda48b30811", "B831381D-6324-4D53-AD4F-8CDA48B30811",
          "b831381d63244d53ad4f8cda48b30811", "b831381d-63244d53ad4f8cda48b30811",
          "b831381d-6324-4d53-ad4f-8cda48b30811 and more"}) {
        const auto account = account_of(R"({"id": ")" + std::string(id) + "\"}");
        EXPECT_EQ(proto::vmess::uuid_text(account.id), kId) << id;
    }
}

TEST(UserId, RefusesTheRestAndNeverShowsIt) {
    for (const std::string_view id :
         {"", "my name", "{b831381d-6324-4d53-ad4f-8cda48b30811}",
          " b831381d-6324-4d53-ad4f-8cda48b30811", "b831381d-6324-4d53-ad4f-8cda48b3081",
          "b8-31381d63244d53ad4f8cda48b30811", "g831381d-6324-4d53-ad4f-8cda48b30811"}) {
        const std::string quoted = R"({"id": ")" + std::string(id) + "\"}";
        const std::array<WrongUser, 2> cases{{
            {server(quoted), "inbounds[0].settings.clients[0].id", "this is not a UUID"},
            {user(quoted), "outbounds[0].settings.vnext[0].users[0].id", "this is not a UUID"},
        }};
        expect_wrong(cases);
        const std::string said = lines(loaded(server(quoted)).mistakes);
        EXPECT_TRUE(id.empty() || said.find("\"" + std::string(id)) == std::string::npos) << said;
    }
    const std::array<WrongUser, 5> cases{{
        {server("{}"), "inbounds[0].settings.clients[0].id", "the user has no id"},
        {server("null"), "inbounds[0].settings.clients[0].id", "the user has no id"},
        {server(R"({"id": null})"), "inbounds[0].settings.clients[0].id", "the user has no id"},
        {server(R"({"id": 1})"), "inbounds[0].settings.clients[0].id", "is a number"},
        {server("\"x\""), "inbounds[0].settings.clients[0]", "is a text, and should be an object"},
    }};
    expect_wrong(cases);
}

// ---- inbound

TEST(VmessInbound, ReadsEverything) {
    const VmessInbound inbound = vmess_inbound_of(server(
        with_id(R"("alterId": 0, "level": 4294967295, "email": "Anna@X", "security": "auto")") +
            R"(, {"id": ")" + std::string(kOtherId) + "\"}",
        R"(, "disableInsecureEncryption": true, "default": {"level": 255, "alterId": 32})"));
    ASSERT_EQ(inbound.clients.size(), 2U);
    EXPECT_EQ(proto::vmess::uuid_text(inbound.clients[0].id), kId);
    EXPECT_EQ(inbound.clients[0].level, 4294967295U);
    EXPECT_EQ(inbound.clients[0].email, "Anna@X");
    EXPECT_EQ(inbound.clients[1].level, 0U);
    EXPECT_EQ(inbound.clients[1].email, "");
    EXPECT_TRUE(inbound.disable_insecure);
    EXPECT_EQ(inbound.default_level, 255);
    EXPECT_EQ(inbound.default_alter_id, 32);
}

// The manual's 64 holds only where there is an object without the key (config.md 3).
TEST(VmessInbound, KnowsTheDefaultsOfMadeUpAccounts) {
    const auto alter_id = [](std::string_view rest) {
        return vmess_inbound_of(server("", rest)).default_alter_id;
    };
    EXPECT_EQ(alter_id(""), 0);
    EXPECT_EQ(alter_id(R"(, "default": null)"), 0);
    EXPECT_EQ(alter_id(R"(, "default": {})"), 64);
    EXPECT_EQ(alter_id(R"(, "default": {"level": 1})"), 64);
    EXPECT_EQ(alter_id(R"(, "default": {"alterId": 0})"), 0);
}

TEST(VmessInbound, ServesTheOlderHeaderToAllWhereTheEnvironmentSaysSo) {
    const std::vector<Source> sources{{"c", server("")}};
    const auto for_all = [&](std::map<std::string, std::string> variables) {
        const Loaded result = load(sources, environment_of(std::move(variables)));
        return std::get<VmessInbound>(result.config->inbounds[0].settings).older_header_for_all;
    };
    EXPECT_FALSE(for_all({}));
    EXPECT_FALSE(for_all({{"V2RAY_VMESS_AEAD_FORCED", "true"}}));
    EXPECT_TRUE(for_all({{"V2RAY_VMESS_AEAD_FORCED", "false"}}));
    EXPECT_TRUE(for_all({{"v2ray.vmess.aead.forced", "false"}}));
    EXPECT_TRUE(for_all({{"XRAY_VMESS_AEAD_FORCED", "false"}}));
}

TEST(VmessInbound, ReadsItsDetour) {
    const auto detour = [](std::string_view rest) {
        return vmess_inbound_of(server("", rest)).detour;
    };
    EXPECT_EQ(detour(""), "");
    EXPECT_EQ(detour(R"(, "detour": {"to": "x"})"), "x");
    EXPECT_EQ(detour(R"(, "features": {"detour": {"to": "old"}})"), "old");
    EXPECT_EQ(detour(R"(, "features": {"detour": {"to": "old"}}, "detour": {"to": "x"})"), "x");
}

std::string detour_warnings(std::string_view target) {
    return lines(loaded(R"({"outbounds": [{"protocol": "freedom"}], "inbounds": [
        {"port": 1, "protocol": "vmess", "settings": {"detour": {"to": "there"}}},
        {"port": 2, "tag": "there", )" +
                        std::string(target) + "}]}")
                     .warnings);
}

TEST(VmessInbound, WarnsOfADetourThatCannotBeTaken) {
    EXPECT_EQ(detour_warnings(R"("protocol": "vmess")"), "");
    EXPECT_NE(detour_warnings(R"("protocol": "socks")").find("which is not VMess"),
              std::string::npos);
    EXPECT_NE(
        detour_warnings(R"("protocol": "vmess", "settings": {"disableInsecureEncryption": true})")
            .find("which refuses aes-128-cfb"),
        std::string::npos);
    EXPECT_NE(lines(loaded(server("", R"(, "detour": {"to": "x"})")).warnings)
                  .find("which no inbound is called"),
              std::string::npos);
}

TEST(VmessInbound, MayBeEmpty) {
    for (const std::string_view settings :
         {"", R"(, "settings": null)", R"(, "settings": {})", R"(, "settings": {"clients": null})",
          R"(, "settings": {"clients": [], "detour": {}, "features": {"detour": null}})"}) {
        const std::string text = R"({"outbounds": [{"protocol": "freedom"}],
            "inbounds": [{"port": 1, "protocol": "vmess")" +
                                 std::string(settings) + "}]}";
        EXPECT_TRUE(vmess_inbound_of(text).clients.empty());
        EXPECT_EQ(lines(loaded(text).warnings), "");
    }
}

TEST(VmessInbound, RefusesWrongClients) {
    const std::string path = "inbounds[0].settings.clients[0].";
    const std::string alter = path + "alterId";
    const std::string level = path + "level";
    const std::string email = path + "email";
    const std::array<WrongUser, 11> cases{{
        {server(with_id(R"("alterId": -1)")), alter, "-1 is not a whole number from 0 to 65535"},
        {server(with_id(R"("alterId": 65536)")), alter, "65536 is not"},
        {server(with_id(R"("alterId": "16")")), alter, "is a text, and should be a number"},
        {server(with_id(R"("alterId": 1.0)")), alter, "1.0 is not"},
        {server(with_id(R"("alterId": 1e1)")), alter, "1e1 is not"},
        {server(with_id(R"("alterId": true)")), alter, "is true or false, and should be a number"},
        {server(with_id(R"("level": -1)")), level, "-1 is not a whole number from 0 to 4294967295"},
        {server(with_id(R"("level": 4294967296)")), level, "4294967296 is not"},
        {server(with_id(R"("level": 99999999999999999999)")), level, "99999999999999999999 is not"},
        {server(with_id(R"("level": "1")")), level, "is a text"},
        {server(with_id(R"("email": 3)")), email, "is a number, and should be a text"},
    }};
    expect_wrong(cases);
}

TEST(VmessInbound, WantsEmailsOnce) {
    const std::array<WrongUser, 1> cases{{
        {server(with_id(R"("email": "anna@x")") + R"(, {"id": ")" + std::string(kOtherId) +
                R"(", "email": "Anna@X"})"),
         "inbounds[0].settings.clients[1].email", "User Anna@X already exists"},
    }};
    expect_wrong(cases);
    const std::string none = with_id(R"("email": "")");
    EXPECT_EQ(vmess_inbound_of(server(none + ", " + none)).clients.size(), 2U);
}

TEST(VmessInbound, WarnsOfIdsThatStandTwice) {
    const std::array<WrongUser, 1> cases{{
        {server(with_id("\"level\": 0") + ", " + with_id("\"level\": 1")),
         "inbounds[0].settings.clients[1].id", "another client before has the same id"},
    }};
    expect_remark(cases);
}

TEST(VmessInbound, TellsTheSameAboutManyClientsOnce) {
    std::string clients;
    for (int index = 0; index < 300; ++index) {
        clients += index == 0 ? "" : ", ";
        clients += R"({"id": "00000000-0000-4000-8000-000000000)" + std::to_string(100 + index) +
                   R"(", "alterld": 64})";
    }
    const Loaded result = loaded(server(clients));
    ASSERT_TRUE(result.config.has_value());
    ASSERT_EQ(result.warnings.size(), 1U) << lines(result.warnings);
    EXPECT_EQ(result.warnings[0].path, "inbounds[0].settings.clients[0].alterld");
    EXPECT_NE(result.warnings[0].what.find("(and 299 times more)"), std::string::npos);
}

TEST(VmessInbound, RefusesWrongSettings) {
    const std::array<WrongUser, 3> cases{{
        {server("", R"(, "default": {"level": 256})"), "inbounds[0].settings.default.level",
         "256 is not a whole number from 0 to 255"},
        {server("", R"(, "default": {"alterId": 65536})"), "inbounds[0].settings.default.alterId",
         "65536 is not"},
        {server("", R"(, "disableInsecureEncryption": "x")"),
         "inbounds[0].settings.disableInsecureEncryption", "is a text"},
    }};
    expect_wrong(cases);
    const std::array<WrongUser, 2> remarks{{
        {R"({"outbounds": [{"protocol": "freedom"}], "inbounds": [{"port": 1, "protocol": "vmess", "detour": {"to": "x"}}]})",
         "inbounds[0].detour", "here, this does nothing"},
        {server("", R"(, "users": [{}])"), "inbounds[0].settings.users", "this key does nothing"},
    }};
    expect_remark(remarks);
}

// ---- outbound

TEST(VmessOutbound, ReadsEverything) {
    const VmessOutbound outbound = vmess_outbound_of(client(
        R"([{"address": " example.org ", "port": 443, "users": [{"id": "b831381d-6324-4d53-ad4f-8cda48b30811",
             "alterId": 0, "level": 2, "security": "Chacha20-Poly1305", "email": "e"}]},
            {"address": "[2001:db8::1]", "port": 8443, "users": [{"id": "b831381d-6324-4d53-ad4f-8cda48b30811"},
             {"id": "00000000-0000-4000-8000-000000000001", "security": "none"}]}])"));
    ASSERT_EQ(outbound.servers.size(), 2U);
    EXPECT_EQ(proto::text(outbound.servers[0].address), "example.org:443");
    EXPECT_EQ(proto::text(outbound.servers[1].address), "[2001:db8::1]:8443");
    ASSERT_EQ(outbound.servers[0].users.size(), 1U);
    EXPECT_EQ(outbound.servers[0].users[0].level, 2U);
    EXPECT_EQ(outbound.servers[0].users[0].email, "e");
    EXPECT_EQ(outbound.servers[0].users[0].security, Security::chacha20_poly1305);
    ASSERT_EQ(outbound.servers[1].users.size(), 2U);
    EXPECT_EQ(outbound.servers[1].users[0].security, Security::automatic);
    EXPECT_EQ(proto::vmess::uuid_text(outbound.servers[1].users[1].id), kOtherId);
}

TEST(VmessOutbound, KnowsTheSecurities) {
    const auto security = [](std::string_view name) {
        return account_of(with_id(R"("security": )" + std::string(name))).security;
    };
    EXPECT_EQ(security("\"auto\""), Security::automatic);
    EXPECT_EQ(security("\"AES-128-GCM\""), Security::aes_128_gcm);
    EXPECT_EQ(security("\"chacha20-poly1305\""), Security::chacha20_poly1305);
    EXPECT_EQ(security("\"none\""), Security::none);
    EXPECT_EQ(security("\"zero\""), Security::zero);
    EXPECT_EQ(security("\"\""), Security::automatic);
    EXPECT_EQ(security("null"), Security::automatic);
    EXPECT_EQ(security("\"aes-128-cfb\""), Security::automatic);

    const std::string_view path = "outbounds[0].settings.vnext[0].users[0].security";
    const std::array<WrongUser, 2> remarks{{
        {user(with_id(R"("security": "aes-256-gcm")")), path,
         "\"aes-256-gcm\" is not a security that can be chosen; auto is used"},
        {user(with_id(R"("security": "aes-128-cfb")")), path, "auto is used"},
    }};
    expect_remark(remarks);
    const std::array<WrongUser, 1> cases{
        {{user(with_id(R"("security": 1)")), path, "is a number"}}};
    expect_wrong(cases);
}

TEST(VmessOutbound, KnowsTheExperiments) {
    const auto account =
        account_of(with_id(R"("experiments": "AuthenticatedLength|NoTerminationSignal")"));
    EXPECT_TRUE(account.authenticated_length);
    EXPECT_TRUE(account.no_termination_signal);
    const auto other = account_of(with_id(R"("testsEnabled": "NoTerminationSignal")"));
    EXPECT_FALSE(other.authenticated_length);
    EXPECT_TRUE(other.no_termination_signal);
    const std::array<WrongUser, 1> remarks{{
        {user(with_id(R"("experiments": "x")")),
         "outbounds[0].settings.vnext[0].users[0].experiments", "none of these experiments exists"},
    }};
    expect_remark(remarks);
}

TEST(VmessOutbound, KnowsHowManyAlternativeIdsItHas) {
    EXPECT_EQ(account_of(with_id(R"("alterId": null)")).alter_id, 0);
    EXPECT_EQ(account_of(with_id(R"("alterId": 16)")).alter_id, 16);
    EXPECT_EQ(account_of(with_id(R"("alterId": 65535)")).alter_id, 65535);
    const std::string_view path = "outbounds[0].settings.vnext[0].users[0].alterId";
    const std::array<WrongUser, 3> cases{{
        {user(with_id(R"("alterId": -1)")), path, "-1 is not"},
        {user(with_id(R"("alterId": 65536)")), path, "65536 is not"},
        {user(with_id(R"("alterId": "16")")), path, "is a text"},
    }};
    expect_wrong(cases);
}

TEST(VmessOutbound, NeedsServersAndUsers) {
    const std::string good = "[" + with_id("\"level\": 0") + "]";
    const std::array<WrongUser, 12> cases{{
        {R"({"outbounds": [{"protocol": "vmess"}]})", "outbounds[0].settings.vnext",
         "there is no server"},
        {R"({"outbounds": [{"protocol": "vmess", "settings": {}}]})", "outbounds[0].settings.vnext",
         "there is no server"},
        {R"({"outbounds": [{"protocol": "vmess", "settings": []}]})", "outbounds[0].settings",
         "is a list, and should be an object"},
        {client("[]"), "outbounds[0].settings.vnext", "there is no server"},
        {client("null"), "outbounds[0].settings.vnext", "there is no server"},
        {client("{}"), "outbounds[0].settings.vnext", "is an object, and should be a list"},
        {client(R"([{"address": "a", "port": 1, "users": []}])"),
         "outbounds[0].settings.vnext[0].users", "the server has no user"},
        {client(R"([{"address": "a", "port": 1}])"), "outbounds[0].settings.vnext[0].users",
         "the server has no user"},
        {client(R"([{"port": 1, "users": )" + good + "}]"),
         "outbounds[0].settings.vnext[0].address", "the server has no address"},
        {client(R"([{"address": 12, "port": 1, "users": )" + good + "}]"),
         "outbounds[0].settings.vnext[0].address", "is a number"},
        {client(R"([{"address": "a", "port": "443", "users": )" + good + "}]"),
         "outbounds[0].settings.vnext[0].port", "is a text"},
        {client(R"([{"address": "a", "port": 65536, "users": )" + good + "}]"),
         "outbounds[0].settings.vnext[0].port", "65536 is not"},
    }};
    expect_wrong(cases);
    const std::array<WrongUser, 4> remarks{{
        {client(R"([{"address": "", "port": 1, "users": )" + good + "}]"),
         "outbounds[0].settings.vnext[0].address", "\"\" is nobody's address"},
        {client(R"([{"address": "a b", "port": 1, "users": )" + good + "}]"),
         "outbounds[0].settings.vnext[0].address", "\"a b\" is neither an IP nor a usual name"},
        {client(R"([{"address": "192.0.2.1:5", "port": 1, "users": )" + good + "}]"),
         "outbounds[0].settings.vnext[0].address", "is neither an IP nor a usual name"},
        {client(R"([{"address": "a", "users": )" + good + "}]"), "outbounds[0].settings.vnext[0]",
         "nothing listens on port 0"},
    }};
    expect_remark(remarks);
}

}  // namespace
}  // namespace ferry::core::config
