// Socket: a connected stream.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>

#include "io/buffer.h"
#include "io/descriptor.h"
#include "io/endpoint.h"
#include "io/scope.h"
#include "io/task.h"

namespace ferry::io {

// A connected stream. An operation belongs to the scope given at birth, or to the one it is given:
// a scope inside the first can then have the shorter deadline.
//
//   owner     closes the descriptor when destroyed; no operation may be in flight then
//   at once   at most one recv, and at most one send or shutdown_write
//   errors    operation_canceled when the scope stops; otherwise what the kernel said
class Socket {
public:
    //   local  our own address, if it matters
    static Task<Result<Socket>> connect(Scope& scope, Endpoint to,
                                        std::optional<Endpoint> local = std::nullopt);

    Socket(Scope& scope, Descriptor&& descriptor) noexcept
        : scope_(&scope), fd_(descriptor.release()) {}
    // The same stream in another life: its operations belong to `scope` from now on.
    Socket(Scope& scope, Socket&& old) noexcept : scope_(&scope), fd_(std::exchange(old.fd_, -1)) {}
    Socket(Socket&& other) noexcept : scope_(other.scope_), fd_(std::exchange(other.fd_, -1)) {}
    Socket& operator=(Socket&& other) noexcept;
    ~Socket() { close(); }

    // Receives at least one byte into `into`, or 0 at the end of the stream. An empty Buffer waits
    // without memory: the backend picks a slot of the loop's `in` pool when bytes arrive. One with
    // a slot grows in place and must have room.
    //
    //   cancel  no byte is lost: either it answers with bytes, or with operation_canceled
    OpAwait<Result<std::size_t>> recv(Buffer& into) noexcept { return recv(*scope_, into); }
    OpAwait<Result<std::size_t>> recv(Scope& scope, Buffer& into) noexcept;

    // Sends all of it, or fails. The bytes and the pieces stay untouched until the answer.
    OpAwait<Result<void>> send(std::span<const std::uint8_t> all) noexcept {
        return send(*scope_, all);
    }
    OpAwait<Result<void>> send(Scope& scope, std::span<const std::uint8_t> all) noexcept;
    OpAwait<Result<void>> send(std::span<const iovec> pieces) noexcept {
        return send(*scope_, pieces);
    }
    OpAwait<Result<void>> send(Scope& scope, std::span<const iovec> pieces) noexcept;

    // Tells the peer that nothing more will be sent.
    OpAwait<Result<void>> shutdown_write() noexcept { return shutdown_write(*scope_); }
    OpAwait<Result<void>> shutdown_write(Scope& scope) noexcept;

    // Closes now. With Farewell::reset the peer sees a reset, and nothing that is still queued.
    void close(Farewell farewell = Farewell::normal) noexcept;

    // Was the end of the stream that recv() answered with in truth a reset? See
    // Backend::was_reset().
    bool was_reset() const noexcept { return scope_->loop().backend().was_reset(fd_); }

    Result<Endpoint> local() const { return scope_->loop().backend().local_endpoint(fd_); }
    Result<Endpoint> peer() const { return scope_->loop().backend().peer_endpoint(fd_); }
    explicit operator bool() const noexcept { return fd_ >= 0; }
    int fd() const noexcept { return fd_; }
    Scope& scope() const noexcept { return *scope_; }

private:
    Scope* scope_;
    int fd_;
};

}  // namespace ferry::io
