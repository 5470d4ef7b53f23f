// The server's side of SOCKS4, SOCKS4a and SOCKS5.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "crypto/bytes.h"
#include "proto/account.h"
#include "proto/address.h"

namespace ferry::proto {

inline constexpr std::size_t kSocksNameBytesMax = 255;    // SOCKS4a: SOCKS5 cannot say more
inline constexpr std::size_t kSocksUserIdBytesMax = 255;  // SOCKS4: our limit, it has none

// The longest message of a client: SOCKS4a with a user id and a name, each with its zero byte.
inline constexpr std::size_t kSocksMessageBytesMax =
    8 + (kSocksUserIdBytesMax + 1) + (kSocksNameBytesMax + 1);

// The longest answer: SOCKS5 with an IPv6 address.
inline constexpr std::size_t kSocksAnswerBytesMax = 4 + 16 + 2;

enum class SocksCommand : std::uint8_t { connect, udp_associate };

// How the request ended, as far as the client may know.
enum class SocksResult : std::uint8_t {
    ok,
    failed,       // anything that has no word of its own
    not_allowed,  // by a rule
    unreachable,  // no way to the network or host, or no address for the name
    refused,      // by the target
    timeout,
    not_supported,     // a command that is not served, such as UDP ASSOCIATE where it is off
    bad_address_type,  // neither IPv4, IPv6 nor a name
};

// What one call of SocksServer::next() found at the front of its input.
struct SocksStep {
    enum class Kind : std::uint8_t {
        need,     // nothing yet: call again with more bytes behind these
        reply,    // send `reply`, then call again
        request,  // the request is complete; dial, then answer()
        refused,  // send `reply`, which may be empty, then close
    };
    Kind kind;
    std::size_t count;  // input bytes finished with; 0 for need
    ByteView reply;     // lives as long as the server, until the next call
};

// One client, from its first byte to the answer.
//
//   cut       any split of the input gives the same replies, the same result and the same sum of
//             counts; bytes behind the request are early data and are left to the caller
//   accounts  empty: nobody is asked, SOCKS4 is served. Otherwise method 2 (user and password) is
//             the only one, and SOCKS4, which knows no passwords, is refused
//   lifetime  `accounts` outlives the server
//   source    RFC 1928, RFC 1929; the SOCKS4 and SOCKS4a memoranda
class SocksServer {
public:
    explicit SocksServer(std::span<const Account> accounts) noexcept : accounts_(accounts) {}

    // Reads the message at the front of `in`. Not called again after request or refused.
    SocksStep next(ByteView in);

    // These three are valid once next() has given `request`.
    SocksCommand command() const noexcept { return command_; }
    // For udp_associate: where the client will send from, often 0.0.0.0:0.
    const Address& target() const noexcept { return target_; }
    // Who has logged in; null where nobody was asked.
    const Account* account() const noexcept { return account_; }

    // Writes the answer to the request, in the version that the client speaks.
    //
    //   bound  the address of our end; none or a name becomes 0.0.0.0:0, for SOCKS4 IPv6 as well
    //   to     at least kSocksAnswerBytesMax
    //   gives  bytes written
    std::size_t answer(SocksResult result, const Address& bound, ByteSpan to) const;

private:
    enum class State : std::uint8_t { greeting, login, request, over };
    enum class Version : std::uint8_t { socks4 = 4, socks5 = 5 };

    SocksStep greeting(ByteView in);
    SocksStep login(ByteView in);
    SocksStep request5(ByteView in);
    SocksStep request4(ByteView in);
    SocksStep understood(std::size_t count, std::uint8_t command);
    SocksStep replied(std::size_t count, std::uint8_t first, std::uint8_t second);
    SocksStep rejected(std::size_t count, std::uint8_t first, std::uint8_t second);
    SocksStep refused(std::size_t count, SocksResult result);

    std::span<const Account> accounts_;
    const Account* account_ = nullptr;
    Address target_;
    State state_ = State::greeting;
    Version version_ = Version::socks5;
    SocksCommand command_ = SocksCommand::connect;
    std::array<std::uint8_t, kSocksAnswerBytesMax> reply_{};
};

}  // namespace ferry::proto
