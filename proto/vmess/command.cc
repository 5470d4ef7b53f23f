#include "proto/vmess/command.h"

#include <algorithm>
#include <cassert>

#include "crypto/hash.h"
#include "proto/address.h"
#include "proto/cursor.h"

namespace ferry::proto::vmess {
namespace {

constexpr std::uint8_t kSwitchAccount = 1;

// May a client dial this? It came over the wire.
bool is_host(const std::string& host) {
    if (host.empty()) {
        return true;  // the present server's
    }
    const auto address = address_from(host, 0);
    if (!address) {
        return false;
    }
    return address->kind != Address::Kind::name || is_wire_name(address->name);
}

}  // namespace

void put_switch_account(const SwitchAccount& account, Response& response) noexcept {
    assert(account.host.size() <= kSwitchHostBytesMax);
    Writer data(response.data_store);
    const ByteSpan checksum = data.room(kChecksumBytes);
    data.u8(static_cast<std::uint8_t>(account.host.size()));
    std::ranges::copy(account.host, data.room(account.host.size()).begin());
    data.u16(account.port);
    data.bytes(account.id.bytes);
    data.u16(account.alter_ids);
    data.u8(account.level);
    data.u8(account.valid_minutes);
    crypto::store_be(checksum.data(), crypto::fnv1a(data.written().subspan(kChecksumBytes)));
    response.command = kSwitchAccount;
    response.data_bytes = static_cast<std::uint8_t>(data.at());
}

std::optional<SwitchAccount> switch_account_of(const Response& response) {
    if (response.command != kSwitchAccount) {
        return std::nullopt;
    }
    Reader from(response.data());
    const std::uint32_t checksum = from.u32();
    const bool is_whole = crypto::fnv1a(from.rest()) == checksum;
    SwitchAccount account;
    const ByteView host = from.bytes(from.u8());
    account.host.assign(host.begin(), host.end());
    account.port = from.u16();
    account.id.bytes = from.array<kUserIdBytes>();
    account.alter_ids = from.u16();
    account.level = from.u8();
    account.valid_minutes = from.u8();
    if (!from.ok() || !is_whole || !is_host(account.host)) {
        return std::nullopt;
    }
    return account;
}

}  // namespace ferry::proto::vmess
