#include "core/inbound.h"

namespace ferry::core {

io::Task<Step<void>> Inbound::answer(Session&, Outcome) const { co_return {}; }

void Inbound::meet(Session&, const io::Endpoint&) const {}

io::Task<void> Inbound::attend(Session&) const { co_return; }

bool Inbound::again(Session&) const { return false; }

std::string Inbound::access_target(const Session& session) const {
    const char* network = session.network == Network::udp ? "udp:" : "tcp:";
    return network + proto::text(session.address);
}

}  // namespace ferry::core
