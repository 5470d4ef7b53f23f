// UdpDoor: a port on which associations begin with a datagram.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <span>

#include "core/core.h"
#include "core/inbound.h"
#include "core/packet_queue.h"
#include "core/packets.h"
#include "core/session.h"
#include "io/datagram.h"
#include "io/scope.h"

namespace ferry::core {

// A port of one inbound on one core. Whoever sends to it has an association of their own: a session
// with a bounded queue.
//
//   limits    Limits::associations of a door, and the sessions of the core: a datagram that would
//             begin one more is lost, and counted as associations_refused
//   lifetime  `sessions` outlives it. Its associations keep the socket, so they can answer when it
//             is closed; they are told then that nothing more will come
class UdpDoor {
public:
    // Opens the port; "every address" is one socket for both families.
    static io::Result<std::unique_ptr<UdpDoor>> open(Core& core, io::Scope& scope,
                                                     io::Scope& sessions, const io::Endpoint& at,
                                                     io::Sharing sharing);

    UdpDoor(Core& core, io::Scope& sessions, io::DatagramSocket socket);
    UdpDoor(const UdpDoor&) = delete;
    ~UdpDoor();

    io::Result<io::Endpoint> local() const;

    // Takes datagrams until the scope stops. `inbound` may be replaced while it runs.
    io::Task<void> run(io::Scope& scope, const Inbound* const& inbound);

private:
    struct Desk;
    class DeskEnd;
    class Association;

    static io::Task<void> serve(std::shared_ptr<Desk> desk, std::unique_ptr<Association> mine);
    void take_all(const Inbound& inbound, std::span<const io::Datagram> all);
    Association* begin(const Inbound& inbound, const io::Endpoint& from);

    Core& core_;
    io::Scope& sessions_;
    std::shared_ptr<Desk> desk_;  // what the associations share with the door
};

}  // namespace ferry::core
