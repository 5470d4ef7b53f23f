#include "proto/socks.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "proto/cursor.h"
#include "proto/socks_address.h"
#include "proto/text.h"

namespace ferry::proto {
namespace {

constexpr std::uint8_t kLoginVersion = 1;  // RFC 1929 counts for itself

constexpr std::uint8_t kMethodNone = 0;
constexpr std::uint8_t kMethodPassword = 2;
constexpr std::uint8_t kMethodUnacceptable = 0xff;

constexpr std::uint8_t kLoginOk = 0;
constexpr std::uint8_t kLoginFailed = 1;  // anything but 0

constexpr std::uint8_t kCommandConnect = 1;
constexpr std::uint8_t kCommandUdpAssociate = 3;

constexpr std::uint8_t kSocks4Granted = 90;
constexpr std::uint8_t kSocks4Rejected = 91;

constexpr std::size_t kHead5Bytes = 4;  // version, command, reserved, address type
constexpr std::size_t kHead4Bytes = 8;  // version, command, port, address

constexpr SocksStep kNeed{.kind = SocksStep::Kind::need, .count = 0, .reply = {}};

std::uint8_t code5(SocksResult result) noexcept {
    switch (result) {
        case SocksResult::ok:
            return 0;
        case SocksResult::failed:
            return 1;
        case SocksResult::not_allowed:
            return 2;
        case SocksResult::unreachable:
            return 4;  // the host; 3, the network, says nothing more to a client
        case SocksResult::refused:
            return 5;
        case SocksResult::timeout:
            return 6;  // "TTL expired"
        case SocksResult::not_supported:
            return 7;
        case SocksResult::bad_address_type:
            return 8;
    }
    std::unreachable();
}

// The zero-terminated text at the front of `in`.
struct Ended {
    enum class Kind : std::uint8_t { need, text, too_long };
    Kind kind;
    ByteView text;
};

Ended ended(ByteView in, std::size_t bytes_max) noexcept {
    const auto zero = std::ranges::find(in.first(std::min(in.size(), bytes_max + 1)), 0);
    const auto bytes = static_cast<std::size_t>(zero - in.begin());
    if (bytes > bytes_max) {
        return {.kind = Ended::Kind::too_long, .text = {}};
    }
    if (bytes == in.size()) {
        return {.kind = Ended::Kind::need, .text = {}};
    }
    return {.kind = Ended::Kind::text, .text = in.first(bytes)};
}

}  // namespace

SocksStep SocksServer::next(ByteView in) {
    if (in.empty()) {
        return kNeed;
    }
    switch (state_) {
        case State::greeting:
            if (in[0] == static_cast<std::uint8_t>(Version::socks4)) {
                version_ = Version::socks4;
                return request4(in);
            }
            return greeting(in);
        case State::login:
            return login(in);
        case State::request:
            return request5(in);
        case State::over:
            break;
    }
    // request and refused end the conversation
    assert(state_ != State::over);
    std::unreachable();
}

// version, count, methods
SocksStep SocksServer::greeting(ByteView in) {
    if (in[0] != static_cast<std::uint8_t>(Version::socks5)) {
        // Not SOCKS at all: there is no reply that this client would understand.
        state_ = State::over;
        return {.kind = SocksStep::Kind::refused, .count = 0, .reply = {}};
    }
    if (in.size() < 2 || in.size() < 2u + in[1]) {
        return kNeed;
    }
    const ByteView methods = in.subspan(2, in[1]);
    const std::size_t count = 2 + methods.size();
    const std::uint8_t wanted = accounts_.empty() ? kMethodNone : kMethodPassword;
    const auto version = static_cast<std::uint8_t>(Version::socks5);
    if (std::ranges::find(methods, wanted) == methods.end()) {
        return rejected(count, version, kMethodUnacceptable);
    }
    state_ = accounts_.empty() ? State::request : State::login;
    return replied(count, version, wanted);
}

// version, length, user, length, password. RFC 1929 has no lengths of zero, but some clients send
// an empty password where they know none; it fits only an account that has one.
SocksStep SocksServer::login(ByteView in) {
    if (in[0] != kLoginVersion) {
        return rejected(0, kLoginVersion, kLoginFailed);
    }
    Reader reader(in.subspan(1));
    const ByteView user = reader.bytes(reader.u8());
    const ByteView password = reader.bytes(reader.u8());
    if (!reader.ok()) {
        return kNeed;
    }
    const std::size_t count = 1 + reader.at();
    account_ = find_account(accounts_, {.user = text_of(user), .password = text_of(password)});
    if (account_ == nullptr) {
        return rejected(count, kLoginVersion, kLoginFailed);
    }
    state_ = State::request;
    return replied(count, kLoginVersion, kLoginOk);
}

// version, command, reserved, type, address, port
SocksStep SocksServer::request5(ByteView in) {
    const bool bad_version = in[0] != static_cast<std::uint8_t>(Version::socks5);
    const bool bad_reserved = in.size() > 2 && in[2] != 0;
    if (bad_version || bad_reserved) {
        return refused(0, SocksResult::failed);
    }
    if (in.size() < kHead5Bytes) {
        return kNeed;
    }
    if (!is_socks_type(in[3])) {
        return refused(0, SocksResult::bad_address_type);
    }
    Reader reader(in.subspan(kHead5Bytes));
    auto address = read_socks_address(in[3], reader);
    if (!reader.ok()) {
        return kNeed;
    }
    if (!address) {
        return refused(kHead5Bytes + reader.at(), SocksResult::failed);
    }
    target_ = std::move(*address);
    return understood(kHead5Bytes + reader.at(), in[1]);
}

// version, command, port, address, user id, zero; for SOCKS4a also a name, zero
SocksStep SocksServer::request4(ByteView in) {
    if (in.size() < kHead4Bytes) {
        return kNeed;
    }
    Reader reader(in.subspan(2));
    const std::uint16_t port = reader.u16();
    const auto ip = reader.array<4>();
    target_ = ipv4(ip, port);

    const Ended user = ended(reader.rest(), kSocksUserIdBytesMax);
    if (user.kind != Ended::Kind::text) {
        return user.kind == Ended::Kind::need ? kNeed : refused(0, SocksResult::failed);
    }
    std::size_t count = kHead4Bytes + user.text.size() + 1;
    // 0.0.0.x with an x is no address: SOCKS4a says so that a name follows.
    const bool names_follow = ip[0] == 0 && ip[1] == 0 && ip[2] == 0 && ip[3] != 0;
    if (names_follow) {
        const Ended name = ended(in.subspan(count), kSocksNameBytesMax);
        if (name.kind != Ended::Kind::text) {
            return name.kind == Ended::Kind::need ? kNeed : refused(0, SocksResult::failed);
        }
        count += name.text.size() + 1;
        auto address = wire_address_from(text_of(name.text), port);
        if (!address) {
            return refused(count, SocksResult::failed);
        }
        target_ = *address;
    }
    if (!accounts_.empty()) {
        return refused(count, SocksResult::not_allowed);
    }
    return understood(count, in[1]);
}

// The whole request is there and well-formed; only its command is still to be judged. It is judged
// last, so that the refusal reaches a client that has nothing left to send.
SocksStep SocksServer::understood(std::size_t count, std::uint8_t command) {
    const bool is_udp = version_ == Version::socks5 && command == kCommandUdpAssociate;
    if (command != kCommandConnect && !is_udp) {
        return refused(count, SocksResult::not_supported);
    }
    command_ = is_udp ? SocksCommand::udp_associate : SocksCommand::connect;
    state_ = State::over;
    return {.kind = SocksStep::Kind::request, .count = count, .reply = {}};
}

std::size_t SocksServer::answer(SocksResult result, const Address& bound, ByteSpan to) const {
    assert(to.size() >= kSocksAnswerBytesMax);
    Writer writer(to);
    const bool is_ipv4 = bound.kind == Address::Kind::ipv4;
    const bool is_ipv6 = bound.kind == Address::Kind::ipv6;
    const ByteView ip = bound.ip;
    constexpr std::array<std::uint8_t, 4> kAny{};
    if (version_ == Version::socks4) {
        writer.u8(0);  // the version of the reply, which is not that of the request
        writer.u8(result == SocksResult::ok ? kSocks4Granted : kSocks4Rejected);
        writer.u16(is_ipv4 ? bound.port : 0);
        writer.bytes(is_ipv4 ? ip.first(4) : ByteView(kAny));
        return writer.at();
    }
    writer.u8(static_cast<std::uint8_t>(Version::socks5));
    writer.u8(code5(result));
    writer.u8(0);
    write_socks_address(is_ipv4 || is_ipv6 ? bound : Address{}, writer);
    return writer.at();
}

SocksStep SocksServer::replied(std::size_t count, std::uint8_t first, std::uint8_t second) {
    reply_[0] = first;
    reply_[1] = second;
    return {.kind = SocksStep::Kind::reply, .count = count, .reply = ByteView(reply_).first(2)};
}

SocksStep SocksServer::rejected(std::size_t count, std::uint8_t first, std::uint8_t second) {
    SocksStep step = replied(count, first, second);
    step.kind = SocksStep::Kind::refused;
    state_ = State::over;
    return step;
}

SocksStep SocksServer::refused(std::size_t count, SocksResult result) {
    const std::size_t bytes = answer(result, Address{}, reply_);
    state_ = State::over;
    return {
        .kind = SocksStep::Kind::refused, .count = count, .reply = ByteView(reply_).first(bytes)};
}

}  // namespace ferry::proto
