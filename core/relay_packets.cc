#include "core/packets.h"
#include "core/session.h"

namespace ferry::core {

io::Task<Outcome> relay_packets(Session& session) {
    session.reason = "datagrams are not supported by this version";
    co_return Outcome::refused;
}

}  // namespace ferry::core
