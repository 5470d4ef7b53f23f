// Backend: what a Loop needs from a kernel. Uring and Epoll are the real ones; the simulator of the
// tests is the third.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "io/endpoint.h"
#include "io/op.h"
#include "io/result.h"

namespace ferry::io {

// How a descriptor is let go: the peer sees the end of the stream, or a reset.
enum class Farewell : std::uint8_t { normal, reset };

// Several listeners of one process may share a port, one per core. The first one claims it, so that
// another process (which is always somebody's first) is refused; the others join.
enum class Sharing : std::uint8_t { first, joining };

// One datagram, with whom it came from or is for. It may be empty: that is a datagram, too.
struct Datagram {
    Endpoint peer;
    std::span<std::uint8_t> bytes;
};

// A place for what is to be received, and then what has come into it: a datagram, or a train of
// them that came together, one behind the other: all of one size, except that the last one may be
// shorter.
struct Incoming {
    std::span<std::uint8_t> place;       // for its first bytes
    Endpoint peer;                       // who sent it
    std::size_t head_bytes = 0;          // how many of the place are filled
    std::span<const std::uint8_t> tail;  // what did not fit; the backend's until the next receive
    std::size_t each_bytes = 0;          // of a datagram in a train; 0: it is a single one
};

// What became of datagrams that were to be sent.
struct Sent {
    std::size_t taken = 0;    // from the front; the rest must wait until there is room
    std::size_t skipped = 0;  // of those, how many cannot be sent at all
};

// The two descriptors of a pipe.
struct PipeEnds {
    int read = -1;
    int write = -1;
};

class Backend {
public:
    virtual ~Backend() = default;

    // Takes a request. Nothing is answered in here: answers come from wait() only.
    virtual void submit(Op& op) = 0;
    // Asks a submitted request to end. A wish, not an answer.
    virtual void cancel(Op& op) noexcept = 0;
    // Sends what was submitted, sleeps until `until` or until something is answered, and collects
    // every answer there is. The operations in `done` have their `result`.
    virtual void wait(TimePoint until, std::vector<Op*>& done) = 0;
    // Ends the wait() that runs, or the next one.
    //
    //   thread  any
    virtual void wake() noexcept = 0;

    // The slots of recv_slot. expect_slots comes first and once; a slot that was provided is the
    // backend's until a recv_slot answers with it.
    virtual void expect_slots(std::uint32_t count) = 0;
    virtual void provide(std::uint16_t slot, std::span<std::uint8_t> memory) = 0;
    // How many recv_slot operations have bytes to take and no slot to take them into.
    virtual std::uint32_t starving() const noexcept = 0;

    // A listening socket, with a long queue and without delay on the sockets that it accepts.
    virtual Result<int> listen(const Endpoint& at, Sharing sharing) = 0;
    // A socket that can be connected to `towards`.
    virtual Result<int> stream(const Endpoint& towards) = 0;
    // Chooses our own address of a socket that is not connected yet; port 0 lets the kernel choose.
    virtual Result<void> bind(int fd, const Endpoint& local) = 0;
    // A socket for datagrams, bound to `local`. On "::" it is for both families, and names peers of
    // IPv4 by their mapped addresses; any other is for its own family.
    virtual Result<int> datagram(const Endpoint& local, Sharing sharing) = 0;
    // Takes what has arrived at a datagram socket, without waiting. A poll says when to try again.
    //
    //   into   as many places as datagrams or trains are wanted, at most kDatagramsMax
    //   gives  how many of them came; 0: none is there
    virtual Result<std::size_t> receive_datagrams(int fd, std::span<Incoming> into) = 0;
    // Sends what there is room for, without waiting. A poll says when to try again.
    virtual Sent send_datagrams(int fd, std::span<const Datagram> all) noexcept = 0;
    static constexpr std::size_t kDatagramsMax = 32;
    // Another descriptor of the same socket, which may belong to another core.
    virtual Result<int> duplicate(int fd) = 0;
    // The descriptor goes on elsewhere, or waits to; no operation on it may be in flight.
    virtual void let_go(int fd) noexcept = 0;

    // Has the peer reset this connection? A reset is told to one operation only; to a receive that
    // comes after it, the connection looks ended. Means nothing once both sides have ended.
    virtual bool was_reset(int fd) const noexcept = 0;
    virtual Result<Endpoint> local_endpoint(int fd) const = 0;
    virtual Result<Endpoint> peer_endpoint(int fd) const = 0;
    // No operation on `fd` may be in flight.
    virtual void close(int fd, Farewell farewell) noexcept = 0;

    // A pipe with room for `bytes`, for the two calls below. Its ends are closed like any other
    // descriptor.
    //
    //   errors  too_many_files_open, or not_enough_memory where only smaller ones are to be had
    virtual Result<PipeEnds> pipe(std::size_t bytes) = 0;
    // Moves bytes between a connected socket and a pipe, without waiting and without a copy.
    //
    //   gives   at most `most` bytes. From a socket, 0 is the end of the stream, or something that
    //           only a receive can tell
    //   errors  operation_would_block
    virtual Result<std::size_t> fill_pipe(int pipe, int socket, std::size_t most) noexcept = 0;
    virtual Result<std::size_t> drain_pipe(int pipe, int socket, std::size_t most) noexcept = 0;

    virtual TimePoint now() const noexcept = 0;
    virtual std::int64_t unix_seconds() const noexcept = 0;  // the clock on the wall
};

}  // namespace ferry::io
