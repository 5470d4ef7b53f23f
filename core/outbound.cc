#include "core/outbound.h"

#include "core/packets.h"

namespace ferry::core {

io::Task<Step<std::unique_ptr<PacketEnd>>> Outbound::dial_packets(Session& session) const {
    session.reason = "this outbound carries no datagrams";
    co_return std::unexpected(Outcome::refused);
}

}  // namespace ferry::core
