// WatchedSockets: sockets that a library reads and writes, and that we wait for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "io/descriptor.h"
#include "io/scope.h"
#include "io/task.h"

namespace ferry::core {

// The sockets of a library that has no loop of its own. It says which it has and what it waits for;
// we tell it what has come.
//
//   lifetime  idle when destroyed; `home` outlives it
//   thread    one core's
class WatchedSockets {
public:
    // Something has happened on a socket; may call any function here, and may open and close
    // sockets.
    //
    //   events  POLLIN, POLLOUT; both after an error, which shows where the library reads or writes
    using Ready = std::function<void(int fd, std::uint32_t events)>;

    WatchedSockets(io::Scope& home, Ready ready);
    WatchedSockets(const WatchedSockets&) = delete;
    ~WatchedSockets();

    // Opens a socket that does not block.
    //
    //   gives  a descriptor, or -1 with errno, as the library expects
    int open(int domain, int type, int protocol);

    // Lets a socket go. Its descriptor is closed when the wait for it has ended, not before: the
    // number would be given to the next socket while the kernel still looks at this one.
    void close(int fd);

    // Changes what is waited for: POLLIN, POLLOUT, both or 0.
    void set_interest(int fd, std::uint32_t events);

    // Is nothing waited for? A stop of `home` ends every wait.
    bool idle() const noexcept { return running_ == 0; }

private:
    struct Watch {
        io::Descriptor socket;
        std::uint32_t events = 0;
        io::Scope* wait = nullptr;  // of the poll in flight
        bool running = false;       // watch() is at work
        bool closed = false;        // the library has let it go
    };

    Watch* find(int fd) noexcept;
    void erase(const Watch& watch) noexcept;
    void set_interest(Watch& watch, std::uint32_t events);
    io::Task<void> watch(Watch& watch);

    io::Scope& home_;
    const Ready ready_;
    std::vector<std::unique_ptr<Watch>> watches_;
    std::size_t running_ = 0;
};

}  // namespace ferry::core
