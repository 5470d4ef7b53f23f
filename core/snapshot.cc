#include "core/snapshot.h"

#include <algorithm>
#include <variant>

#include "core/block_outbound.h"
#include "core/direct_outbound.h"
#include "core/dokodemo_inbound.h"
#include "core/endpoints.h"
#include "core/http_inbound.h"
#include "core/socks_inbound.h"
#include "core/vmess_inbound.h"
#include "core/vmess_outbound.h"

namespace ferry::core {
namespace {

template <class... F>
struct Cases : F... {
    using F::operator()...;
};

// The tokens of those who may use the older header: by V2Ray's own rule signed by the main id too,
// but by ours only where alternative ids are asked for, or the environment says so (config.md 3).
std::shared_ptr<TokenTable> tokens_for(const config::VmessInbound& settings) {
    std::vector<TokenUser> users;
    for (const config::VmessClient& client : settings.clients) {
        if (client.alter_id > 0 || settings.older_header_for_all) {
            users.push_back({client.id, client.alter_id, TokenUser::MainId::accepted});
        }
    }
    if (users.empty() && settings.default_alter_id == 0) {
        return nullptr;
    }
    return std::make_shared<TokenTable>(users);
}

std::unique_ptr<Inbound> make_vmess(const config::Inbound& inbound,
                                    const config::VmessInbound& settings,
                                    const crypto::Dispatch& dispatch) {
    std::vector<User> users;
    users.reserve(settings.clients.size());
    for (const config::VmessClient& client : settings.clients) {
        users.push_back({.id = client.id,
                         .email = client.email,
                         .level = client.level,
                         .alter_id = client.alter_id});
    }
    return std::make_unique<VmessInbound>(
        inbound.tag, UserTable(dispatch, users),
        settings.disable_insecure ? Insecure::refused : Insecure::allowed, tokens_for(settings));
}

template <class Made, class Settings>
std::unique_ptr<Inbound> make_local(const config::Inbound& inbound, const Settings& settings) {
    auto made = std::make_unique<Made>(inbound.tag, settings);
    made->level = settings.level;
    made->idle_override = settings.idle.value_or(config::Seconds(0));
    return made;
}

std::unique_ptr<Inbound> make_inbound(const config::Inbound& inbound,
                                      const crypto::Dispatch& dispatch) {
    return std::visit(Cases{
                          [&](const config::VmessInbound& settings) {
                              return make_vmess(inbound, settings, dispatch);
                          },
                          [&](const config::SocksInbound& settings) {
                              return make_local<SocksInbound>(inbound, settings);
                          },
                          [&](const config::HttpInbound& settings) {
                              return make_local<HttpInbound>(inbound, settings);
                          },
                          [&](const config::DokodemoInbound& settings) {
                              return make_local<DokodemoInbound>(inbound, settings);
                          },
                      },
                      inbound.settings);
}

std::unique_ptr<Outbound> make_outbound(const config::Outbound& outbound) {
    std::optional<io::Endpoint> local;
    if (outbound.send_through) {
        local = endpoint_of(*outbound.send_through);
    }
    return std::visit(
        Cases{
            [&](const config::VmessOutbound& settings) -> std::unique_ptr<Outbound> {
                return std::make_unique<VmessOutbound>(outbound.tag, settings, outbound.mux,
                                                       local);
            },
            [&](const config::FreedomOutbound& settings) -> std::unique_ptr<Outbound> {
                return std::make_unique<DirectOutbound>(outbound.tag, settings, local);
            },
            [&](const config::BlackholeOutbound& settings) -> std::unique_ptr<Outbound> {
                return std::make_unique<BlockOutbound>(outbound.tag, settings);
            },
        },
        outbound.settings);
}

// A time of zero ends a connection at once; the loop would read it as "no limit".
io::Duration at_least_a_moment(config::Seconds time) {
    return std::max<io::Duration>(time, std::chrono::milliseconds(1));
}

Policy policy_from(const config::Level& level, bool stats) {
    Policy policy;
    if (level.buffer_bytes && *level.buffer_bytes >= 0) {
        policy.buffer_bytes = static_cast<std::uint64_t>(*level.buffer_bytes);
    }
    policy.counted = {.up = stats && level.stats_user_uplink,
                      .down = stats && level.stats_user_downlink};
    policy.handshake = level.handshake;
    policy.idle = at_least_a_moment(level.idle);
    policy.uplink_only = at_least_a_moment(level.uplink_only);
    policy.downlink_only = at_least_a_moment(level.downlink_only);
    return policy;
}

// Every address of both families is one socket on "::": Linux takes IPv4 peers there, too.
Port port_of(const config::Inbound& from, const Inbound& inbound, std::uint16_t number) {
    const io::Endpoint at = from.listen
                                ? endpoint_of(*from.listen).with_port(number)
                                : io::Endpoint::ipv6(std::array<std::uint8_t, 16>{}, number);
    return {at, &inbound};
}

void add_ports(Snapshot& snapshot, const config::Inbound& from, const Inbound& inbound,
               std::shared_ptr<MadeAccounts> made) {
    if (from.allocate.strategy == config::Allocate::Strategy::random) {
        snapshot.changing.push_back({from.allocate, from.ports, port_of(from, inbound, 0),
                                     inbound.announced(), std::move(made)});
        return;
    }
    std::vector<std::uint16_t> numbers;
    for (std::uint32_t port = from.ports.first; port <= from.ports.last; ++port) {
        const auto number = static_cast<std::uint16_t>(port);
        snapshot.ports.push_back(port_of(from, inbound, number));
        numbers.push_back(number);
    }
    if (from.ports.first != 0) {  // what the kernel chooses cannot be told from here
        inbound.announced()->set(std::move(numbers));
    }
}

// Ties the inbounds together of which one sends its clients on to another.
void lead_detours(const config::Config& config, const crypto::Dispatch& dispatch,
                  std::span<VmessInbound* const> made) {
    for (std::size_t index = 0; index < made.size(); ++index) {
        const auto* settings = std::get_if<config::VmessInbound>(&config.inbounds[index].settings);
        if (settings == nullptr || settings->detour.empty()) {
            continue;
        }
        VmessInbound* target = nullptr;
        for (std::size_t other = 0; other < made.size(); ++other) {
            if (made[other] != nullptr && made[other]->tag == settings->detour) {
                target = made[other];
                const auto& there = std::get<config::VmessInbound>(config.inbounds[other].settings);
                if (!target->made()) {
                    target->receive(std::make_shared<MadeAccounts>(
                        dispatch,
                        MadeAccounts::Defaults{there.default_level, there.default_alter_id},
                        target->tokens()));
                }
            }
        }
        made[index]->lead_to(target, settings->detour);
    }
}

}  // namespace

const Policy& Snapshot::policy_of(std::uint32_t level) const noexcept {
    const auto found = policies.find(level);
    return found == policies.end() ? standard : found->second;
}

const Inbound* Snapshot::counterpart(const Inbound& other) const noexcept {
    for (const auto& inbound : inbounds) {
        const bool same_place = !inbound->tag.empty() || inbound->place == other.place;
        if (inbound->tag == other.tag && same_place) {
            return inbound.get();
        }
    }
    return nullptr;
}

std::shared_ptr<const Snapshot> counted_apart(std::shared_ptr<const Snapshot> shared) {
    const Snapshot* const at = shared.get();
    return {at, [kept = std::move(shared)](const Snapshot*) {}};
}

std::shared_ptr<const Snapshot> make_snapshot(const config::Config& config,
                                              const crypto::Dispatch& dispatch) {
    auto snapshot = std::make_shared<Snapshot>();
    std::vector<VmessInbound*> vmess;  // null in the place of another
    for (const config::Inbound& inbound : config.inbounds) {
        snapshot->inbounds.push_back(make_inbound(inbound, dispatch));
        snapshot->inbounds.back()->place =
            static_cast<std::uint16_t>(snapshot->inbounds.size() - 1);
        vmess.push_back(std::holds_alternative<config::VmessInbound>(inbound.settings)
                            ? static_cast<VmessInbound*>(snapshot->inbounds.back().get())
                            : nullptr);
    }
    lead_detours(config, dispatch, vmess);
    for (const VmessInbound* inbound : vmess) {
        if (inbound != nullptr && inbound->tokens()) {
            snapshot->tokens.push_back(inbound->tokens());
        }
    }
    for (std::size_t index = 0; index < vmess.size(); ++index) {
        add_ports(*snapshot, config.inbounds[index], *snapshot->inbounds[index],
                  vmess[index] == nullptr ? nullptr : vmess[index]->made());
    }
    for (const config::Outbound& outbound : config.outbounds) {
        snapshot->outbounds.push_back(make_outbound(outbound));
    }
    if (snapshot->outbounds.empty()) {
        // As in V2Ray, a request has nowhere to go then.
        snapshot->outbounds.push_back(
            std::make_unique<BlockOutbound>("", config::BlackholeOutbound{}));
    }
    for (const config::Rule& rule : config.routing.rules) {
        for (const std::string& tag : rule.inbound_tags) {
            snapshot->router.add(tag, rule.outbound);
        }
    }
    for (const auto& [level, written] : config.policy.levels) {
        snapshot->policies.emplace(level, policy_from(written, config.stats));
    }
    snapshot->standard = policy_from(config::Level{}, config.stats);
    if (config.stats) {
        const config::Policy& policy = config.policy;
        snapshot->counted = {{policy.stats_inbound_uplink, policy.stats_inbound_downlink},
                             {policy.stats_outbound_uplink, policy.stats_outbound_downlink}};
    }
    return snapshot;
}

}  // namespace ferry::core
