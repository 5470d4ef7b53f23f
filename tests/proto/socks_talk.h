// How the tests of the SOCKS server talk to it: whole and cut everywhere, expecting no difference.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "proto/socks.h"
#include "proto/text.h"

namespace ferry::proto::test {

inline const std::vector<Account>& nobody() {
    static const std::vector<Account> kNobody;
    return kNobody;
}

inline const std::vector<Account>& socks_accounts() {
    static const std::vector<Account> kAccounts{{.user = "alice", .password = "secret"},
                                                {.user = "bob", .password = "s3cret"},
                                                {.user = "carol", .password = ""}};
    return kAccounts;
}

// A whole conversation, as the client sees it.
struct Told {
    SocksStep::Kind last = SocksStep::Kind::need;
    std::string replies;
    std::size_t count = 0;
    std::string target;
    SocksCommand command{};
    std::string user;

    friend bool operator==(const Told&, const Told&) = default;
};

// Plays a client that sends `sent` in pieces of which the first ends at `cut` and the others have
// `piece_bytes`, whatever the server answers.
inline Told told(const std::vector<Account>& accounts, const std::string& sent, std::size_t cut,
                 std::size_t piece_bytes) {
    SocksServer server(accounts);
    Told told;
    std::size_t there = std::min(cut, sent.size());
    for (;;) {
        // A copy of exactly what is there: reading beyond it is seen by the sanitizers.
        const std::vector<std::uint8_t> in(sent.begin() + static_cast<std::ptrdiff_t>(told.count),
                                           sent.begin() + static_cast<std::ptrdiff_t>(there));
        const SocksStep step = server.next(in);
        EXPECT_LE(step.count, in.size());
        told.last = step.kind;
        told.count += step.count;
        told.replies += text_of(step.reply);
        if (step.kind == SocksStep::Kind::request) {
            told.target = text(server.target());
            told.command = server.command();
            told.user = server.account() == nullptr ? "" : server.account()->user;
        }
        const bool is_over =
            step.kind == SocksStep::Kind::request || step.kind == SocksStep::Kind::refused;
        if (is_over || (step.kind == SocksStep::Kind::need && there == sent.size())) {
            return told;
        }
        if (step.kind == SocksStep::Kind::need) {
            EXPECT_EQ(step.count, 0u);
            there = std::min(there + piece_bytes, sent.size());
        }
    }
}

// The conversation in one piece; all cuts in two and the one into single bytes must agree with it.
inline Told told(const std::vector<Account>& accounts, const std::string& sent) {
    const Told whole = told(accounts, sent, sent.size(), sent.size());
    for (std::size_t cut = 0; cut < sent.size(); ++cut) {
        EXPECT_EQ(told(accounts, sent, cut, sent.size()), whole) << "cut at " << cut;
    }
    EXPECT_EQ(told(accounts, sent, 0, 1), whole) << "byte by byte";
    return whole;
}

inline std::string answered(const SocksServer& server, SocksResult result, const Address& bound) {
    std::array<std::uint8_t, kSocksAnswerBytesMax> to{};
    const std::size_t bytes = server.answer(result, bound, to);
    return std::string(text_of(ByteView(to).first(bytes)));
}

inline SocksServer after(const std::string& sent) {
    SocksServer server(nobody());
    std::size_t count = 0;
    for (SocksStep step{}; step.kind != SocksStep::Kind::request;) {
        step = server.next(bytes_of(sent).subspan(count));
        EXPECT_TRUE(step.kind == SocksStep::Kind::reply || step.kind == SocksStep::Kind::request);
        count += step.count;
    }
    return server;
}

}  // namespace ferry::proto::test
