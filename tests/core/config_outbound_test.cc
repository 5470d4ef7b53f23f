// What outbounds may say, apart from VMess, and what routing makes of inbounds and outbounds.
#include <array>

#include "tests/core/config_cases.h"

namespace ferry::core::config {
namespace {

Outbound outbound_of(std::string_view text) {
    const Config config = config_of("{\"outbounds\": [" + std::string(text) + "]}");
    return config.outbounds.empty() ? Outbound{} : config.outbounds.front();
}

template <class Settings>
Settings settings_of(std::string_view text) {
    const auto settings = outbound_of(text).settings;
    const auto* wanted = std::get_if<Settings>(&settings);
    EXPECT_NE(wanted, nullptr) << text;
    return wanted == nullptr ? Settings{} : *wanted;
}

// ---- outbounds

TEST(Outbound, KnowsHowVmessCarriesDatagrams) {
    constexpr std::string_view kVmess =
        R"({"protocol": "vmess", "settings": {"vnext": [{"address": "a", "port": 1, "users":
            [{"id": "b831381d-6324-4d53-ad4f-8cda48b30811"%}]}]%}})";
    const auto encoding_of = [&](std::string_view of_user, std::string_view of_outbound) {
        std::string text(kVmess);
        text.replace(text.rfind('%'), 1, of_outbound);
        text.replace(text.find('%'), 1, of_user);
        return settings_of<VmessOutbound>(text).packet_encoding;
    };
    EXPECT_EQ(encoding_of("", ""), PacketEncoding::none);
    EXPECT_EQ(encoding_of(R"(, "packetEncoding": "packet")", ""), PacketEncoding::packet);
    EXPECT_EQ(encoding_of("", R"(, "packetEncoding": "None")"), PacketEncoding::none);
    EXPECT_EQ(encoding_of("", R"(, "packetEncoding": "PacketAddr")"), PacketEncoding::packet);
    constexpr std::array<Case, 1> kCases{{
        {R"({"outbounds": [{"protocol": "vmess", "settings": {"packetEncoding": "x", "vnext": [
            {"address": "a", "port": 1, "users": [{"id": "b831381d-6324-4d53-ad4f-8cda48b30811"}]}]}}]})",
         "1:69: outbounds[0].settings.packetEncoding: \"x\" is not a packet encoding"},
    }};
    expect_refused(kCases);
}

TEST(Outbound, KnowsItsProtocols) {
    EXPECT_TRUE(std::holds_alternative<FreedomOutbound>(
        outbound_of(R"({"protocol": "FREEDOM", "settings": null})").settings));
    EXPECT_TRUE(std::holds_alternative<BlackholeOutbound>(
        outbound_of(R"({"protocol": "blackhole"})").settings));
    constexpr std::array<Case, 6> kCases{{
        {R"({"outbounds": [{"protocol": "freedm"}]})",
         "1:29: outbounds[0].protocol: \"freedm\" is not a protocol; did you mean \"freedom\"?"},
        {R"({"outbounds": [{"protocol": "dns"}]})",
         "1:29: outbounds[0].protocol: the protocol \"dns\" is not supported here"},
        {R"({"outbounds": [{"protocol": "socks"}]})",
         "1:29: outbounds[0].protocol: the protocol \"socks\" is not supported here"},
        {R"({"outbounds": [{}]})", "1:16: outbounds[0].protocol: the outbound has no protocol"},
        {R"({"outbounds": [null]})", "1:16: outbounds[0].protocol: the outbound has no protocol"},
        {R"({"outbounds": ["x"]})", "1:16: outbounds[0]: is a text, and should be an object"},
    }};
    expect_refused(kCases);
}

TEST(Outbound, ReadsTagAndLocalAddress) {
    const Outbound outbound =
        outbound_of(R"({"protocol": "freedom", "tag": "out", "sendThrough": "192.0.2.1"})");
    EXPECT_EQ(outbound.tag, "out");
    ASSERT_TRUE(outbound.send_through.has_value());
    EXPECT_EQ(proto::host_text(*outbound.send_through), "192.0.2.1");
    for (const std::string_view any : {"\"0.0.0.0\"", "\"::\"", "null"}) {
        const std::string text =
            R"({"protocol": "freedom", "sendThrough": )" + std::string(any) + "}";
        EXPECT_FALSE(outbound_of(text).send_through.has_value());
    }
    constexpr std::array<Case, 4> kCases{{
        {R"({"outbounds": [{"protocol": "freedom", "sendThrough": "example.org"}]})",
         "1:55: outbounds[0].sendThrough: \"example.org\" is not an IP"},
        {R"({"outbounds": [{"protocol": "freedom", "sendThrough": ""}]})",
         "1:55: outbounds[0].sendThrough: \"\" is not an IP"},
        {R"({"outbounds": [{"protocol": "freedom", "sendThrough": 1}]})",
         "1:55: outbounds[0].sendThrough: is a number"},
        {R"({"outbounds": [{"protocol": "freedom", "tag": 3}]})",
         "1:47: outbounds[0].tag: is a number"},
    }};
    expect_refused(kCases);
}

TEST(Outbound, RefusesWhatLiesBetweenItAndTcp) {
    constexpr std::array<Case, 3> kCases{{
        {R"({"outbounds": [{"protocol": "freedom", "proxySettings": {"tag": "x"}}]})",
         "1:57: outbounds[0].proxySettings: going out through another outbound"},
        {R"({"outbounds": [{"protocol": "freedom", "streamSettings": {"network": "ws"}}]})",
         "1:70: outbounds[0].streamSettings.network: the network \"ws\" is not supported"},
        {R"({"outbounds": [{"protocol": "freedom", "streamSettings": {"security": "tls"}}]})",
         "1:71: outbounds[0].streamSettings.security: the security \"tls\""},
    }};
    expect_refused(kCases);
    for (const std::string_view fine :
         {R"("mux": {"enabled": false, "concurrency": 8})",
          R"("mux": {"enabled": true, "concurrency": -1})", R"("mux": null)",
          R"("proxySettings": null)",
          R"("streamSettings": {"network": "tcp", "security": "none"})"}) {
        clean_config_of(R"({"outbounds": [{"protocol": "freedom", )" + std::string(fine) + "}]}");
    }
}

TEST(Outbound, MayShareATagWithAWarning) {
    const std::string text =
        "{\"outbounds\": [{\"protocol\": \"freedom\", \"tag\": \"a\"},\n"
        "{\"protocol\": \"blackhole\", \"tag\": \"a\"}]}";
    expect_warned(
        std::array{Case{text, "2:1: outbounds[1]: the tag \"a\" also belongs to c, line 1"}});
}

// ---- mux

// Of a VMess outbound; `text` is what stands in the object.
Mux mux_of(std::string_view text) {
    const Config config = clean_config_of(
        R"({"outbounds": [{"protocol": "vmess", "settings": {"vnext": [{"address": "192.0.2.1",
            "port": 1, "users": [{"id": ")" +
        std::string(kId) + R"("}]}]}, "mux": {)" + std::string(text) + "}}]}");
    return config.outbounds.empty() ? Mux{} : config.outbounds.front().mux;
}

TEST(MuxSection, CountsStreamsAsV2RayDoes) {
    EXPECT_EQ(mux_of("").streams, 0U);
    EXPECT_EQ(mux_of(R"("enabled": false, "concurrency": 8)").streams, 0U);
    EXPECT_EQ(mux_of(R"("concurrency": 8)").streams, 0U);
    EXPECT_EQ(mux_of(R"("enabled": true)").streams, 8U);
    EXPECT_EQ(mux_of(R"("enabled": true, "concurrency": 0)").streams, 8U);
    EXPECT_EQ(mux_of(R"("enabled": true, "concurrency": null)").streams, 8U);
    EXPECT_EQ(mux_of(R"("enabled": true, "concurrency": 1)").streams, 1U);
    EXPECT_EQ(mux_of(R"("enabled": true, "concurrency": 1024)").streams, 1024U);
    EXPECT_EQ(mux_of(R"("enabled": true, "concurrency": -1)").streams, 0U);
    EXPECT_EQ(mux_of(R"("enabled": true, "concurrency": -32768)").streams, 0U);
}

TEST(MuxSection, CountsAssociationsAsXrayDoes) {
    EXPECT_FALSE(mux_of(R"("enabled": true)").associations.has_value());
    EXPECT_FALSE(mux_of(R"("enabled": true, "xudpConcurrency": 0)").associations.has_value());
    EXPECT_FALSE(mux_of(R"("enabled": false, "xudpConcurrency": 16)").associations.has_value());
    EXPECT_EQ(mux_of(R"("enabled": true, "xudpConcurrency": 16)").associations, 16U);
    EXPECT_EQ(mux_of(R"("enabled": true, "xudpConcurrency": -1)").associations, 0U);
    const Mux only = mux_of(R"("enabled": true, "concurrency": -1, "xudpConcurrency": 1024)");
    EXPECT_EQ(only.streams, 0U);
    EXPECT_EQ(only.associations, 1024U);
}

TEST(MuxSection, KnowsWhatBecomesOfQuic) {
    EXPECT_EQ(mux_of(R"("enabled": true)").quic, Mux::Quic::allow);
    EXPECT_EQ(mux_of(R"("enabled": true, "xudpProxyUDP443": "")").quic, Mux::Quic::allow);
    EXPECT_EQ(mux_of(R"("enabled": true, "xudpProxyUDP443": "allow")").quic, Mux::Quic::allow);
    EXPECT_EQ(mux_of(R"("enabled": true, "xudpProxyUDP443": "reject")").quic, Mux::Quic::refuse);
    EXPECT_EQ(mux_of(R"("enabled": true, "xudpProxyUDP443": "skip")").quic, Mux::Quic::outside);
    EXPECT_EQ(mux_of(R"("enabled": false, "xudpProxyUDP443": "skip")").quic, Mux::Quic::allow);
}

TEST(MuxSection, SaysWhatIsWrong) {
    constexpr std::array<Case, 4> kRefused{{
        {R"({"outbounds": [{"protocol": "freedom", "mux": {"concurrency": 40000}}]})",
         "1:63: outbounds[0].mux.concurrency: 40000 is not a whole number from -32768 to 32767"},
        {R"({"outbounds": [{"protocol": "freedom", "mux": {"enabled": "yes"}}]})",
         "1:59: outbounds[0].mux.enabled: is a text"},
        {R"({"outbounds": [{"protocol": "freedom", "mux": {"xudpProxyUDP443": "no"}}]})",
         "1:67: outbounds[0].mux.xudpProxyUDP443: \"no\" is not a choice"},
        {R"({"outbounds": [{"protocol": "freedom", "mux": true}]})",
         "1:47: outbounds[0].mux: is true or false, and should be an object"},
    }};
    expect_refused(kRefused);
    constexpr std::array<Case, 5> kWarned{{
        {R"({"outbounds": [{"protocol": "freedom", "mux": {"enabled": true}}]})",
         "1:47: outbounds[0].mux: there is nobody who would take the streams apart"},
        {R"({"outbounds": [{"protocol": "blackhole", "mux": {"enabled": true}}]})",
         "1:49: outbounds[0].mux: there is nobody"},
        {R"({"outbounds": [{"protocol": "freedom", "mux": {"enabled": true, "concurrency": 0}}]})",
         "1:47: outbounds[0].mux: there is nobody"},
        {R"({"outbounds": [{"protocol": "freedom", "mux": {"enabled": true, "concurrency": -1,)"
         R"( "xudpConcurrency": 4}}]})",
         "1:47: outbounds[0].mux: there is nobody"},
        {R"({"outbounds": [{"protocol": "freedom", "mux": {"enabled": true, "concurrency": 1025}}]})",
         "1:80: outbounds[0].mux.concurrency: this is more than 1024, which is used"},
    }};
    expect_warned(kWarned);
    EXPECT_EQ(config_of(kWarned[0].text).outbounds.at(0).mux.streams, 0U);
}

// ---- freedom and blackhole

TEST(Freedom, KnowsTheStrategies) {
    using Strategy = FreedomOutbound::DomainStrategy;
    const auto strategy = [](std::string_view name) {
        return settings_of<FreedomOutbound>(
                   R"({"protocol": "freedom", "settings": {"domainStrategy": ")" +
                   std::string(name) + "\"}}")
            .strategy;
    };
    EXPECT_EQ(strategy("AsIs"), Strategy::as_is);
    EXPECT_EQ(strategy(""), Strategy::as_is);
    EXPECT_EQ(strategy("UseIP"), Strategy::use_ip);
    EXPECT_EQ(strategy("use_ip"), Strategy::use_ip);
    EXPECT_EQ(strategy("UseIPv4"), Strategy::use_ipv4);
    EXPECT_EQ(strategy("use_ip_v4"), Strategy::use_ipv4);
    EXPECT_EQ(strategy("useip4"), Strategy::use_ipv4);
    EXPECT_EQ(strategy("UseIPv6"), Strategy::use_ipv6);
    constexpr std::array<Case, 1> kRemarks{{
        {R"({"outbounds": [{"protocol": "freedom", "settings": {"domainStrategy": "x"}}]})",
         "1:71: outbounds[0].settings.domainStrategy: \"x\" is not a strategy; AsIs is used"},
    }};
    expect_warned(kRemarks);
}

TEST(Freedom, ReadsRedirects) {
    const auto redirect = [](std::string_view place) {
        return settings_of<FreedomOutbound>(
                   R"({"protocol": "freedom", "settings": {"redirect": ")" + std::string(place) +
                   "\"}}")
            .redirect;
    };
    EXPECT_FALSE(redirect("").has_value());
    EXPECT_EQ(redirect("127.0.0.1:80"), proto::ipv4({127, 0, 0, 1}, 80));
    EXPECT_EQ(proto::text(redirect("[2001:db8::1]:80").value_or(proto::Address{})),
              "[2001:db8::1]:80");
    EXPECT_EQ(proto::text(redirect("example.org:80").value_or(proto::Address{})), "example.org:80");
    const auto same_host = redirect(":80").value_or(proto::Address{});
    EXPECT_EQ(same_host.kind, proto::Address::Kind::none);
    EXPECT_EQ(same_host.port, 80);
    EXPECT_EQ(redirect("127.0.0.1:0"), proto::ipv4({127, 0, 0, 1}, 0));
    for (const std::string_view wrong :
         {"127.0.0.1", "127.0.0.1:", "x:http", "x:70000", "::1:80", "[::1]", ":", "x:-1", "x:+1"}) {
        const std::string text =
            R"({"outbounds": [{"protocol": "freedom", "settings": {"redirect": ")" +
            std::string(wrong) + "\"}}]}";
        const std::string said =
            "1:65: outbounds[0].settings.redirect: \"" + std::string(wrong) + "\" is not a place";
        expect_refused(std::array{Case{text, said}});
    }
}

TEST(Freedom, ChecksTheRest) {
    EXPECT_EQ(
        settings_of<FreedomOutbound>(R"({"protocol": "freedom", "settings": {"userLevel": 9}})")
            .level,
        9U);
    constexpr std::array<Case, 4> kCases{{
        {R"({"outbounds": [{"protocol": "freedom", "settings": {"timeout": -5}}]})",
         "1:64: outbounds[0].settings.timeout: -5 is not a whole number"},
        {R"({"outbounds": [{"protocol": "freedom", "settings": {"userLevel": "1"}}]})",
         "1:66: outbounds[0].settings.userLevel: is a text"},
        {R"({"outbounds": [{"protocol": "freedom", "settings": []}]})",
         "1:52: outbounds[0].settings: is a list, and should be an object"},
        {R"({"outbounds": [{"protocol": "freedom", "settings": {"redirect": 80}}]})",
         "1:65: outbounds[0].settings.redirect: is a number"},
    }};
    expect_refused(kCases);
    constexpr std::array<Case, 1> kRemarks{{
        {R"({"outbounds": [{"protocol": "freedom", "settings": {"timeout": 5}}]})",
         "1:64: outbounds[0].settings.timeout: this does nothing; set \"connIdle\""},
    }};
    expect_warned(kRemarks);
}

TEST(Blackhole, AnswersInTwoWays) {
    using Response = BlackholeOutbound::Response;
    const auto response = [](std::string_view settings) {
        return settings_of<BlackholeOutbound>(R"({"protocol": "blackhole", "settings": )" +
                                              std::string(settings) + "}")
            .response;
    };
    EXPECT_EQ(response("{}"), Response::none);
    EXPECT_EQ(response("null"), Response::none);
    EXPECT_EQ(response(R"({"response": {"type": "none"}})"), Response::none);
    EXPECT_EQ(response(R"({"response": {"type": "HTTP"}})"), Response::http);
    constexpr std::array<Case, 3> kCases{{
        {R"({"outbounds": [{"protocol": "blackhole", "settings": {"response": {}}}]})",
         "1:67: outbounds[0].settings.response.type: the response has no type"},
        {R"({"outbounds": [{"protocol": "blackhole", "settings": {"response": {"type": "x"}}}]})",
         "1:76: outbounds[0].settings.response.type: \"x\" is not a response"},
        {R"({"outbounds": [{"protocol": "blackhole", "settings": {"response": "http"}}]})",
         "1:67: outbounds[0].settings.response: is a text, and should be an object"},
    }};
    expect_refused(kCases);
}

// ---- routing: one inbound "i", outbounds "o" and "p"

std::string routed(std::string_view routing) {
    return R"({"inbounds": [{"port": 1, "protocol": "socks", "tag": "i"}],)"
           R"("outbounds": [{"protocol": "freedom", "tag": "o"}, {"protocol": "freedom", "tag": "p"}],)"
           "\n\"routing\": " +
           std::string(routing) + "}";
}

std::string ruled(std::string_view rule) {
    return routed("{\"rules\": [\n" + std::string(rule) + "]}");
}

TEST(Routing, LeadsFromTagsToOutbounds) {
    const Config config = config_of(routed(R"({"domainStrategy": "IPOnDemand", "rules": [
        {"type": "field", "inboundTag": ["i"], "outboundTag": "p"},
        {"type": "Field", "inboundTag": "i, j", "outboundTag": "o", "ip": [], "user": null}],
        "settings": {"rules": [{"type": "field", "inboundTag": ["i"], "outboundTag": "p"}]}})"));
    EXPECT_EQ(config.routing.strategy, Routing::DomainStrategy::ip_on_demand);
    ASSERT_EQ(config.routing.rules.size(), 3U);
    EXPECT_EQ(config.routing.rules[0].inbound_tags, std::vector<std::string>{"i"});
    EXPECT_EQ(config.routing.rules[0].outbound, 1U);
    EXPECT_EQ(config.routing.rules[1].inbound_tags, (std::vector<std::string>{"i", "j"}));
    EXPECT_EQ(config.routing.rules[1].outbound, 0U);
    EXPECT_EQ(config.routing.rules[2].outbound, 1U);
}

TEST(Routing, MayBeEmpty) {
    for (const std::string_view routing : {"null", "{}", R"({"rules": null})", R"({"rules": []})",
                                           R"({"domainStrategy": "", "balancers": []})"}) {
        EXPECT_TRUE(clean_config_of(routed(routing)).routing.rules.empty());
    }
}

TEST(Routing, TakesTheLastOfOutboundsWithOneTag) {
    const Config config = config_of(R"({"inbounds": [{"port": 1, "protocol": "socks", "tag": "i"}],
        "outbounds": [{"protocol": "freedom", "tag": "o"}, {"protocol": "blackhole", "tag": "o"}],
        "routing": {"rules": [{"type": "field", "inboundTag": "i", "outboundTag": "o"}]}})");
    ASSERT_EQ(config.routing.rules.size(), 1U);
    EXPECT_EQ(config.routing.rules[0].outbound, 1U);
}

TEST(Routing, RefusesRulesItCannotFollow) {
    struct Rule {
        std::string_view text;
        std::string_view said;
    };
    constexpr std::array<Rule, 15> kRules{{
        {R"({"inboundTag": ["i"], "outboundTag": "o"})",
         "3:1: routing.rules[0].type: the rule has no type"},
        {R"({"type": "x", "inboundTag": ["i"], "outboundTag": "o"})",
         "3:10: routing.rules[0].type: \"x\" is not a type of rule"},
        {R"({"type": "field", "inboundTag": ["i"]})",
         "3:1: routing.rules[0].outboundTag: the rule leads nowhere"},
        {R"({"type": "field", "inboundTag": ["i"], "outboundTag": "oo"})",
         "3:55: routing.rules[0].outboundTag: no outbound has the tag \"oo\"; give the outbound "
         "this tag"},
        {R"({"type": "field", "inboundTag": ["i"], "outboundTag": "O"})",
         "3:55: routing.rules[0].outboundTag: no outbound has the tag \"O\"; did you mean \"o\"?"},
        {R"({"type": "field", "inboundTag": ["i"], "outboundTag": ""})",
         "3:55: routing.rules[0].outboundTag: no outbound has the tag \"\""},
        {R"({"type": "field", "outboundTag": "o"})",
         "3:1: routing.rules[0].inboundTag: the rule has no condition"},
        {R"({"type": "field", "inboundTag": [], "outboundTag": "o"})",
         "3:1: routing.rules[0].inboundTag: the rule has no condition"},
        {R"({"type": "field", "domain": ["x"], "outboundTag": "o"})",
         "3:29: routing.rules[0].domain: this condition is not supported"},
        {R"({"type": "field", "inboundTag": ["i"], "ip": ["geoip:private"], "outboundTag": "o"})",
         "3:46: routing.rules[0].ip: this condition is not supported"},
        {R"({"type": "field", "inboundTag": ["i"], "network": "udp", "outboundTag": "o"})",
         "3:51: routing.rules[0].network: this condition is not supported"},
        {R"({"type": "field", "inboundTag": ["i"], "port": 53, "outboundTag": "o"})",
         "3:48: routing.rules[0].port: this condition is not supported"},
        {R"({"type": "field", "inboundTag": ["i"], "outboundTag": "o", "balancerTag": "b"})",
         "3:75: routing.rules[0].balancerTag: this condition is not supported"},
        {R"({"type": "field", "inboundTag": [1], "outboundTag": "o"})",
         "3:34: routing.rules[0].inboundTag[0]: is a number"},
        {R"("x")", "3:1: routing.rules[0]: is a text, and should be an object"},
    }};
    for (const Rule& rule : kRules) {
        const Loaded result = loaded(ruled(rule.text));
        EXPECT_FALSE(result.config.has_value()) << rule.text;
        EXPECT_TRUE(says(result.mistakes, rule.said))
            << rule.text << "\nwanted " << rule.said << "\ngot " << lines(result.mistakes);
    }
}

TEST(Routing, WarnsOfWhatDoesNothing) {
    const std::string unknown =
        ruled(R"({"type": "field", "inboundTag": ["ii"], "outboundTag": "o"})");
    const std::string strategy = routed(R"({"domainStrategy": "x"})");
    const std::string balancers = routed(R"({"balancers": [{"tag": "b", "selector": ["o"]}]})");
    const std::array<Case, 3> remarks{{
        {unknown,
         "3:33: routing.rules[0].inboundTag: no inbound has the tag \"ii\"; give the inbound this "
         "tag"},
        {strategy, "2:31: routing.domainStrategy: \"x\" is not a strategy; AsIs is used"},
        {balancers, "2:26: routing.balancers: balancers are not supported"},
    }};
    expect_warned(remarks);
}

}  // namespace
}  // namespace ferry::core::config
