#include "core/direct_outbound.h"

#include "core/direct_packets.h"
#include "core/snapshot.h"

namespace ferry::core {
namespace {

Families families_of(config::FreedomOutbound::DomainStrategy strategy) {
    switch (strategy) {
        case config::FreedomOutbound::DomainStrategy::as_is:
        case config::FreedomOutbound::DomainStrategy::use_ip:
            return Families::any;
        case config::FreedomOutbound::DomainStrategy::use_ipv4:
            return Families::ipv4;
        case config::FreedomOutbound::DomainStrategy::use_ipv6:
            return Families::ipv6;
    }
    return Families::any;
}

}  // namespace

DirectOutbound::DirectOutbound(std::string its_tag, const config::FreedomOutbound& settings,
                               std::optional<io::Endpoint> local)
    : Outbound(std::move(its_tag)),
      redirect_(settings.redirect),
      rules_{families_of(settings.strategy), local},
      level_(settings.level) {}

io::Task<Step<End>> DirectOutbound::dial(Session& session) const {
    const proto::Address to = redirected(redirect_, session.address);
    auto socket = co_await core::dial(session, to, rules_);
    if (!socket) {
        co_return std::unexpected(socket.error());
    }
    session.far_policy = &session.snapshot->policy_of(level_);
    co_return End(std::move(*socket));
}

io::Task<Step<std::unique_ptr<PacketEnd>>> DirectOutbound::dial_packets(Session& session) const {
    session.far_policy = &session.snapshot->policy_of(level_);
    const PacketRules rules{rules_, redirect_};
    auto dialed = co_await DirectPackets::dial(session, rules);
    co_return dialed;
}

}  // namespace ferry::core
