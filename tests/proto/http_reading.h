// How the tests of the head reader read: in one piece and at every cut, expecting no difference.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "proto/http_head.h"

namespace ferry::proto::test {

// "Aladdin" is the one of RFC 7617; bob's password has a colon.
inline const std::vector<Account>& http_accounts() {
    static const std::vector<Account> kAccounts{{.user = "Aladdin", .password = "open sesame"},
                                                {.user = "bob", .password = "a:b"}};
    return kAccounts;
}

inline HttpRules open_rules() {
    return {.accounts = {}, .origin_form = HttpOriginForm::refuse};
}

inline HttpRules transparent_rules() {
    return {.accounts = {}, .origin_form = HttpOriginForm::accept};
}

inline HttpRules closed_rules() {
    return {.accounts = http_accounts(), .origin_form = HttpOriginForm::refuse};
}

struct HeadRead {
    HttpStep step{};
    HttpRequest request;
};

// Where the input is cut: behind `first_bytes`, then behind every `next_bytes`.
struct Cuts {
    std::size_t first_bytes;
    std::size_t next_bytes;
};

inline HeadRead read_cut(const std::string& sent, const HttpRules& rules, const Cuts& cuts) {
    HttpHeadReader reader;
    HeadRead read;
    std::size_t there = std::min(cuts.first_bytes, sent.size());
    for (;;) {
        // A copy of exactly what is there: reading beyond it is seen by the sanitizers.
        const std::vector<std::uint8_t> in(sent.begin(),
                                           sent.begin() + static_cast<std::ptrdiff_t>(there));
        read.step = reader.next(in, rules, read.request);
        if (read.step.kind != HttpStep::Kind::need || there == sent.size()) {
            return read;
        }
        EXPECT_EQ(read.step.count, 0u);
        there = std::min(there + cuts.next_bytes, sent.size());
    }
}

inline HeadRead read_whole(const std::string& sent, const HttpRules& rules) {
    return read_cut(sent, rules, {.first_bytes = sent.size(), .next_bytes = 1});
}

inline void expect_same(const HeadRead& a, const HeadRead& b) {
    EXPECT_EQ(a.step.kind, b.step.kind);
    EXPECT_EQ(a.step.count, b.step.count);
    EXPECT_EQ(a.step.status, b.step.status);
    EXPECT_EQ(a.request.head, b.request.head);
    EXPECT_EQ(a.request.target, b.request.target);
    EXPECT_EQ(a.request.body, b.request.body);
}

// Heads of ordinary length are cut at every place and into single bytes, long ones more coarsely.
inline HeadRead read(const std::string& sent, const HttpRules& rules) {
    const bool is_short = sent.size() < 1'000;
    HeadRead whole = read_whole(sent, rules);
    for (std::size_t cut = 0; cut < sent.size() && is_short; ++cut) {
        SCOPED_TRACE(cut);
        expect_same(read_cut(sent, rules, {.first_bytes = cut, .next_bytes = sent.size()}), whole);
    }
    const std::size_t next_bytes = is_short ? 1 : 97;
    expect_same(read_cut(sent, rules, {.first_bytes = 0, .next_bytes = next_bytes}), whole);
    return whole;
}

inline HttpRequest accepted(const std::string& sent, const HttpRules& rules = open_rules()) {
    HeadRead whole = read(sent, rules);
    EXPECT_EQ(whole.step.kind, HttpStep::Kind::request) << sent;
    EXPECT_EQ(whole.step.count, sent.size());
    return std::move(whole.request);
}

inline std::optional<HttpStatus> refusal(const std::string& sent,
                                         const HttpRules& rules = open_rules()) {
    const HeadRead whole = read(sent, rules);
    EXPECT_EQ(whole.step.count, 0u);
    const bool is_refused = whole.step.kind == HttpStep::Kind::refused;
    return is_refused ? std::optional(whole.step.status) : std::nullopt;
}

// A GET with these field lines, each with its line end.
inline std::string get(const std::string& fields) {
    return "GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\n" + fields + "\r\n";
}

}  // namespace ferry::proto::test
