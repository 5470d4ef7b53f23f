#include "core/server_list.h"

#include <algorithm>

namespace ferry::core {
namespace {

namespace vmess = proto::vmess;

// Where the instruction leads: its host, or else the one that gave it.
std::optional<proto::Address> address_of(const vmess::SwitchAccount& named,
                                         const proto::Address& from) {
    if (named.port == 0) {
        return std::nullopt;
    }
    if (named.host.empty()) {
        proto::Address address = from;
        address.port = named.port;
        return address;
    }
    auto address = proto::address_from(named.host, named.port);
    return address ? std::optional(std::move(*address)) : std::nullopt;
}

}  // namespace

void ServerList::add(VmessServer server) {
    configured_.push_back(std::make_shared<const VmessServer>(std::move(server)));
}

std::shared_ptr<const VmessServer> ServerList::take(io::TimePoint now) {
    const std::lock_guard guard(lock_);
    std::erase_if(lent_, [now](const Lent& lent) { return lent.until <= now; });
    const std::size_t index = turn_ % (configured_.size() + lent_.size());
    turn_ = index + 1;
    return index < configured_.size() ? configured_[index]
                                      : lent_[index - configured_.size()].server;
}

void ServerList::lend(const vmess::SwitchAccount& named, const VmessServer& from,
                      const ServerAccount& account, io::TimePoint now) {
    auto address = address_of(named, from.address);
    const io::TimePoint until = now + std::chrono::minutes(named.valid_minutes);
    if (!address || until == now) {
        return;
    }
    const std::lock_guard guard(lock_);
    const auto known = std::ranges::find_if(lent_, [&](const Lent& lent) {
        return lent.id == named.id && lent.server->address == *address;
    });
    if (known != lent_.end()) {
        known->until = std::max(known->until, until);
        return;
    }
    if (lent_.size() >= kLentServersMax) {
        return;
    }
    std::optional<vmess::Signers> signers;
    if (named.alter_ids > 0) {
        signers.emplace(named.id, named.alter_ids);
    }
    auto made = std::make_shared<const ServerAccount>(
        ServerAccount{named.id, vmess::CommandKey(named.id), std::move(signers), account.choice,
                      account.sealed_lengths, account.mark_end, named.level});
    lent_.push_back(
        {std::make_shared<const VmessServer>(VmessServer{std::move(*address), {std::move(made)}}),
         named.id, until});
}

std::size_t ServerList::size() const {
    const std::lock_guard guard(lock_);
    return configured_.size() + lent_.size();
}

}  // namespace ferry::core
