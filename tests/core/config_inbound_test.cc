// What inbounds may say, what becomes of it, and what each wrong value is answered with.
#include "tests/core/config_inbound_cases.h"

namespace ferry::core::config {
namespace {

TEST(Listen, MeansAllAddressesIfItNamesNone) {
    for (const std::string_view listen : {"", R"("listen": null,)", R"("listen": "0.0.0.0",)",
                                          R"("listen": "::",)", R"("listen": "[::]",)"}) {
        const Inbound inbound =
            inbound_of("{" + std::string(listen) + R"("port": 1, "protocol": "socks"})");
        EXPECT_FALSE(inbound.listen.has_value()) << listen;
    }
}

TEST(Listen, TakesAddressesOfBothFamilies) {
    const auto listen = [](std::string_view text) {
        const Inbound inbound = inbound_of(R"({"listen": ")" + std::string(text) +
                                           R"(", "port": 1, "protocol": "http"})");
        return inbound.listen ? proto::host_text(*inbound.listen) : "";
    };
    EXPECT_EQ(listen("127.0.0.1"), "127.0.0.1");
    EXPECT_EQ(listen(" 127.0.0.1 "), "127.0.0.1");
    EXPECT_EQ(listen("::1"), "::1");
    EXPECT_EQ(listen("[2001:db8::1]"), "2001:db8::1");
    EXPECT_EQ(listen("localhost"), "127.0.0.1");
    EXPECT_EQ(listen("::ffff:10.0.0.1"), "10.0.0.1");
}

TEST(Listen, RefusesWhatIsNoAddress) {
    constexpr std::array<Wrong, 6> kCases{{
        {R"({"listen": "example.org", "port": 1, "protocol": "socks"})",
         ".listen: \"example.org\" is not an address", 26},
        {R"({"listen": "", "port": 1, "protocol": "socks"})", ".listen: \"\" is not an address",
         26},
        {R"({"listen": "env:X", "port": 1, "protocol": "socks"})",
         ".listen: \"env:X\" is not an address", 26},
        {R"({"listen": 1, "port": 1, "protocol": "socks"})",
         ".listen: is a number, and should be a text", 26},
        {R"({"listen": "/run/x", "port": 1, "protocol": "socks"})",
         ".listen: unix sockets are not supported", 26},
        {R"({"listen": "@x", "protocol": "socks"})", ".listen: unix sockets are not supported", 26},
    }};
    expect_wrong(kCases);
}

// ---- port

TEST(Port, TakesNumbersTextsRangesAndVariables) {
    const auto ports = [](std::string_view port) {
        return inbound_of(R"({"protocol": "socks", "port": )" + std::string(port) + "}").ports;
    };
    EXPECT_EQ(ports("0"), (PortRange{0, 0}));
    EXPECT_EQ(ports("1080"), (PortRange{1080, 1080}));
    EXPECT_EQ(ports("65535"), (PortRange{65535, 65535}));
    EXPECT_EQ(ports("\"1080\""), (PortRange{1080, 1080}));
    EXPECT_EQ(ports("\"01080\""), (PortRange{1080, 1080}));
    EXPECT_EQ(ports("\"1080-1090\""), (PortRange{1080, 1090}));
    EXPECT_EQ(ports("\"1080-1080\""), (PortRange{1080, 1080}));
    EXPECT_EQ(ports("\"0-65535\""), (PortRange{0, 65535}));
    EXPECT_EQ(ports("\"env:FERRY_PORT\""), (PortRange{4000, 4002}));
}

TEST(Port, RefusesWhatIsNone) {
    for (const std::string_view port :
         {"\"1,2\"", "\"\"", "\" 1\"", "\"1-\"", "\"-1\"", "\"a\"", "\"1 - 3\"", "\"+1\"",
          "\"1-2-3\"", "\"65536\"", "\"3-1\"", "\"0x10\"", "true", "[1]", "{}"}) {
        const std::string text =
            with(R"({"protocol": "socks", "port": )" + std::string(port) + "}");
        const Loaded result = loaded(text);
        EXPECT_FALSE(result.config.has_value()) << port;
        EXPECT_EQ(result.mistakes.size(), 1U) << port;
        EXPECT_NE(lines(result.mistakes).find("neither a port nor a range of ports"),
                  std::string::npos)
            << port;
    }
    constexpr std::array<Wrong, 7> kCases{{
        {R"({"protocol": "socks", "port": 65536})",
         ".port: 65536 is not a whole number from 0 to 65535; choose", 45},
        {R"({"protocol": "socks", "port": -1})", ".port: -1 is not a whole number", 45},
        {R"({"protocol": "socks", "port": 1.0})",
         ".port: 1.0 is not a whole number from 0 to 65535; write plain digits", 45},
        {R"({"protocol": "socks", "port": 1e3})", ".port: 1e3 is not a whole number", 45},
        {R"({"protocol": "socks", "port": -0})", ".port: -0 is not a whole number", 45},
        {R"({"protocol": "socks"})", ".port: the inbound has no port; write 1080", 15},
        {R"({"protocol": "socks", "port": "env:FERRY_OTHER"})",
         ".port: the environment has no variable \"FERRY_OTHER\"", 45},
    }};
    expect_wrong(kCases);
}

TEST(Port, MayBelongToOneInboundOnly) {
    constexpr std::array<Case, 4> kCases{{
        {R"({"inbounds": [{"port": 1, "protocol": "socks"}, {"port": 1, "protocol": "http"}]})",
         "1:49: inbounds[1]: it wants a port that belongs to c, line 1"},
        {R"({"inbounds": [{"port": "1-9", "protocol": "socks"}, {"port": "9-12", "protocol": "http"}]})",
         "1:53: inbounds[1]: it wants a port"},
        {R"({"inbounds": [{"port": 1, "listen": "::1", "protocol": "socks"}, {"port": 1, "listen": "[::1]", "protocol": "http"}]})",
         "1:66: inbounds[1]: it wants a port"},
        {R"({"inbounds": [{"port": 1, "listen": "::", "protocol": "socks"}, {"port": 1, "listen": "0.0.0.0", "protocol": "http"}]})",
         "1:65: inbounds[1]: it wants a port"},
    }};
    expect_refused(kCases);
    for (
        const std::string_view fine :
        {R"({"inbounds": [{"port": 0, "protocol": "socks"}, {"port": 0, "protocol": "http"}]})",
         R"({"inbounds": [{"port": "1-3", "protocol": "socks"}, {"port": 4, "protocol": "http"}]})",
         R"({"inbounds": [{"port": 1, "protocol": "socks"}, {"port": 1, "listen": "::1", "protocol": "http"}]})"}) {
        EXPECT_EQ(config_of(fine).inbounds.size(), 2U);
    }
}

// ---- allocate, tags, protocols

Inbound allocated(std::string_view ports, std::string_view allocate) {
    return inbound_of("{\"port\": \"" + std::string(ports) +
                      "\", \"protocol\": \"socks\", \"allocate\": " + std::string(allocate) + "}");
}

TEST(Allocate, ListensOnAllPortsUnlessToldOtherwise) {
    for (const std::string_view allocate :
         {"null", R"({"strategy": "always"})", R"({"strategy": "ALWAYS", "concurrency": 9})",
          R"({"strategy": "always", "refresh": 5})"}) {
        const Inbound inbound = allocated("1-3", allocate);
        EXPECT_EQ(inbound.ports, (PortRange{1, 3})) << allocate;
        EXPECT_EQ(inbound.allocate.strategy, Allocate::Strategy::always) << allocate;
    }
}

TEST(Allocate, TakesSomeInTurn) {
    const Inbound standard = allocated("1-9", R"({"strategy": "random"})");
    EXPECT_EQ(standard.allocate.strategy, Allocate::Strategy::random);
    EXPECT_EQ(standard.allocate.refresh_minutes, 5U);
    EXPECT_EQ(standard.allocate.concurrency, 3U);
    const Inbound other =
        allocated("100-400", R"({"strategy": "Random", "refresh": 10, "concurrency": 100})");
    EXPECT_EQ(other.allocate.refresh_minutes, 10U);
    EXPECT_EQ(other.allocate.concurrency, 100U);
}

TEST(Allocate, RefusesWhatCannotWork) {
    constexpr std::array<Wrong, 8> kCases{{
        {R"({"port": "1-3", "protocol": "socks", "allocate": {}})",
         ".allocate.strategy: there is no strategy", 64},
        {R"({"port": "1-3", "protocol": "socks", "allocate": {"strategy": "external"}})",
         ".allocate.strategy: \"external\" is not supported", 77},
        {R"({"port": "1-3", "protocol": "socks", "allocate": {"strategy": "x"}})",
         ".allocate.strategy: \"x\" is not a strategy", 77},
        {R"({"port": 1, "protocol": "socks", "allocate": {"strategy": "always", "refresh": "5"}})",
         ".allocate.refresh: is a text", 94},
        {R"({"port": 1, "protocol": "socks", "allocate": {"strategy": "always", "concurrency": -1}})",
         ".allocate.concurrency: -1 is not", 98},
        {R"({"port": "1-5", "protocol": "socks", "allocate": {"strategy": "random"}})",
         ".allocate.strategy: 3 ports at a time need a range of 6 or more, and this has 5", 77},
        {R"({"port": "1-9", "protocol": "socks", "allocate": {"strategy": "random", "concurrency": 0}})",
         ".allocate.concurrency: with a concurrency of 0 no port would open", 102},
        {R"({"port": 0, "protocol": "socks", "allocate": {"strategy": "random"}})",
         ".allocate.strategy: there is no range to choose from", 73},
    }};
    expect_wrong(kCases);
}

TEST(Allocate, WarnsOfWhatTheManualAdvisesAgainst) {
    const auto warned = [](std::string_view allocate) {
        return lines(loaded(R"({"outbounds": [{"protocol": "freedom"}], "inbounds": [)"
                            R"({"port": "1-9", "protocol": "socks", "allocate": )" +
                            std::string(allocate) + "}]}")
                         .warnings);
    };
    EXPECT_EQ(warned(R"({"strategy": "random"})"), "");
    EXPECT_NE(warned(R"({"strategy": "random", "concurrency": 4})").find("more than a third"),
              std::string::npos);
    EXPECT_NE(warned(R"({"strategy": "random", "refresh": 1})").find("hardly ever switch"),
              std::string::npos);
}

TEST(Inbound, NeedsAProtocolThatIsSpoken) {
    constexpr std::array<Wrong, 6> kCases{{
        {R"({"port": 1})", ".protocol: the inbound has no protocol", 15},
        {R"({"port": 1, "protocol": null})", ".protocol: the inbound has no protocol", 15},
        {R"({"port": 1, "protocol": "sock"})",
         ".protocol: \"sock\" is not a protocol; did you mean \"socks\"?", 39},
        {R"({"port": 1, "protocol": "shadowsocks", "settings": {"x": 1}})",
         ".protocol: the protocol \"shadowsocks\" is not supported here; use vmess", 39},
        {R"({"port": 1, "protocol": "Freedom"})",
         ".protocol: the protocol \"Freedom\" is not supported here", 39},
        {R"({"port": 1, "protocol": 1})", ".protocol: is a number, and should be a text", 39},
    }};
    expect_wrong(kCases);
    EXPECT_TRUE(std::holds_alternative<VmessInbound>(
        inbound_of(R"({"port": 1, "PROTOCOL": "VMess", "settings": null})").settings));
}

TEST(Inbound, HasATagOfItsOwn) {
    EXPECT_EQ(inbound_of(R"({"port": 1, "protocol": "socks", "tag": "in"})").tag, "in");
    constexpr std::array<Case, 1> kCases{{
        {"{\"inbounds\": [{\"port\": 1, \"protocol\": \"socks\", \"tag\": \"a\"},\n"
         " {\"port\": 2, \"protocol\": \"socks\", \"tag\": \"a\"}]}",
         "2:2: inbounds[1]: the tag \"a\" is taken by c, line 1; give each inbound a tag"},
    }};
    expect_refused(kCases);
    EXPECT_EQ(config_of(R"({"inbounds": [{"port": 1, "protocol": "socks", "tag": "a"},
                           {"port": 2, "protocol": "socks", "tag": "A"},
                           {"port": 3, "protocol": "socks"}, {"port": 4, "protocol": "socks"}]})")
                  .inbounds.size(),
              4U);
}

TEST(Inbound, RemembersWhereItStands) {
    const Config config = config_of(
        "{\"inbounds\": [{\"port\": 1, \"protocol\": \"socks\"},\n   {\"port\": 2, "
        "\"protocol\": \"socks\"}]}");
    ASSERT_EQ(config.inbounds.size(), 2U);
    EXPECT_EQ(config.inbounds[1].place.file, "c");
    EXPECT_EQ(config.inbounds[1].place.line, 2U);
    EXPECT_EQ(config.inbounds[1].place.column, 4U);
}

TEST(Inbound, TellsEveryMistakeAtOnce) {
    const Loaded result = loaded(with(
        R"({"port": 70000, "listen": "x", "protocol": "vmess", "settings": {"clients": [{"id": "x"}, {}]}})"));
    EXPECT_EQ(
        lines(result.mistakes),
        "c:1:24: inbounds[0].port: 70000 is not a whole number from 0 to 65535; choose one "
        "from that range\n"
        "c:1:41: inbounds[0].listen: \"x\" is not an address; write an IP, or remove the key "
        "to listen everywhere\n"
        "c:1:99: inbounds[0].settings.clients[0].id: this is not a UUID; write 32 hex digits, "
        "as in b831381d-6324-4d53-ad4f-8cda48b30811\n"
        "c:1:105: inbounds[0].settings.clients[1].id: the user has no id; add one: a UUID that "
        "both sides know\n");
}

// ---- sniffing

TEST(Sniffing, IsRefusedWhereItWouldChangeTheWay) {
    constexpr std::array<Wrong, 4> kCases{{
        {R"({"port": 1, "protocol": "socks", "sniffing": {"enabled": true, "destOverride": ["http"]}})",
         ".sniffing.destOverride: sniffing is not supported; set \"enabled\" to false", 94},
        {R"({"port": 1, "protocol": "socks", "sniffing": {"enabled": true, "destOverride": "http,tls"}})",
         ".sniffing.destOverride: sniffing is not supported", 94},
        {R"({"port": 1, "protocol": "socks", "sniffing": {"enabled": "yes"}})",
         ".sniffing.enabled: is a text, and should be true or false", 72},
        {R"({"port": 1, "protocol": "socks", "domainOverride": ["tls"]})",
         ".domainOverride: sniffing is not supported", 66},
    }};
    expect_wrong(kCases);
    constexpr std::array<Wrong, 2> kRemarks{{
        {R"({"port": 1, "protocol": "socks", "sniffing": {"enabled": true}})",
         ".sniffing: sniffing is not supported; nothing here depends on it", 60},
        {R"({"port": 1, "protocol": "socks", "sniffing": {"enabled": true, "routeOnly": true, "destOverride": ["tls"]}})",
         ".sniffing: sniffing is not supported; nothing here depends on it", 60},
    }};
    expect_remark(kRemarks);
    for (const std::string_view off :
         {R"({"enabled": false, "destOverride": ["http", "tls"]})", "{}", "null"}) {
        clean_config_of(
            with(R"({"port": 1, "protocol": "socks", "sniffing": )" + std::string(off) + "}"));
    }
}

// ---- socks, http, dokodemo-door

TEST(Socks, HasDefaults) {
    for (const std::string_view settings : {"", R"(, "settings": null)", R"(, "settings": {})",
                                            R"(, "settings": {"auth": "noauth", "udp": false})"}) {
        const auto socks = settings_of<SocksInbound>(R"({"port": 1, "protocol": "socks")" +
                                                     std::string(settings) + "}");
        EXPECT_EQ(socks.auth, SocksInbound::Auth::none);
        EXPECT_TRUE(socks.accounts.empty());
        EXPECT_FALSE(socks.udp);
        EXPECT_FALSE(socks.udp_ip.has_value());
        EXPECT_EQ(socks.level, 0U);
        EXPECT_FALSE(socks.idle.has_value());
    }
}

TEST(Socks, ReadsEverything) {
    const auto socks = settings_of<SocksInbound>(
        R"({"port": 1, "protocol": "socks", "settings": {"auth": "password", "udp": true,
            "ip": "10.0.0.1", "userLevel": 7, "timeout": 30,
            "accounts": [{"user": "a", "pass": "b"}, {"USER": "c"}]}})");
    EXPECT_EQ(socks.auth, SocksInbound::Auth::password);
    ASSERT_EQ(socks.accounts.size(), 2U);
    EXPECT_EQ(socks.accounts[0].user, "a");
    EXPECT_EQ(socks.accounts[0].password, "b");
    EXPECT_EQ(socks.accounts[1].user, "c");
    EXPECT_EQ(socks.accounts[1].password, "");
    EXPECT_TRUE(socks.udp);
    EXPECT_EQ(proto::host_text(socks.udp_ip.value_or(proto::Address{})), "10.0.0.1");
    EXPECT_EQ(socks.level, 7U);
    EXPECT_FALSE(socks.idle.has_value()) << "a timeout counts for level 0 only";
    EXPECT_EQ(settings_of<SocksInbound>(
                  R"({"port": 1, "protocol": "socks", "settings": {"timeout": 30}})")
                  .idle,
              Seconds(30));
}

TEST(Socks, WarnsOfWhatDoesLessThanItSeems) {
    constexpr std::array<Wrong, 4> kRemarks{{
        {R"({"port": 1, "protocol": "socks", "settings": {"auth": "password"}})",
         ".settings.auth: without accounts nobody gets in", 69},
        {R"({"port": 1, "protocol": "socks", "settings": {"accounts": [{"user": "a"}]}})",
         ".settings.accounts: nobody is asked for an account; write \"auth\": \"password\"", 73},
        {R"({"port": 1, "protocol": "socks", "settings": {"ip": "x"}})",
         ".settings.ip: \"x\" is not an IP", 67},
        {R"({"port": 1, "protocol": "socks", "settings": {"auth": "password", "accounts": [{}]}})",
         ".settings.accounts[0]: this account has no user name", 94},
    }};
    expect_remark(kRemarks);
    constexpr std::array<Wrong, 4> kCases{{
        {R"({"port": 1, "protocol": "socks", "settings": {"auth": "Password"}})",
         ".settings.auth: \"Password\" is not a method; write \"noauth\" or \"password\"", 69},
        {R"({"port": 1, "protocol": "socks", "settings": {"udp": 1}})",
         ".settings.udp: is a number, and should be true or false", 68},
        {R"({"port": 1, "protocol": "socks", "settings": {"userLevel": "1"}})",
         ".settings.userLevel: is a text, and should be a number", 74},
        {R"({"port": 1, "protocol": "socks", "settings": {"accounts": {}}})",
         ".settings.accounts: is an object, and should be a list", 73},
    }};
    expect_wrong(kCases);
}

TEST(Http, ReadsEverything) {
    const auto http = settings_of<HttpInbound>(
        R"({"port": 1, "protocol": "http", "settings": {"accounts": [{"user": "a", "pass": "b"}],
            "allowTransparent": true, "timeout": 300, "userLevel": 0}})");
    ASSERT_EQ(http.accounts.size(), 1U);
    EXPECT_EQ(http.accounts[0].password, "b");
    EXPECT_TRUE(http.allow_transparent);
    EXPECT_EQ(http.idle, Seconds(300));
    constexpr std::array<Wrong, 2> kCases{{
        {R"({"port": 1, "protocol": "http", "settings": {"allowTransparent": "x"}})",
         ".settings.allowTransparent: is a text", 80},
        {R"({"port": 1, "protocol": "http", "settings": {"timeout": -1}})",
         ".settings.timeout: -1 is not", 71},
    }};
    expect_wrong(kCases);
}

TEST(Dokodemo, ListensForWhatItIsTold) {
    struct Written {
        std::string_view network;
        bool tcp;
        bool udp;
    };
    constexpr std::array<Written, 7> kCases{{{"null", true, false},
                                             {R"("tcp")", true, false},
                                             {R"("udp")", false, true},
                                             {R"("tcp,udp")", true, true},
                                             {R"("UDP, TCP")", true, true},
                                             {R"(["udp"])", false, true},
                                             {R"(["tcp", "udp"])", true, true}}};
    for (const Written& written : kCases) {
        const auto door = settings_of<DokodemoInbound>(
            R"({"port": 1, "protocol": "dokodemo-door",
                "settings": {"address": "a", "port": 1, "network": )" +
            std::string(written.network) + "}}");
        EXPECT_EQ(door.networks.tcp, written.tcp) << written.network;
        EXPECT_EQ(door.networks.udp, written.udp) << written.network;
    }
    // One port number is one for connections and one for datagrams.
    clean_config_of(R"({"inbounds": [{"port": 53, "protocol": "socks"},
        {"port": 53, "protocol": "dokodemo-door",
         "settings": {"address": "a", "port": 1, "network": "udp"}}],
        "outbounds": [{"protocol": "freedom"}]})");
}

TEST(Dokodemo, NeedsAPlaceAndANetwork) {
    const auto door = settings_of<DokodemoInbound>(
        R"({"port": 1, "protocol": "dokodemo-door", "settings": {"address": "[2001:db8::1]",
            "port": 53, "network": ["TCP"], "userLevel": 3}})");
    EXPECT_EQ(proto::text(door.target), "[2001:db8::1]:53");
    EXPECT_EQ(door.level, 3U);
    constexpr std::array<Wrong, 6> kCases{{
        {R"({"port": 1, "protocol": "dokodemo-door"})",
         ".settings.address: there is no place to take connections to", 15},
        {R"({"port": 1, "protocol": "dokodemo-door", "settings": {"port": 53}})",
         ".settings.address: there is no place to take connections to", 68},
        {R"({"port": 1, "protocol": "dokodemo-door", "settings": {"address": "", "port": 1}})",
         ".settings.address: \"\" is not a host", 80},
        {R"({"port": 1, "protocol": "dokodemo-door", "settings": {"address": "a", "port": 1, "network": "x"}})",
         ".settings.network: neither TCP nor UDP is in this list", 107},
        {R"({"port": 1, "protocol": "dokodemo-door", "settings": {"address": "a", "port": 1, "network": []}})",
         ".settings.network: neither TCP nor UDP is in this list", 107},
        {R"({"port": 1, "protocol": "dokodemo-door", "settings": {"followRedirect": true}})",
         ".settings.followRedirect: redirected connections are not supported", 87},
    }};
    expect_wrong(kCases);
    constexpr std::array<Wrong, 1> kRemarks{{
        {R"({"port": 1, "protocol": "dokodemo-door", "settings": {"address": "a"}})",
         ".settings.address: without a port", 80},
    }};
    expect_remark(kRemarks);
}

// ---- transport

}  // namespace
}  // namespace ferry::core::config
