// The instructions that a server can put into its response header.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "proto/vmess/keys.h"
#include "proto/vmess/limits.h"
#include "proto/vmess/response.h"

namespace ferry::proto::vmess {

// "There is another server for you", for so many minutes.
struct SwitchAccount {
    std::string host;  // a literal or a name; empty: the server that says so
    std::uint16_t port = 0;
    UserId id;
    std::uint16_t alter_ids = 0;  // with none the header has the AEAD form
    std::uint8_t level = 0;
    std::uint8_t valid_minutes = 0;

    friend bool operator==(const SwitchAccount&, const SwitchAccount&) = default;
};

// Makes it the response's instruction.
//
//   account  a host of at most kSwitchHostBytesMax
void put_switch_account(const SwitchAccount& account, Response& response) noexcept;

// The account in a response. There is none in one without an instruction, and none that could be
// followed if the instruction is another, cut short, or not what its checksum covers: a client
// ignores all of these (vmess.md 11). Bytes behind the last field are ignored, as peers do.
std::optional<SwitchAccount> switch_account_of(const Response& response);

// Hears of the account that a server names to its client.
class AccountObserver {
public:
    virtual ~AccountObserver() = default;

    // Called once at most, while the header of the answer is opened. What it says is as trustworthy
    // as the server.
    virtual void switch_account(const SwitchAccount& account) = 0;
};

}  // namespace ferry::proto::vmess
