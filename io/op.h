// Op: one request to the kernel and, later, its answer.
#pragma once

#include <sys/uio.h>

#include <coroutine>
#include <cstddef>
#include <cstdint>

#include "io/list.h"

namespace ferry::io {

class Buffer;
class Endpoint;
class Scope;

struct InScope;  // the list of a scope's operations in flight
struct InQueue;  // whatever queue the operation waits in: of a backend, a pool, a condition

// One request and its answer.
//
//   lifetime  lives in the frame of the coroutine that awaits it; the frame cannot end before the
//             answer arrives, so neither can the memory that the request points to
//   answer    exactly one per submission, also after cancel(); send and sendv answer with
//             everything or with an error, never with a part
//   cancel    a recv that was asked to end answers with bytes, or with -ECANCELED and has taken
//             none
struct Op : Hook<InScope>, Hook<InQueue> {
    enum class Kind : std::uint8_t {
        accept,
        connect,
        recv,       // into memory of ours
        recv_slot,  // into a slot that the backend picks when bytes are there
        send,
        sendv,
        shutdown,  // of the sending side
        poll,      // of a descriptor that is read and written by other means
        local,     // never reaches a backend; Loop::finish answers it, or the scope's stop
    };
    static constexpr std::size_t kKinds = 9;
    static constexpr std::uint16_t kNoSlot = 0xffff;

    // What the request works on; the kind tells which.
    union Target {
        Target() noexcept : nothing(nullptr) {}
        explicit Target(Buffer& to) noexcept : buffer(&to) {}
        explicit Target(const std::uint8_t* from) noexcept : bytes(from) {}
        explicit Target(const iovec* from) noexcept : pieces(from) {}
        explicit Target(Endpoint& of) noexcept : peer(&of) {}

        void* nothing;
        Buffer* buffer;             // recv, recv_slot
        const std::uint8_t* bytes;  // send
        const iovec* pieces;        // sendv
        Endpoint* peer;             // connect; accept writes it
    };

    Op(Scope& its_scope, Kind what, int descriptor, Target on = {},
       std::size_t how_many = 0) noexcept
        : kind(what), fd(descriptor), scope(&its_scope), target(on), count(how_many) {}
    Op(const Op&) = delete;
    Op& operator=(const Op&) = delete;

    // Is the answer still to come?
    bool in_flight() const noexcept { return Hook<InScope>::linked(); }
    bool queued() const noexcept { return Hook<InQueue>::linked(); }

    Kind kind;
    bool cancelled = false;  // asked to end; the backend then resubmits nothing
    std::uint16_t slot =
        kNoSlot;  // recv_slot: which slot was filled; BufferPool::take: which is given
    int fd;
    std::int32_t result = 0;  // bytes, descriptor or events; or a negated errno
    std::uint32_t extra = 0;  // poll: the events asked for; accept: the size of
                              // the peer's address; recv_slot, send, sendv: the backend's own
    Scope* scope;
    std::coroutine_handle<> waiter;
    Target target;
    std::size_t count;     // recv, send: bytes; sendv: pieces
    std::size_t done = 0;  // send, sendv: bytes that the kernel has taken so far
};

}  // namespace ferry::io
