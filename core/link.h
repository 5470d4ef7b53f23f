// Link: a byte stream that is not a socket of its own, but one of many inside a connection.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <span>

#include "io/buffer.h"
#include "io/scope.h"
#include "io/socket.h"
#include "io/task.h"

namespace ferry::core {

// What an End has in place of a socket; each operation promises what the one of io::Socket does.
//
//   at once  at most one recv, and at most one send or shutdown_write
//   errors   operation_canceled when the scope stops; connection_reset when the stream was torn
//            down by the peer, or the connection around it is gone
class Link {
public:
    virtual ~Link() = default;

    // Receives at least one byte into `into`, or 0 at the end. An empty Buffer is given a slot.
    virtual io::Task<io::Result<std::size_t>> recv(io::Scope& scope, io::Buffer& into) = 0;
    // Sends all of it, or fails.
    virtual io::Task<io::Result<void>> send(io::Scope& scope, std::span<const iovec> pieces) = 0;
    virtual io::Task<io::Result<void>> shutdown_write(io::Scope& scope) = 0;
    virtual void close(io::Farewell farewell) noexcept = 0;
    virtual bool was_reset() const noexcept = 0;
};

}  // namespace ferry::core
