// The sections beside inbounds, outbounds and routing: log, policy, and those that are not served.
#include <array>

#include "core/config_check.h"
#include "tests/core/config_cases.h"

namespace ferry::core::config {
namespace {

// ---- log

using Kind = LogTarget::Kind;

Log log_of(std::string_view log) {
    return config_of("{\"log\": " + std::string(log) + "}").log;
}

TEST(Log, IsQuietWithoutItsSection) {
    for (const std::string_view text : {"{}", "null", R"({"log": null})"}) {
        const Log log = clean_config_of(text).log;
        EXPECT_EQ(log.access.kind, Kind::off) << text;
        EXPECT_EQ(log.error.kind, Kind::standard_output) << text;
        EXPECT_EQ(log.level, LogLevel::warning) << text;
    }
}

TEST(Log, WritesToStandardOutputWithIt) {
    for (const std::string_view text : {"{}", R"({"access": "", "error": ""})",
                                        R"({"loglevel": "Warning"})", R"({"access": null})"}) {
        const Log log = log_of(text);
        EXPECT_EQ(log.access.kind, Kind::standard_output) << text;
        EXPECT_EQ(log.error.kind, Kind::standard_output) << text;
        EXPECT_EQ(log.level, LogLevel::warning) << text;
    }
}

TEST(Log, TakesFilesAndNone) {
    const Log log = log_of(R"({"access": "/var/log/v2ray/a.log", "error": "none"})");
    EXPECT_EQ(log.access, (LogTarget{LogTarget::Kind::file, "/var/log/v2ray/a.log"}));
    EXPECT_EQ(log.error.kind, Kind::off);
    EXPECT_EQ(log_of(R"({"access": "$HOME/x"})").access.path, "$HOME/x");
}

TEST(Log, HasItsOwnLogOfSessions) {
    EXPECT_EQ(log_of("{}").sessions.kind, Kind::off);
    EXPECT_EQ(log_of(R"({"sessions": "none"})").sessions.kind, Kind::off);
    EXPECT_EQ(log_of(R"({"sessions": ""})").sessions.kind, Kind::standard_output);
    EXPECT_EQ(log_of(R"({"sessions": "/s"})").sessions, (LogTarget{Kind::file, "/s"}));
    EXPECT_EQ(log_of(R"({"sessions": "/s"})").session_format, SessionFormat::text);
    EXPECT_EQ(log_of(R"({"sessions": "/s", "sessionsFormat": "JSON"})").session_format,
              SessionFormat::json);
    EXPECT_EQ(log_of(R"({"sessions": "/s", "loglevel": "none"})").sessions.kind, Kind::off);
}

TEST(Log, KnowsTheLevels) {
    const auto level = [](std::string_view name) {
        return log_of(R"({"loglevel": ")" + std::string(name) + "\"}").level;
    };
    EXPECT_EQ(level("debug"), LogLevel::debug);
    EXPECT_EQ(level("INFO"), LogLevel::info);
    EXPECT_EQ(level("warning"), LogLevel::warning);
    EXPECT_EQ(level("error"), LogLevel::error);
    EXPECT_EQ(level(""), LogLevel::warning);
    EXPECT_EQ(level("x"), LogLevel::warning);
}

TEST(Log, IsSilentAtNone) {
    const Log log = log_of(R"({"access": "/a", "error": "/b", "loglevel": "None"})");
    EXPECT_EQ(log.access.kind, Kind::off);
    EXPECT_EQ(log.error.kind, Kind::off);
    EXPECT_EQ(log.level, LogLevel::none);
}

TEST(Log, SaysWhatIsWrong) {
    constexpr std::array<Case, 3> kCases{{
        {R"({"log": []})", "1:9: log: is a list, and should be an object; put it in { }"},
        {R"({"log": {"access": 3}})", "1:20: log.access: is a number, and should be a text"},
        {R"({"log": {"loglevel": 1}})", "1:22: log.loglevel: is a number, and should be a text"},
    }};
    expect_refused(kCases);
    constexpr std::array<Case, 3> kRemarks{{
        {R"({"log": {"loglevel": "warn"}})",
         "1:22: log.loglevel: \"warn\" is not a level; \"warning\" is used; use debug, info"},
        {R"({"log": {"loglevel": "wanring"}})",
         "1:22: log.loglevel: \"wanring\" is not a level; \"warning\" is used; did you mean"},
        {R"({"log": {"access": "None"}})", "1:20: log.access: this is the name of a file"},
    }};
    expect_warned(kRemarks);
}

// ---- engine

TEST(Engines, HaveNoSwitchOnByThemselves) {
    for (const std::string_view text : {"{}", R"({"engine": {}})", R"({"engine": null})",
                                        R"({"engine": {"zeroCopySend": null}})"}) {
        const Engine engine = clean_config_of(text).engine;
        EXPECT_FALSE(engine.zero_copy_send) << text;
        EXPECT_EQ(engine.busy_poll_microseconds, 0U) << text;
        EXPECT_FALSE(engine.submission_polling) << text;
    }
}

TEST(Engines, TakeEverySwitch) {
    const Engine engine = clean_config_of(R"({"Engine": {"zeroCopySend": true,
        "busyPollMicroseconds": 10000, "submissionpolling": true}})")
                              .engine;
    EXPECT_TRUE(engine.zero_copy_send);
    EXPECT_EQ(engine.busy_poll_microseconds, 10'000U);
    EXPECT_TRUE(engine.submission_polling);
    const Engine one = clean_config_of(R"({"engine": {"busyPollMicroseconds": 1}})").engine;
    EXPECT_FALSE(one.zero_copy_send || one.submission_polling);
    EXPECT_EQ(one.busy_poll_microseconds, 1U);
}

TEST(Engines, SayWhatIsWrong) {
    constexpr std::array<Case, 6> kCases{{
        {R"({"engine": true})",
         "1:12: engine: is true or false, and should be an object; put it in { }"},
        {R"({"engine": {"zeroCopySend": 1}})",
         "1:29: engine.zeroCopySend: is a number, and should be true or false; write true or"},
        {R"({"engine": {"submissionPolling": "on"}})",
         "1:34: engine.submissionPolling: is a text, and should be true or false; write true or"},
        {R"({"engine": {"busyPollMicroseconds": true}})",
         "1:37: engine.busyPollMicroseconds: is true or false, and should be a number; write"},
        {R"({"engine": {"busyPollMicroseconds": 10001}})",
         "1:37: engine.busyPollMicroseconds: 10001 is not a whole number from 0 to 10000; choose"},
        {R"({"engine": {"busyPollMicroseconds": -1}})",
         "1:37: engine.busyPollMicroseconds: -1 is not a whole number from 0 to 10000; choose"},
    }};
    expect_refused(kCases);
    constexpr std::array<Case, 1> kRemarks{{
        {R"({"engine": {"zeroCopySends": true}})", "1:13: engine.zeroCopySends: "},
    }};
    expect_warned(kRemarks);
}

// ---- policy

Level level_of_text(std::string_view level) {
    const Config config = config_of(R"({"policy": {"levels": {"0": )" + std::string(level) + "}}}");
    return level_of(config.policy, 0);
}

TEST(Policy, HasTheDefaultsThatWereDecided) {
    for (const std::string_view text :
         {"{}", R"({"policy": {}})", R"({"policy": {"levels": {"0": {}}}})",
          R"({"policy": {"levels": {"0": null}, "system": null}})"}) {
        const Config config = clean_config_of(text);
        const Level level = level_of(config.policy, 0);
        EXPECT_EQ(level.handshake, Seconds(60));
        EXPECT_EQ(level.idle, Seconds(300));
        EXPECT_EQ(level.uplink_only, Seconds(2));
        EXPECT_EQ(level.downlink_only, Seconds(5));
        EXPECT_FALSE(level.buffer_bytes.has_value());
        EXPECT_FALSE(level.stats_user_uplink);
        EXPECT_FALSE(config.policy.stats_inbound_uplink);
    }
}

TEST(Policy, ReadsEverything) {
    const Config config = config_of(R"({"policy": {
        "levels": {"0": {"uplinkOnly": 0}, "01": {"handshake": 4, "connIdle": 4294967295,
                   "uplinkOnly": 1, "downlinkOnly": 0, "bufferSize": 512,
                   "statsUserUplink": true, "statsUserDownlink": true},
                   "4294967295": {"bufferSize": 0}},
        "system": {"statsInboundUplink": true, "statsInboundDownlink": true,
                   "statsOutboundUplink": true, "statsOutboundDownlink": true}}})");
    EXPECT_EQ(config.policy.levels.size(), 3U);
    EXPECT_EQ(level_of(config.policy, 0).uplink_only, Seconds(0));
    EXPECT_EQ(level_of(config.policy, 0).handshake, Seconds(60));
    const Level level = level_of(config.policy, 1);
    EXPECT_EQ(level.handshake, Seconds(4));
    EXPECT_EQ(level.idle, Seconds(4294967295));
    EXPECT_EQ(level.uplink_only, Seconds(1));
    EXPECT_EQ(level.downlink_only, Seconds(0));
    EXPECT_EQ(level.buffer_bytes, 512 * 1024);
    EXPECT_TRUE(level.stats_user_uplink);
    EXPECT_TRUE(level.stats_user_downlink);
    EXPECT_EQ(level_of(config.policy, 4294967295).buffer_bytes, 0);
    EXPECT_EQ(level_of(config.policy, 2).idle, Seconds(300)) << "a level that is not written down";
    EXPECT_TRUE(config.policy.stats_inbound_uplink);
    EXPECT_TRUE(config.policy.stats_inbound_downlink);
    EXPECT_TRUE(config.policy.stats_outbound_uplink);
    EXPECT_TRUE(config.policy.stats_outbound_downlink);
}

TEST(Policy, CountsBuffersInKilobytesWithoutOverflow) {
    EXPECT_EQ(level_of_text(R"({"bufferSize": 2147483647})").buffer_bytes, 2147483647LL * 1024);
    EXPECT_EQ(level_of_text(R"({"bufferSize": -2})").buffer_bytes, -1);
}

TEST(Policy, SaysWhatIsWrong) {
    constexpr std::array<Case, 12> kCases{{
        {R"({"policy": {"levels": {"a": {}}}})",
         "1:29: policy.levels.a: the name of a level is a whole number from 0"},
        {R"({"policy": {"levels": {"-1": {}}}})", "1:30: policy.levels.-1: the name of a level"},
        {R"({"policy": {"levels": {"4294967296": {}}}})",
         "1:38: policy.levels.4294967296: the name of a level"},
        {R"({"policy": {"levels": {"": {}}}})", "1:28: policy.levels.\"\": the name of a level"},
        {R"({"policy": {"levels": {" 1": {}}}})",
         "1:30: policy.levels.\" 1\": the name of a level"},
        {R"({"policy": {"levels": []}})", "1:23: policy.levels: is a list"},
        {R"({"policy": {"levels": {"0": {"handshake": -1}}}})",
         "1:43: policy.levels.0.handshake: -1 is not a whole number from 0 to 4294967295"},
        {R"({"policy": {"levels": {"0": {"connIdle": 4294967296}}}})",
         "1:42: policy.levels.0.connIdle: 4294967296 is not"},
        {R"({"policy": {"levels": {"0": {"uplinkOnly": "4"}}}})",
         "1:44: policy.levels.0.uplinkOnly: is a text, and should be a number"},
        {R"({"policy": {"levels": {"0": {"bufferSize": 2147483648}}}})",
         "1:44: policy.levels.0.bufferSize: 2147483648 is not"},
        {R"({"policy": {"levels": {"0": {"statsUserUplink": 1}}}})",
         "1:49: policy.levels.0.statsUserUplink: is a number, and should be true or false"},
        {R"({"policy": {"system": []}})", "1:23: policy.system: is a list"},
    }};
    expect_refused(kCases);
    constexpr std::array<Case, 4> kRemarks{{
        {R"({"policy": {"levels": {"0": {"handshake": 0}}}})",
         "1:43: policy.levels.0.handshake: with 0, every client is refused"},
        {R"({"policy": {"levels": {"0": {"connIdle": 0}}}})",
         "1:42: policy.levels.0.connIdle: with 0, every connection ends at once"},
        {R"({"policy": {"levels": {"1": {}, "01": {}}}})",
         "1:33: policy.levels.01: this level stands here twice"},
        {R"({"policy": {"levels": {"0": {"conIdle": 1}}}})",
         "1:30: policy.levels.0.conIdle: this key is not known and does nothing; did you mean "
         "\"connIdle\"?"},
    }};
    expect_warned(kRemarks);
}

// ---- sections that are not served

TEST(Api, LeadsIntoABlackHole) {
    const Config config = config_of(R"({
        "api": {"tag": "api", "services": ["HandlerService", "StatsService"]},
        "inbounds": [{"listen": "127.0.0.1", "port": 62789, "protocol": "dokodemo-door",
                      "settings": {"address": "127.0.0.1"}, "tag": "in-api"}],
        "outbounds": [{"protocol": "freedom"}],
        "routing": {"rules": [{"type": "field", "inboundTag": ["in-api"], "outboundTag": "api"}]}})");
    ASSERT_EQ(config.outbounds.size(), 2U);
    EXPECT_TRUE(std::holds_alternative<FreedomOutbound>(config.outbounds[0].settings));
    EXPECT_TRUE(std::holds_alternative<BlackholeOutbound>(config.outbounds[1].settings));
    EXPECT_EQ(config.outbounds[1].tag, "api");
    ASSERT_EQ(config.routing.rules.size(), 1U);
    EXPECT_EQ(config.routing.rules[0].outbound, 1U);
}

TEST(Api, LeavesAnOutboundOfItsTagAlone) {
    const Config config =
        config_of(R"({"api": {"tag": "a"}, "outbounds": [{"protocol": "freedom", "tag": "a"}]})");
    EXPECT_EQ(config.outbounds.size(), 1U);
}

TEST(Services, AreRefusedWhereTrafficWouldGoAnotherWay) {
    constexpr std::array<Case, 9> kCases{{
        {R"({"api": {}})", "1:9: api.tag: the control API has no tag"},
        {R"({"api": 1})", "1:9: api: is a number, and should be an object"},
        {R"({"stats": []})", "1:11: stats: is a list"},
        {R"({"dns": []})", "1:9: dns: is a list"},
        {R"({"dns": {"hosts": {"a": "b"}}, "outbounds": [{"protocol": "freedom", "settings": {"domainStrategy": "UseIP"}}]})",
         "1:19: dns.hosts: names cannot be mapped to other places"},
        {R"({"reverse": {"bridges": [{"tag": "a"}]}})",
         "1:25: reverse.bridges: reverse proxies are not supported"},
        {R"({"reverse": {"portals": [{"tag": "a"}]}})",
         "1:25: reverse.portals: reverse proxies are not supported"},
        {R"({"transport": {"tcpSettings": {"header": {"type": "http"}}}})",
         "1:51: transport.tcpSettings.header.type: headers of type \"http\""},
        {R"({"transport": 1})", "1:15: transport: is a number"},
    }};
    expect_refused(kCases);
}

TEST(Services, AreWarnedOfWhereTheyAreMerelyMissing) {
    constexpr std::array<Case, 6> kRemarks{{
        {R"({"api": {"tag": "api"}})", "1:9: api: the control API is not served"},
        {R"({"stats": {}})", "1:11: stats: nobody can ask for the counters"},
        {R"({"dns": {"servers": ["1.1.1.1"], "hosts": {"a": "b"}}})",
         "1:9: dns: this does nothing: the system's servers look up names"},
        {R"({"transport": {"wsSettings": {"path": "/"}}})",
         "1:30: transport.wsSettings: these settings do nothing"},
        {R"({"fakedns": [{"ipPool": "198.18.0.0/15"}]})",
         "1:13: fakedns: this section does nothing here"},
        {R"({"listen": "127.0.0.1"})", "1:12: listen: an address here does nothing"},
    }};
    expect_warned(kRemarks);
    EXPECT_TRUE(config_of(R"({"stats": {}})").stats);
    EXPECT_FALSE(config_of("{}").stats);
    for (const std::string_view quiet :
         {R"({"api": null, "stats": null, "dns": null, "reverse": null, "transport": null})",
          R"({"dns": {}, "reverse": {}, "transport": {}, "fakedns": null})",
          R"({"reverse": {"bridges": [], "portals": []}})"}) {
        clean_config_of(quiet);
    }
}

// ---- keys

TEST(Keys, MatchInAnyCase) {
    const Config config = config_of(R"({"INBOUNDS": [{"Port": 1, "Protocol": "vmess", "SETTINGS":
        {"Clients": [{"ID": "b831381d-6324-4d53-ad4f-8cda48b30811", "alterid": 0, "EMAIL": "a"}]}}],
        "Log": {"logLevel": "error"}, "outBounds": [{"protocol": "freedom"}]})");
    EXPECT_EQ(config.log.level, LogLevel::error);
    ASSERT_EQ(config.inbounds.size(), 1U);
    EXPECT_EQ(std::get<VmessInbound>(config.inbounds[0].settings).clients.at(0).email, "a");
}

TEST(Keys, CountOnceAndTheLastTime) {
    const std::string text =
        "{\"log\": {\"loglevel\": \"debug\"},\n\"LOG\": {\"loglevel\": \"error\"}}";
    EXPECT_EQ(config_of(text).log.level, LogLevel::error);
    expect_warned(
        std::array{Case{text, "2:1: LOG: this key stands here twice; the last one counts"}});
    EXPECT_EQ(lines(loaded(text).warnings).find("2:1", 6), std::string::npos) << "told once";
}

TEST(Keys, AreSuggestedWhenUnknown) {
    constexpr std::array<Case, 6> kRemarks{{
        {R"({"inbound_s": []})",
         "1:2: inbound_s: this key is not known and does nothing; did you mean \"inbounds\"?"},
        {R"({"rooting": {}})",
         "1:2: rooting: this key is not known and does nothing; did you mean"},
        {R"({"other": {}})", "1:2: other: this key is not known and does nothing; remove it"},
        {R"({"outbounds": [{"protocol": "freedom", "taag": "x"}]})",
         "1:40: outbounds[0].taag: this key is not known and does nothing; did you mean \"tag\"?"},
        {"{\n  \"\\u0061 b\": 1}", "2:3: \"a b\": this key is not known"},
        {"{} {}", "1:4: the text from here on is ignored"},
    }};
    expect_warned(kRemarks);
}

TEST(Keys, AreTooManyToTellAtSomePoint) {
    std::string warned = "{";
    std::string refused = "{\"outbounds\": [";
    for (int index = 0; index < 200; ++index) {
        warned += (index == 0 ? "\"k" : ", \"k") + std::to_string(index) + "\": 1";
        refused += index == 0 ? "1" : ", 1";
    }
    const Loaded remarks = loaded(warned + "}");
    EXPECT_EQ(remarks.warnings.size(), kMistakesMax + 1);
    EXPECT_EQ(text(remarks.warnings.back()), "c: and 150 more");
    const Loaded mistakes = loaded(refused + "]}");
    EXPECT_EQ(mistakes.mistakes.size(), kMistakesMax + 1);
    EXPECT_EQ(text(mistakes.mistakes.back()), "c: and 150 more");
    EXPECT_FALSE(mistakes.config.has_value());
}

// ---- lines

TEST(MistakeText, HasAllItsParts) {
    EXPECT_EQ(text({{"f.json", 2, 3}, "a.b", "is wrong", "do this"}),
              "f.json:2:3: a.b: is wrong; do this");
    EXPECT_EQ(text({{"f.json", 2, 3}, "", "is wrong", ""}), "f.json:2:3: is wrong");
    EXPECT_EQ(text({{"f.json", 0, 0}, "", "is wrong", ""}), "f.json: is wrong");
}

}  // namespace
}  // namespace ferry::core::config
