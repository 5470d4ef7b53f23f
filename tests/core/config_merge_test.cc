// Configurations in several files, and the old spellings: V2Ray 4.34's rules, as measured.
#include <array>

#include "tests/core/config_cases.h"

namespace ferry::core::config {
namespace {

// Ports of the inbounds and tags of the outbounds, in their order.
struct Order {
    std::vector<std::uint16_t> ports;
    std::vector<std::string> tags;
};

Loaded loaded_from(std::vector<Source> sources) {
    return load(sources, environment_of({}));
}

Order order_of(std::vector<Source> sources) {
    const Loaded result = loaded_from(std::move(sources));
    EXPECT_TRUE(result.config.has_value()) << lines(result.mistakes);
    Order order;
    const Config config = result.config.value_or(Config{});
    for (const Inbound& inbound : config.inbounds) {
        order.ports.push_back(inbound.ports.first);
    }
    for (const Outbound& outbound : config.outbounds) {
        order.tags.push_back(outbound.tag);
    }
    return order;
}

std::string in(std::string_view tag, int port) {
    return R"({"protocol": "socks", "tag": ")" + std::string(tag) + R"(", "port": )" +
           std::to_string(port) + "}";
}

std::string out(std::string_view tag) {
    return R"({"protocol": "freedom", "tag": ")" + std::string(tag) + "\"}";
}

std::string ins(std::string_view entries) {
    return R"({"outbounds": [], "inbounds": [)" + std::string(entries) + "]}";
}

std::string outs(std::string_view entries) {
    return R"({"outbounds": [)" + std::string(entries) + "]}";
}

using Ports = std::vector<std::uint16_t>;
using Tags = std::vector<std::string>;

std::string two_ins() {
    return ins(in("a", 1) + "," + in("b", 2));
}

// ---- lists

TEST(Merge, ReplacesTheInboundOfTheSameTag) {
    EXPECT_EQ(order_of({{"1", two_ins()}, {"2", ins(in("a", 3))}}).ports, (Ports{3, 2}));
}

TEST(Merge, AddsAnInboundOfANewTag) {
    EXPECT_EQ(order_of({{"1", two_ins()}, {"2", ins(in("c", 4))}}).ports, (Ports{1, 2, 4}));
    EXPECT_EQ(order_of({{"1", two_ins()}, {"2", ins(in("A", 4))}}).ports, (Ports{1, 2, 4}))
        << "tags are compared with their case";
}

TEST(Merge, ReplacesAllBySeveral) {
    const std::vector<Source> sources{{"1", two_ins()}, {"2", ins(in("c", 5) + "," + in("d", 6))}};
    EXPECT_EQ(order_of(sources).ports, (Ports{5, 6}));
    const Loaded result = loaded_from(sources);
    EXPECT_NE(
        lines(result.warnings).find("2:1:31: inbounds: these replace all 2 of the files before"),
        std::string::npos)
        << lines(result.warnings);
}

TEST(Merge, ReplacesNothingByNone) {
    EXPECT_EQ(order_of({{"1", two_ins()}, {"2", ins("")}, {"3", "{}"}, {"4", "null"}}).ports,
              (Ports{1, 2}));
}

TEST(Merge, TakesNoTagForATagWithAWarning) {
    const std::vector<Source> sources{{"1", R"({"inbounds": [{"protocol": "socks", "port": 7}]})"},
                                      {"2", R"({"inbounds": [{"protocol": "socks", "port": 8}]})"}};
    EXPECT_EQ(order_of(sources).ports, (Ports{8}));
    const Loaded result = loaded_from(sources);
    EXPECT_NE(
        lines(result.warnings)
            .find("2:1:15: inbounds[0]: this replaces the entry of 1, line 1: neither has a tag"),
        std::string::npos)
        << lines(result.warnings);
}

TEST(Merge, PutsOutboundsInFrontUnlessTheFileIsATail) {
    const std::string first = outs(out("a") + "," + out("b"));
    EXPECT_EQ(order_of({{"1", first}, {"2", outs(out("c"))}}).tags, (Tags{"c", "a", "b"}));
    EXPECT_EQ(order_of({{"1", first}, {"dir/My_Tail.json", outs(out("c"))}}).tags,
              (Tags{"a", "b", "c"}));
    EXPECT_EQ(order_of({{"1", first}, {"tail", outs(out("a"))}}).tags, (Tags{"a", "b"}));
    EXPECT_EQ(order_of({{"1", first}, {"2", outs(out("c") + "," + out("d"))}}).tags,
              (Tags{"c", "d"}));
    EXPECT_EQ(order_of({{"tail", outs(out("c"))}, {"2", outs(out("d"))}}).tags, (Tags{"d", "c"}));
}

// ---- sections

TEST(Merge, ReplacesSectionsAsWholes) {
    const Loaded result = loaded_from(
        {{"1",
          R"({"log": {"loglevel": "debug", "access": "none"}, "policy": {"levels": {"1": {}}}})"},
         {"2", R"({"log": {"error": "none"}})"},
         {"3", R"({"log": null})"}});
    ASSERT_TRUE(result.config.has_value());
    EXPECT_EQ(result.config->log.level, LogLevel::warning);
    EXPECT_EQ(result.config->log.access.kind, LogTarget::Kind::standard_output);
    EXPECT_EQ(result.config->log.error.kind, LogTarget::Kind::off);
    EXPECT_EQ(result.config->policy.levels.size(), 1U);
}

TEST(Merge, FindsRulesAndTagsAcrossFiles) {
    const Loaded result = loaded_from(
        {{"1", ins(in("a", 1))},
         {"2", outs(out("x"))},
         {"3",
          R"({"routing": {"rules": [{"type": "field", "inboundTag": "a", "outboundTag": "x"}]}})"}});
    ASSERT_TRUE(result.config.has_value()) << lines(result.mistakes);
    EXPECT_EQ(result.config->routing.rules.size(), 1U);
}

TEST(Merge, PlacesMistakesInTheirFiles) {
    const Loaded result =
        loaded_from({{"b.json", outs(out("x"))},
                     {"a.json", "{\"log\": 1,\n \"inbounds\": [{\"protocol\": \"socks\"}]}"},
                     {"c.json", R"({"outbounds": [{"protocol": "x", "tag": "y"}]})"}});
    EXPECT_EQ(lines(result.mistakes),
              "a.json:1:9: log: is a number, and should be an object; put it in { }\n"
              "a.json:2:15: inbounds[0].port: the inbound has no port; write 1080, \"1080\", "
              "\"1080-1090\" or \"env:NAME\", with numbers from 0 to 65535\n"
              "c.json:1:29: outbounds[0].protocol: \"x\" is not a protocol; use vmess, freedom, "
              "blackhole\n");
}

TEST(Merge, TellsOnlySyntaxIfAFileHasNone) {
    const Loaded result = loaded_from(
        {{"1", "{"},
         {"2",
          R"({"routing": {"rules": [{"type": "field", "inboundTag": "a", "outboundTag": "x"}]}})"},
         {"3", "[]"}});
    EXPECT_FALSE(result.config.has_value());
    EXPECT_EQ(lines(result.mistakes),
              "1:1:1: this '{' is never closed; look for a missing bracket, or for a file that was "
              "cut\n"
              "3:1:1: a configuration is one object; begin it with '{'\n");
}

TEST(Merge, OfNothingIsAnEmptyConfiguration) {
    const Loaded result = loaded_from({});
    ASSERT_TRUE(result.config.has_value());
    EXPECT_TRUE(result.config->inbounds.empty());
    EXPECT_TRUE(result.config->outbounds.empty());
}

// ---- old spellings

TEST(OldSpelling, JoinsItsListsInOrder) {
    const std::string text = R"({"inbound": )" + in("a", 1) + R"(, "inboundDetour": [)" +
                             in("b", 2) + R"(], "inbounds": [)" + in("c", 3) +
                             R"(], "outbound": )" + out("x") + R"(, "outboundDetour": [)" +
                             out("y") + R"(], "outbounds": [)" + out("z") + "]}";
    const Order order = order_of({{"1", text}});
    EXPECT_EQ(order.ports, (Ports{1, 2, 3}));
    EXPECT_EQ(order.tags, (Tags{"x", "y", "z"}));
}

TEST(OldSpelling, IsReplacedByLaterFiles) {
    const std::string first =
        R"({"inbound": )" + in("a", 1) + R"(, "inboundDetour": [)" + in("b", 2) + "]}";
    EXPECT_EQ(order_of({{"1", first}, {"2", R"({"inbound": )" + in("c", 3) + "}"}}).ports,
              (Ports{3, 2}));
    EXPECT_EQ(order_of({{"1", first}, {"2", R"({"inboundDetour": [)" + in("c", 3) + "]}"}}).ports,
              (Ports{1, 3}));
}

TEST(OldSpelling, GivesTheFirstInboundItsPort) {
    EXPECT_EQ(order_of({{"1", R"({"port": 5, "inbounds": [{"protocol": "socks"}]})"}}).ports,
              (Ports{5}));
    EXPECT_EQ(
        order_of({{"1", R"({"port": 5, "inbound": {"protocol": "socks", "port": 6}})"}}).ports,
        (Ports{6}));
    EXPECT_EQ(order_of({{"1", R"({"port": 5, "inbounds": [{"protocol": "socks"}]})"},
                        {"2", R"({"port": 6})"}})
                  .ports,
              (Ports{5}));
    const Loaded second =
        loaded(R"({"port": 5, "inbounds": [{"protocol": "socks"}, {"protocol": "http"}]})");
    EXPECT_EQ(second.mistakes.size(), 1U);
    EXPECT_TRUE(says(second.mistakes, "1:49: inbounds[1].port: the inbound has no port"))
        << lines(second.mistakes);
    expect_refused(std::array{Case{R"({"port": 70000, "inbounds": [{"protocol": "socks"}]})",
                                   "1:10: port: 70000 is not a whole number from 0 to 65535"}});
}

TEST(Outbounds, AreNeverMissingWhereSomebodyComesIn) {
    const std::string text = ins(in("a", 1));
    const Config config = config_of(text);
    ASSERT_EQ(config.outbounds.size(), 1U);
    EXPECT_TRUE(std::holds_alternative<BlackholeOutbound>(config.outbounds[0].settings));
    expect_warned(std::array{Case{text, "1:32: inbounds[0]: there is no outbound"}});
    EXPECT_TRUE(clean_config_of("{}").outbounds.empty());
}

}  // namespace
}  // namespace ferry::core::config
