// Server: one core's listeners and the sessions that come in through them.
#pragma once

#include <list>
#include <memory>
#include <optional>

#include "core/allocation.h"
#include "core/core.h"
#include "core/mux_client.h"
#include "core/session.h"
#include "core/snapshot.h"
#include "core/udp_door.h"
#include "io/list.h"
#include "io/listener.h"
#include "io/scope.h"
#include "io/task.h"

namespace ferry::core {

// Accepts connections and runs their sessions, until it is told to stop.
//
//   lifetime  `core` outlives it; the root is empty when it is destroyed
//   thread    its core's
class Server {
public:
    Server(Core& core, io::Scope& root);
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    // Opens a listener, for datagrams too where the inbound wants them: on the same number. Nothing
    // is accepted before start(). "Every address" is one socket for both families, or for IPv4
    // alone where the machine has no IPv6.
    //
    //   gives   the endpoint with the port that was chosen
    io::Result<io::Endpoint> listen(const Port& port, io::Sharing sharing);

    void start();

    // Lets ports come and go until the server stops; for one core, which tells the others. Both
    // arguments outlive the server.
    void allocate(const ChangingPorts& ports, const OtherCores& others);
    const std::list<Allocation>& allocations() const noexcept { return allocations_; }

    // Listens at one more place, of a server that has started.
    io::Result<io::Endpoint> open(const Port& port, io::Sharing sharing);
    // Stops accepting at one endpoint; its sessions live on. Does nothing if it is not open.
    void close(const io::Endpoint& at);

    // Serves whoever comes from now on by another snapshot; sessions keep the one they have. Those
    // whose user is not in the new one any more end at once, with Stop::removed.
    //
    //   snapshot  has a counterpart of every inbound that listens here
    void install(std::shared_ptr<const Snapshot> snapshot);

    // Stops accepting, once what already waits in the queues is taken; sessions may go on for
    // `grace`, those on kept connections until their present exchange is over. What is left then
    // ends with Stop::shutdown. A second call shortens the grace.
    void stop(io::Duration grace);

private:
    struct Door {
        Door(Core& core, io::Scope& accepting, const Inbound& its_inbound)
            : scope(core.loop, &accepting), inbound(&its_inbound) {}
        io::Scope scope;
        const Inbound* inbound;  // of the core's snapshot
        io::Endpoint at;
        std::optional<io::Listener> listener;
        std::unique_ptr<UdpDoor> datagrams;
    };

    io::Result<io::Endpoint> listen_at(Door& door, const io::Endpoint& at, io::Sharing sharing);
    io::Result<io::Endpoint> open_door(Door& door, const io::Endpoint& at, io::Sharing sharing);
    io::Task<void> accept_datagrams(Door& door);
    // Runs a door until it is closed, and takes it off the list.
    io::Task<void> tend(Door& door);
    io::Task<void> accept_at(Door& door);
    io::Task<bool> wait_for_room(Door& door);
    io::Task<void> serve(const Inbound& inbound, io::Accepted accepted);
    io::Task<void> wind_down();
    io::Task<void> close_kept_sockets();

    Core& core_;
    io::Scope& root_;
    // Gone once the server has wound down: the root is empty then.
    std::optional<io::Scope> accepting_;
    std::optional<io::Scope> sessions_;
    std::optional<io::Scope> grace_;
    std::optional<io::Scope> carriers_;
    MuxClients mux_;
    std::list<Door> doors_;
    std::list<Allocation> allocations_;
    io::List<Session, InServer> served_;
    bool stopping_ = false;
};

}  // namespace ferry::core
