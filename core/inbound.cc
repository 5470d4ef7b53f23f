#include "core/inbound.h"

namespace ferry::core {

io::Task<Step<void>> Inbound::answer(Session&, Outcome) const { co_return {}; }

bool Inbound::again(Session&) const { return false; }

std::string Inbound::access_target(const Session& session) const {
    return "tcp:" + proto::text(session.address);
}

}  // namespace ferry::core
