// What V2Ray itself accepts and refuses, beside what we do: the table keeps every known difference.
//
// Runs `v2ray -test` over each text. Where there is no V2Ray 4.34 the test says that it was
// skipped.
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/core/config_cases.h"

namespace ferry::core::config {
namespace {

enum class Verdict : std::uint8_t {
    both,    // accept it
    nobody,  // accepts it
    theirs,  // V2Ray accepts it, we do not: the reason stands beside the row
    ours,    // the other way round
};

struct Row {
    Verdict verdict;
    std::string_view text;
};

constexpr std::array kRows{
    // the dialect
    Row{Verdict::both, "{}"},
    Row{Verdict::both, "null"},
    Row{Verdict::both, "// a\n# b\n/* c */ {}"},
    Row{Verdict::both, "{} x"},
    Row{Verdict::both, R"({"LOG": {"LOGLEVEL": "x"}, "other": [1e400]})"},
    Row{Verdict::both, R"({"log": {}, "log": null})"},
    Row{Verdict::nobody, ""},
    Row{Verdict::nobody, "[]"},
    Row{Verdict::nobody, "1"},
    Row{Verdict::nobody, R"({"a": 1,})"},
    Row{Verdict::nobody, "{'a': 1}"},
    Row{Verdict::nobody, R"({"a": 01})"},
    Row{Verdict::nobody, R"({"a": "\x"})"},
    Row{Verdict::nobody, "{\"a\": \"\t\"}"},
    Row{Verdict::nobody, R"({"a": 1 "b": 2})"},
    Row{Verdict::nobody, R"({"log": "x"})"},
    Row{Verdict::nobody, R"({"log": {"access": 3}})"},
    Row{Verdict::ours, "\xef\xbb\xbf{}"},
    Row{Verdict::theirs, "{\"a\": \"\xff\"}"},       // what it would mean is anybody's guess
    Row{Verdict::theirs, R"({"a": "\ud83d"})"},      // half of a character
    Row{Verdict::theirs, "{\"port\": 1/* x */2}"},  // a remark separates here, it joins there
    // inbounds
    Row{Verdict::both, R"({"inbounds": [{"port": "1-3", "protocol": "SOCKS"}]})"},
    Row{Verdict::both, R"({"inbounds": [{"port": 1, "protocol": "vmess", "settings": null}]})"},
    Row{Verdict::both, R"({"inbounds": [{"port": 1, "protocol": "http", "listen": "localhost"}]})"},
    Row{Verdict::both, R"({"port": 1, "inbound": {"protocol": "http", "listen": "[::1]"}})"},
    Row{Verdict::nobody, R"({"inbounds": [{"protocol": "socks"}]})"},
    Row{Verdict::nobody, R"({"inbounds": [{"port": 1}]})"},
    Row{Verdict::nobody, R"({"inbounds": [{"port": 65536, "protocol": "socks"}]})"},
    Row{Verdict::nobody, R"({"inbounds": [{"port": "3-1", "protocol": "socks"}]})"},
    Row{Verdict::nobody, R"({"inbounds": [{"port": "1,2", "protocol": "socks"}]})"},
    Row{Verdict::nobody, R"({"inbounds": [{"port": 1.0, "protocol": "socks"}]})"},
    Row{Verdict::nobody, R"({"inbounds": [{"port": 1, "protocol": "x"}]})"},
    Row{Verdict::nobody, R"({"inbounds": [{"port": 1, "protocol": "http", "listen": "a.b"}]})"},
    Row{Verdict::nobody, R"({"inbounds": [{"port": 1, "protocol": "socks", "allocate": {}}]})"},
    Row{Verdict::nobody,
        R"({"inbounds": [{"port": 1, "protocol": "socks", "streamSettings": {"network": "x"}}]})"},
    Row{Verdict::theirs,  // two owners of one tag
        R"({"inbounds": [{"port": 1, "protocol": "socks", "tag": "a"},
                         {"port": 2, "protocol": "socks", "tag": "a"}]})"},
    Row{Verdict::theirs,  // two owners of one port
        R"({"inbounds": [{"port": 1, "protocol": "socks"}, {"port": 1, "protocol": "http"}]})"},
    Row{Verdict::theirs,  // it would let everybody in
        R"({"inbounds": [{"port": 1, "protocol": "socks", "settings": {"auth": "Password"}}]})"},
    Row{Verdict::theirs,  // not supported: another transport
        R"({"inbounds": [{"port": 1, "protocol": "http", "streamSettings": {"network": "ws"}}]})"},
    Row{Verdict::theirs,  // not supported: unix sockets
        R"({"inbounds": [{"protocol": "socks", "listen": "/tmp/x"}]})"},
    Row{Verdict::theirs,  // not supported: sniffing
        R"({"inbounds": [{"port": 1, "protocol": "socks",
             "sniffing": {"enabled": true, "destOverride": ["http"]}}]})"},
    // users
    Row{Verdict::both, R"({"inbounds": [{"port": 1, "protocol": "vmess", "settings": {"clients": [
        {"id": "b831381d63244d53ad4f8cda48b30811", "level": 4294967295, "alterId": 0}]}}]})"},
    Row{Verdict::nobody, R"({"inbounds": [{"port": 1, "protocol": "vmess", "settings": {"clients": [
        {"id": "b831381d-6324-4d53-ad4f-8cda48b3081"}]}}]})"},
    Row{Verdict::nobody, R"({"inbounds": [{"port": 1, "protocol": "vmess", "settings": {"clients": [
        {"id": "b831381d-6324-4d53-ad4f-8cda48b30811", "alterId": 65536}]}}]})"},
    Row{Verdict::nobody, R"({"inbounds": [{"port": 1, "protocol": "vmess", "settings": {"clients": [
        {"id": "b831381d-6324-4d53-ad4f-8cda48b30811", "alterId": "0"}]}}]})"},
    Row{Verdict::nobody, R"({"inbounds": [{"port": 1, "protocol": "vmess", "settings": {"clients": [
        {"id": "b831381d-6324-4d53-ad4f-8cda48b30811", "email": "a"},
        {"id": "b831381d-6324-4d53-ad4f-8cda48b30812", "email": "A"}]}}]})"},
    Row{Verdict::theirs,  // not supported: detours
        R"({"inbounds": [{"port": 1, "protocol": "vmess", "settings": {"detour": {"to": "x"}}}]})"},
    // outbounds
    Row{Verdict::both, R"({"outbounds": [{"protocol": "vmess", "settings": {"vnext": [
        {"address": "[::1]", "port": 443, "users": [
        {"id": "B831381D-6324-4D53-AD4F-8CDA48B30811", "security": "aes-256-gcm"}]}]}}]})"},
    Row{Verdict::both, R"({"outbounds": [{"protocol": "freedom", "sendThrough": "::1",
        "settings": {"redirect": ":80", "domainStrategy": "x"}}]})"},
    Row{Verdict::both, R"({"outbounds": [{"protocol": "blackhole", "tag": "a",
        "settings": {"response": {"type": "HTTP"}}}, {"protocol": "freedom", "tag": "a"}]})"},
    Row{Verdict::nobody, R"({"outbounds": [{"protocol": "vmess"}]})"},
    Row{Verdict::nobody, R"({"outbounds": [{"protocol": "vmess", "settings": {"vnext": [
        {"address": "a", "port": 1, "users": []}]}}]})"},
    Row{Verdict::nobody, R"({"outbounds": [{"protocol": "freedom", "sendThrough": "a.b"}]})"},
    Row{Verdict::nobody,
        R"({"outbounds": [{"protocol": "freedom", "settings": {"redirect": "a"}}]})"},
    Row{Verdict::nobody,
        R"({"outbounds": [{"protocol": "blackhole", "settings": {"response": {}}}]})"},
    Row{Verdict::theirs,  // not supported: mux
        R"({"outbounds": [{"protocol": "freedom", "mux": {"enabled": true}}]})"},
    Row{Verdict::theirs,  // not supported: the older header
        R"({"outbounds": [{"protocol": "vmess", "settings": {"vnext": [
        {"address": "a", "port": 1, "users": [
        {"id": "b831381d-6324-4d53-ad4f-8cda48b30811", "alterId": 16}]}]}}]})"},
    // routing and policy
    Row{Verdict::both, R"({"inbounds": [{"port": 1, "protocol": "socks", "tag": "i"}],
        "outbounds": [{"protocol": "freedom", "tag": "o"}],
        "routing": {"rules": [{"type": "field", "inboundTag": "i,j", "outboundTag": "o"}]}})"},
    Row{Verdict::nobody, R"({"outbounds": [{"protocol": "freedom", "tag": "o"}],
        "routing": {"rules": [{"type": "field", "outboundTag": "o"}]}})"},
    Row{Verdict::theirs,  // each connection would fail
        R"({"routing": {"rules": [{"type": "field", "inboundTag": "i", "outboundTag": "o"}]}})"},
    Row{Verdict::both, R"({"policy": {"levels": {"01": {"bufferSize": -2, "handshake": 0}}}})"},
    Row{Verdict::nobody, R"({"policy": {"levels": {"a": {}}}})"},
    Row{Verdict::nobody, R"({"policy": {"levels": {"0": {"connIdle": "300"}}}})"},
    Row{Verdict::nobody, R"({"api": {"services": []}})"},
};

// Exit status of a command, its output thrown away.
int status_of(const std::string& command) {
    const int status = std::system((command + " >/dev/null 2>&1").c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(Live, V2RayAgreesOrTheTableSaysWhyNot) {
    if (status_of("v2ray -version | grep -q '^V2Ray 4\\.34\\.'") != 0) {
        GTEST_SKIP() << "there is no V2Ray 4.34 here";
    }
    std::string directory = (std::filesystem::temp_directory_path() / "ferryXXXXXX").string();
    ASSERT_NE(mkdtemp(directory.data()), nullptr);
    const std::string file = directory + "/config.json";
    for (const Row& row : kRows) {
        std::ofstream(file, std::ios::binary) << row.text;
        const bool theirs = status_of("v2ray -test -config " + file) == 0;
        const bool ours = loaded(row.text).config.has_value();
        EXPECT_EQ(theirs, row.verdict == Verdict::both || row.verdict == Verdict::theirs)
            << row.text;
        EXPECT_EQ(ours, row.verdict == Verdict::both || row.verdict == Verdict::ours)
            << row.text << "\n"
            << lines(loaded(row.text).mistakes);
    }
    std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace ferry::core::config
