// Many clients of one inbound: what stands there twice is found among all of them, and nothing else
// is taken for it.
#include "tests/core/config_cases.h"

namespace ferry::core::config {
namespace {

constexpr int kClients = 3000;

std::string client(int number, const std::string& email) {
    const std::string digits = std::to_string(100'000'000'000 + number);
    return R"({"id": "00000000-0000-4000-8000-)" + digits + R"(", "email": ")" + email + "\"}";
}

std::string email(int number) {
    return "User" + std::to_string(number) + "@Example.org";
}

// An inbound with users who are all different, and one more.
Loaded loaded_with(const std::string& one_more) {
    std::string clients;
    for (int number = 0; number < kClients; ++number) {
        clients += client(number, email(number)) + ", ";
    }
    return loaded(R"({"outbounds": [{"protocol": "freedom"}], "inbounds": [{"port": 1,
        "protocol": "vmess", "settings": {"clients": [)" +
                  clients + one_more + "]}}]}");
}

TEST(VmessClients, MayBeMany) {
    const Loaded result = loaded_with(client(kClients, email(kClients)));
    ASSERT_TRUE(result.config.has_value()) << lines(result.mistakes);
    EXPECT_EQ(lines(result.warnings), "");
    const auto& inbound = std::get<VmessInbound>(result.config->inbounds.front().settings);
    ASSERT_EQ(inbound.clients.size(), kClients + 1U);
    EXPECT_EQ(inbound.clients[17].email, "User17@Example.org");
}

TEST(VmessClients, AreFoundByEmailWhateverItsCase) {
    for (const int number : {0, 1, 1500, kClients - 1}) {
        const std::string twice = "uSER" + std::to_string(number) + "@eXAMPLE.ORG";
        const Loaded result = loaded_with(client(kClients, twice));
        ASSERT_EQ(result.mistakes.size(), 1U) << number;
        EXPECT_EQ(result.mistakes[0].path, "inbounds[0].settings.clients[3000].email");
        EXPECT_EQ(result.mistakes[0].what, "User " + twice + " already exists");
    }
}

TEST(VmessClients, AreFoundById) {
    for (const int number : {0, 1, 1500, kClients - 1}) {
        const Loaded result = loaded_with(client(number, email(kClients)));
        ASSERT_TRUE(result.config.has_value()) << lines(result.mistakes);
        ASSERT_EQ(result.warnings.size(), 1U) << number;
        EXPECT_EQ(result.warnings[0].path, "inbounds[0].settings.clients[3000].id");
        EXPECT_EQ(result.warnings[0].what, "another client before has the same id");
    }
}

}  // namespace
}  // namespace ferry::core::config
