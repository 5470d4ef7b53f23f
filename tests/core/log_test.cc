// What the log says, byte for byte, and that nothing a peer sends can change the shape of a line.
//
// Expected lines are literals in V2Ray's and Xray's formats. No thread and no file here: the queue
// hands the lines out.
#include "core/log.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <time.h>

#include <string>
#include <vector>

#include "core/log_sink.h"

namespace ferry::core {
namespace {

using Status = AccessLine::Status;
using Route = AccessLine::Route;

std::string v2ray(const AccessLine& line) {
    return access_text(line, LogStyle::v2ray);
}

std::string xray(const AccessLine& line) {
    return access_text(line, LogStyle::xray);
}

TEST(AccessText, HasTagAndEmailWhereTheyExist) {
    AccessLine line;
    line.from = "192.0.2.1:4000";
    line.target = "tcp:example.org:443";
    EXPECT_EQ(v2ray(line), "192.0.2.1:4000 accepted tcp:example.org:443");
    line.outbound_tag = "direct";
    EXPECT_EQ(v2ray(line), "192.0.2.1:4000 accepted tcp:example.org:443 [direct]");
    line.email = "love@v2ray.com";
    EXPECT_EQ(v2ray(line),
              "192.0.2.1:4000 accepted tcp:example.org:443 [direct] email: love@v2ray.com");
    line.outbound_tag = "";
    EXPECT_EQ(v2ray(line), "192.0.2.1:4000 accepted tcp:example.org:443 email: love@v2ray.com");
}

TEST(AccessText, TakesAddressesAsTheInboundWritesThem) {
    AccessLine line;
    line.from = "tcp:[::1]:1080";
    line.target = "udp:[2001:db8::1]:53";
    EXPECT_EQ(v2ray(line), "tcp:[::1]:1080 accepted udp:[2001:db8::1]:53");
    line.from = "127.0.0.1:8080";
    line.target = "//example.org:443";
    EXPECT_EQ(v2ray(line), "127.0.0.1:8080 accepted //example.org:443");
}

TEST(AccessText, HasTwoBlanksBeforeTheReasonOfARejection) {
    AccessLine line;
    line.from = "192.0.2.1:4000";
    line.status = Status::rejected;
    line.reason = "proxy/vmess/encoding: failed to read request header > EOF";
    EXPECT_EQ(v2ray(line),
              "192.0.2.1:4000 rejected  proxy/vmess/encoding: failed to read request header > EOF");
    line.reason = "Insecure encryption";
    line.email = "a@b";
    EXPECT_EQ(v2ray(line), "192.0.2.1:4000 rejected  Insecure encryption email: a@b");
}

TEST(AccessText, FollowsXrayWhenAsked) {
    AccessLine line;
    line.from = "192.0.2.1:4000";
    line.target = "tcp:example.org:443";
    line.inbound_tag = "in";
    line.outbound_tag = "out";
    line.email = "a@b";
    EXPECT_EQ(xray(line),
              "from 192.0.2.1:4000 accepted tcp:example.org:443 [in >> out] email: a@b");
    line.route = Route::rule;
    EXPECT_EQ(xray(line),
              "from 192.0.2.1:4000 accepted tcp:example.org:443 [in -> out] email: a@b");
    line.route = Route::forced;
    line.email = "";
    EXPECT_EQ(xray(line), "from 192.0.2.1:4000 accepted tcp:example.org:443 [in ==> out]");
    line.inbound_tag = "";
    EXPECT_EQ(xray(line), "from 192.0.2.1:4000 accepted tcp:example.org:443 [out]");
    line.inbound_tag = "in";
    line.outbound_tag = "";
    EXPECT_EQ(xray(line), "from 192.0.2.1:4000 accepted tcp:example.org:443");
}

TEST(ErrorText, NamesLevelSessionAndComponent) {
    EXPECT_EQ(
        error_text(LogLevel::warning, 3735928559, "proxy/vmess/inbound",
                   "connection ends > dial tcp 192.0.2.1:80 > timeout"),
        "[Warning] [3735928559] proxy/vmess/inbound: connection ends > dial tcp 192.0.2.1:80 > "
        "timeout");
    EXPECT_EQ(error_text(LogLevel::warning, 0, "core", "V2Ray 4.34.0 started"),
              "[Warning] core: V2Ray 4.34.0 started");
    EXPECT_EQ(error_text(LogLevel::debug, 1, "a", "b"), "[Debug] [1] a: b");
    EXPECT_EQ(error_text(LogLevel::info, 1, "a", "b"), "[Info] [1] a: b");
    EXPECT_EQ(error_text(LogLevel::error, 1, "a", "b"), "[Error] [1] a: b");
}

// A name from a peer must not end the line, drive the terminal, or pretend to be the next field.
TEST(AccessText, KeepsATargetInItsField) {
    AccessLine line;
    line.from = "192.0.2.1:4000";
    line.target = "tcp:a\n2024/01/01 00:00:00 192.0.2.9:1 accepted tcp:b:80";
    EXPECT_EQ(v2ray(line),
              "192.0.2.1:4000 accepted "
              "tcp:a\\x0a2024/01/01\\x2000:00:00\\x20192.0.2.9:1\\x20accepted\\x20tcp:b:80");
    line.target = "tcp:a:80 [direct] email: root@host";
    line.email = "me@host";
    EXPECT_EQ(
        v2ray(line),
        "192.0.2.1:4000 accepted tcp:a:80\\x20[direct]\\x20email:\\x20root@host email: me@host");
    line.target = std::string_view("tcp:\0\x1b[2J\x7f\xc3\xa9:80", 15);
    line.email = "";
    EXPECT_EQ(v2ray(line), "192.0.2.1:4000 accepted tcp:\\x00\\x1b[2J\\x7f\\xc3\\xa9:80");
}

TEST(AccessText, EscapesASourceLikeATarget) {
    AccessLine line;
    line.from = "x y\r";
    line.target = "tcp:a:80";
    EXPECT_EQ(v2ray(line), "x\\x20y\\x0d accepted tcp:a:80");
}

std::string message(std::string_view text) {
    return error_text(LogLevel::info, 0, "c", text).substr(std::string_view("[Info] c: ").size());
}

TEST(ErrorText, KeepsWordsAndEscapesControls) {
    EXPECT_EQ(message("a b\tc\nd\re"), "a b\\x09c\\x0ad\\x0de");
    EXPECT_EQ(message(std::string_view("a\0b\x1b\x7f", 5)), "a\\x00b\\x1b\\x7f");
    EXPECT_EQ(message("\xc3\xa9 \xe4\xb8\xad \xf0\x9f\x9a\xa2"),
              "\xc3\xa9 \xe4\xb8\xad \xf0\x9f\x9a\xa2");
}

TEST(ErrorText, EscapesControlsHiddenInUnicode) {
    EXPECT_EQ(message("a\xc2\x9b"
                      "2J"),
              "a\\xc2\\x9b2J")
        << "C1: begins a terminal sequence";
    EXPECT_EQ(message("a\xc2\x85z"), "a\\xc2\\x85z") << "C1: next line";
    EXPECT_EQ(message("a\xc2\xa0z"), "a\xc2\xa0z") << "the first one that is not C1";
    EXPECT_EQ(message("a\xe2\x80\xa8z"), "a\\xe2\\x80\\xa8z") << "line separator";
    EXPECT_EQ(message("a\xe2\x80\xaez"), "a\\xe2\\x80\\xaez") << "right-to-left override";
    EXPECT_EQ(message("a\xe2\x81\xa6z"), "a\\xe2\\x81\\xa6z") << "isolate";
    EXPECT_EQ(message("a\xe2\x80\x94z"), "a\xe2\x80\x94z") << "a dash is a dash";
}

TEST(ErrorText, EscapesWhatIsNotUtf8) {
    EXPECT_EQ(message("\xff"), "\\xff");
    EXPECT_EQ(message("\x80z"), "\\x80z") << "a continuation without a beginning";
    EXPECT_EQ(message("\xc3"), "\\xc3") << "cut short";
    EXPECT_EQ(message("\xe4\xb8"), "\\xe4\\xb8") << "cut short";
    EXPECT_EQ(message("\xe4\xb8z"), "\\xe4\\xb8z");
    EXPECT_EQ(message("\xc0\x8a"), "\\xc0\\x8a") << "a newline in too many bytes";
    EXPECT_EQ(message("\xe0\x80\x8a"), "\\xe0\\x80\\x8a") << "a newline in too many bytes";
    EXPECT_EQ(message("\xf0\x80\x80\x8a"), "\\xf0\\x80\\x80\\x8a");
    EXPECT_EQ(message("\xed\xa0\x80"), "\\xed\\xa0\\x80") << "a surrogate";
    EXPECT_EQ(message("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80") << "beyond Unicode";
}

// With its time and its newline, each line fits into what a pipe takes in one piece.
TEST(ErrorText, IsCutWhereItIsTooLong) {
    const std::string fits = message(std::string(4000, 'a'));
    EXPECT_EQ(fits, std::string(4000, 'a'));
    for (std::size_t bytes = 4000; bytes < 4100; ++bytes) {
        const std::string line = error_text(LogLevel::info, 0, "c", std::string(bytes, 'a'));
        EXPECT_LE(line.size() + 32, kLogLineBytesMax) << bytes;
    }
    const std::string escaped = message(std::string(100000, '\n'));
    EXPECT_LE(escaped.size(), kLogLineBytesMax);
    EXPECT_TRUE(escaped.ends_with("..."));
}

TEST(ErrorText, IsNotCutInsideACharacter) {
    for (std::size_t shift = 0; shift < 4; ++shift) {
        std::string text(shift, 'a');
        while (text.size() < 2 * kLogLineBytesMax) {
            text += "\xf0\x9f\x9a\xa2";
        }
        std::string line = message(text);
        ASSERT_TRUE(line.ends_with("...")) << shift;
        line.resize(line.size() - 3);
        EXPECT_TRUE(line.ends_with("\xf0\x9f\x9a\xa2")) << shift;
    }
}

// 1 700 000 000 s is 2023-11-14 22:13:20 UTC; the zone is half past five hours further.
class LogTimeTest : public testing::Test {
protected:
    void SetUp() override {
        const char* before = ::getenv("TZ");
        before_ = before == nullptr ? "" : before;
        ::setenv("TZ", "XYZ-5:30", 1);
        ::tzset();
    }
    void TearDown() override {
        if (before_.empty()) {
            ::unsetenv("TZ");
        } else {
            ::setenv("TZ", before_.c_str(), 1);
        }
        ::tzset();
    }
    static WallTime at(std::chrono::microseconds since_1970) {
        return WallTime(std::chrono::duration_cast<WallTime::duration>(since_1970));
    }
    std::string before_;
};

TEST_F(LogTimeTest, IsLocal) {
    LogTime time(LogTime::Precision::seconds);
    EXPECT_EQ(time.text(at(std::chrono::seconds(1700000000))), "2023/11/15 03:43:20 ");
    EXPECT_EQ(time.text(at(std::chrono::milliseconds(1700000000999))), "2023/11/15 03:43:20 ");
    EXPECT_EQ(time.text(at(std::chrono::seconds(1700000001))), "2023/11/15 03:43:21 ");
    EXPECT_EQ(time.text(at(std::chrono::seconds(0))), "1970/01/01 05:30:00 ");
    EXPECT_EQ(time.text(at(std::chrono::microseconds(-1))), "1970/01/01 05:29:59 ");
}

TEST_F(LogTimeTest, HasMicrosecondsWhenAsked) {
    LogTime time(LogTime::Precision::microseconds);
    EXPECT_EQ(time.text(at(std::chrono::microseconds(1700000000000007))),
              "2023/11/15 03:43:20.000007 ");
    EXPECT_EQ(time.text(at(std::chrono::microseconds(1700000000999999))),
              "2023/11/15 03:43:20.999999 ");
    EXPECT_EQ(time.text(at(std::chrono::microseconds(1700000001000000))),
              "2023/11/15 03:43:21.000000 ");
}

TEST(LogFilter, FollowsTheConfiguration) {
    using Kind = config::LogTarget::Kind;
    config::Log settings;
    EXPECT_FALSE(filter_of(settings).access);
    EXPECT_EQ(filter_of(settings).level, LogLevel::warning);
    settings.access.kind = Kind::standard_output;
    settings.level = LogLevel::info;
    EXPECT_TRUE(filter_of(settings).access);
    EXPECT_EQ(filter_of(settings).level, LogLevel::info);
    settings.level = LogLevel::none;
    EXPECT_FALSE(filter_of(settings).access) << "none silences the access log too";
    EXPECT_EQ(filter_of(settings).level, LogLevel::none);
    settings.level = LogLevel::info;
    settings.error.kind = Kind::off;
    EXPECT_TRUE(filter_of(settings).access);
    EXPECT_EQ(filter_of(settings).level, LogLevel::none);
}

// A core without a writer, as in the simulator: the queue is read by the test.
class CoreLogTest : public testing::Test {
protected:
    CoreLog core_log(LogFilter filter) {
        return CoreLog(queue_, filter, [this] { return now_; });
    }
    std::vector<LogRecord> taken() {
        std::vector<LogRecord> records;
        queue_.take(records);
        return records;
    }
    LogQueue queue_{4};
    WallTime now_{std::chrono::seconds(1700000000)};
};

TEST_F(CoreLogTest, QueuesLinesWithTheirTime) {
    CoreLog log = core_log({.level = LogLevel::info, .access = true});
    log.access({.from = "a:1", .target = "tcp:b:2"});
    now_ += std::chrono::seconds(1);
    log.error(LogLevel::info, 7, "x", "y");
    const std::vector<LogRecord> records = taken();
    ASSERT_EQ(records.size(), 2u);
    EXPECT_EQ(records[0].stream, LogStream::access);
    EXPECT_EQ(records[0].text, "a:1 accepted tcp:b:2");
    EXPECT_EQ(records[0].time, WallTime(std::chrono::seconds(1700000000)));
    EXPECT_EQ(records[1].stream, LogStream::error);
    EXPECT_EQ(records[1].text, "[Info] [7] x: y");
    EXPECT_EQ(records[1].time, WallTime(std::chrono::seconds(1700000001)));
    EXPECT_TRUE(taken().empty());
}

// What a relay has done, as numbers that scripts can add up.
constexpr SessionLine kSession = {.id = 7,
                                  .from = "192.0.2.1:4000",
                                  .outcome = "finished",
                                  .target = "tcp:example.org:443",
                                  .inbound_tag = "in",
                                  .outbound_tag = "out",
                                  .email = "anna@example.org",
                                  .reason = {},
                                  .lasted = std::chrono::milliseconds(1234),
                                  .up_bytes = 517,
                                  .down_bytes = 10240};

TEST(SessionLineTest, IsASentence) {
    EXPECT_EQ(session_text(kSession),
              "192.0.2.1:4000 finished tcp:example.org:443 [in -> out] 1.234 s, 517 up, 10240 down "
              "email: anna@example.org");
    EXPECT_EQ(session_text({.from = "a:1", .outcome = "bad_request", .reason = "unknown_user"}),
              "a:1 bad_request  [ -> ] 0.000 s, 0 up, 0 down, unknown_user");
}

TEST(SessionLineTest, IsAnObject) {
    const WallTime time{std::chrono::milliseconds(1700000000042)};
    EXPECT_EQ(session_json(kSession, time),
              "{\"time\":\"2023-11-14T22:13:20.042Z\",\"id\":7,\"from\":\"192.0.2.1:4000\","
              "\"outcome\":\"finished\",\"target\":\"tcp:example.org:443\",\"inbound\":\"in\","
              "\"outbound\":\"out\",\"email\":\"anna@example.org\",\"reason\":\"\","
              "\"seconds\":1.234,\"up\":517,\"down\":10240}");
}

TEST(SessionLineTest, NobodyGetsOutOfAString) {
    const std::string line = session_json({.email = "\",\"up\":9,\n\\"}, WallTime{});
    EXPECT_NE(line.find("\"email\":\"\\\",\\\"up\\\":9,\\\\x0a\\\\\","), std::string::npos) << line;
}

TEST_F(CoreLogTest, WritesSessionsInTheFormatThatIsAskedFor) {
    CoreLog text = core_log({.sessions = true});
    CoreLog json = core_log({.sessions = true, .session_format = config::SessionFormat::json});
    CoreLog quiet = core_log({});
    text.session(kSession);
    json.session(kSession);
    quiet.session(kSession);
    const std::vector<LogRecord> records = taken();
    ASSERT_EQ(records.size(), 2u);
    EXPECT_EQ(records[0].stream, LogStream::sessions);
    EXPECT_EQ(records[0].text, session_text(kSession));
    EXPECT_EQ(records[0].stamp, Stamp::yes);
    EXPECT_EQ(records[1].text, session_json(kSession, records[1].time));
    EXPECT_EQ(records[1].stamp, Stamp::no) << "JSON has the time inside";
}

TEST_F(CoreLogTest, LeavesOutWhatIsNotWanted) {
    const std::vector<LogLevel> levels = {LogLevel::debug, LogLevel::info, LogLevel::warning,
                                          LogLevel::error};
    for (std::size_t least = 0; least <= levels.size(); ++least) {
        const LogLevel filter = least < levels.size() ? levels[least] : LogLevel::none;
        CoreLog log = core_log({.level = filter});
        for (std::size_t level = 0; level < levels.size(); ++level) {
            log.error(levels[level], 0, "x", "y");
            EXPECT_EQ(log.wants(levels[level]), level >= least);
            EXPECT_EQ(taken().size(), level >= least ? 1u : 0u) << least << ' ' << level;
        }
        log.access({.from = "a:1", .target = "tcp:b:2"});
        EXPECT_TRUE(taken().empty());
    }
}

TEST_F(CoreLogTest, FollowsANewFilter) {
    CoreLog log = core_log({.level = LogLevel::none});
    EXPECT_FALSE(log.wants_access());
    log.set_filter({.level = LogLevel::debug, .access = true});
    EXPECT_TRUE(log.wants_access());
    log.error(LogLevel::debug, 0, "x", "y");
    EXPECT_EQ(taken().size(), 1u);
}

TEST_F(CoreLogTest, DropsAndCountsWhatDoesNotFit) {
    CoreLog log = core_log({.level = LogLevel::info});
    for (int line = 0; line < 7; ++line) {
        log.error(LogLevel::info, 0, "x", std::to_string(line));
    }
    EXPECT_EQ(queue_.lost(), 3u);
    const std::vector<LogRecord> records = taken();
    ASSERT_EQ(records.size(), 4u);
    EXPECT_EQ(records.front().text, "[Info] x: 0");
    EXPECT_EQ(records.back().text, "[Info] x: 3");
    log.error(LogLevel::info, 0, "x", "again");
    EXPECT_EQ(taken().size(), 1u);
    EXPECT_EQ(queue_.lost(), 3u);
}

}  // namespace
}  // namespace ferry::core
