// Allocation: ports of an inbound that come and go, as "allocate" asks with the strategy "random".
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <vector>

#include "core/core.h"
#include "core/snapshot.h"
#include "io/endpoint.h"
#include "io/task.h"

namespace ferry::core {

class Server;

// Asks the other cores to open or close what this one has opened or closed.
struct OtherCores {
    std::function<void(const Port&)> open;
    std::function<void(const io::Endpoint&)> close;
};

// Every `refresh` minutes, `concurrency` ports of a range open, at random among those that do not
// listen. Each listens for twice that time; its sessions live on.
//
//   thread    one core, the first; the others follow through `others`
//   lifetime  outlives its run(); what it was made of outlives it
class Allocation {
public:
    Allocation(const ChangingPorts& ports, const OtherCores& others)
        : ports_(ports), others_(others) {}

    // Opens the first ports at once, and goes on until the scope stops.
    io::Task<void> run(Core& core, Server& server, io::Scope& scope);

    // The ports that listen, oldest first; for tests.
    std::vector<std::uint16_t> listening() const;

private:
    struct Generation {
        std::vector<io::Endpoint> endpoints;
    };

    void open_generation(Core& core, Server& server);
    std::optional<io::Endpoint> open_one(Core& core, Server& server);
    void close_oldest(Server& server);
    bool is_open(std::uint16_t port) const;

    const ChangingPorts& ports_;
    const OtherCores& others_;
    std::deque<Generation> generations_;
};

}  // namespace ferry::core
