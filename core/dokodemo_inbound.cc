#include "core/dokodemo_inbound.h"

#include "core/snapshot.h"

namespace ferry::core {

DokodemoInbound::DokodemoInbound(std::string its_tag, const config::DokodemoInbound& settings)
    : Inbound(std::move(its_tag)), target_(settings.target) {
    networks = settings.networks;
}

io::Task<Step<void>> DokodemoInbound::greet(Session& session) const {
    session.policy = &session.snapshot->policy_of(level);
    const auto local = session.client.socket.local();
    if (!local) {
        co_return std::unexpected(Outcome::client_lost);
    }
    meet(session, *local);
    co_return {};
}

void DokodemoInbound::meet(Session& session, const io::Endpoint& at) const {
    session.address = target_;
    if (session.address.port == 0) {
        session.address.port = at.port();
    }
}

}  // namespace ferry::core
