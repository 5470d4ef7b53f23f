// What a stranger may say to a SOCKS inbound, cut anywhere.
//
//   input   a byte: with accounts, or not; four sizes of pieces; what the client sends
#include <cassert>
#include <string>

#include "proto/socks.h"
#include "tests/fuzz/input.h"

namespace ferry::proto {
namespace {

using Kind = SocksStep::Kind;

// All that a client sees, and all that the inbound learns.
struct Talk {
    Kind last = Kind::need;
    std::size_t counted = 0;
    fuzz::Bytes replies;
    Address target;
    const Account* account = nullptr;

    friend bool operator==(const Talk&, const Talk&) = default;
};

// One call, with the promises of SocksServer checked.
void step(SocksServer& server, ByteView there, Talk& talk) {
    fuzz::ExactBytes in(there.subspan(talk.counted));
    const SocksStep step = server.next(in.span());
    assert(step.count <= in.span().size());
    assert(step.kind != Kind::need || step.count == 0);
    assert(step.kind != Kind::need || in.span().size() < kSocksMessageBytesMax);
    assert(step.kind != Kind::reply || step.count > 0);
    assert(step.reply.size() <= kSocksAnswerBytesMax);
    talk.last = step.kind;
    talk.counted += step.count;
    fuzz::append(talk.replies, step.reply);
    if (step.kind == Kind::request) {
        talk.target = server.target();
        talk.account = server.account();
    }
}

// The client sends pieces of these sizes, over and over; 0 is all of the rest.
Talk talked(std::span<const Account> accounts, ByteView sent, ByteView piece_sizes) {
    SocksServer server(accounts);
    Talk talk;
    std::size_t there = 0;
    for (std::size_t piece = 0; there < sent.size(); ++piece) {
        const std::size_t bytes = piece_sizes.empty() ? 0 : piece_sizes[piece % piece_sizes.size()];
        there = bytes == 0 ? sent.size() : std::min(there + bytes, sent.size());
        do {
            step(server, sent.first(there), talk);
            if (talk.last == Kind::request || talk.last == Kind::refused) {
                return talk;
            }
        } while (talk.last == Kind::reply);
    }
    return talk;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    const std::array<Account, 2> known{
        Account{.user = "user", .password = "pass"},
        Account{.user = "u", .password = ""},
    };
    fuzz::Input input(data, bytes);
    const bool asks = input.u8() % 2 == 1;
    const std::span<const Account> accounts(known.data(), asks ? known.size() : 0);
    const ByteView pieces = input.bytes(4);
    const ByteView sent = input.rest();

    const Talk whole = talked(accounts, sent, {});
    assert(whole == talked(accounts, sent, pieces));
    if (whole.last == Kind::request) {
        assert((whole.account != nullptr) == asks);
        assert(whole.target.kind != Address::Kind::none);
        assert(whole.target.kind != Address::Kind::name || is_wire_name(whole.target.name));
    }
    return 0;
}

}  // namespace ferry::proto
