// What Uring and Epoll have in common: sockets as the kernel makes them, and the event that wakes.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>

#include "io/backend.h"
#include "io/endpoint.h"
#include "io/result.h"

namespace ferry::io {

struct Op;

// A ring waits inside the kernel, where a non-blocking descriptor would make it give up at once;
// epoll needs the non-blocking kind.
enum class Waiting : std::uint8_t { in_kernel, by_us };

// The parts of Backend that are plain system calls.
Result<int> kernel_listen(const Endpoint& at, Sharing sharing, Waiting waiting);
Result<int> kernel_stream(const Endpoint& towards, Waiting waiting);
Result<void> kernel_bind(int fd, const Endpoint& local);
bool kernel_was_reset(int fd) noexcept;
Result<Endpoint> kernel_local_endpoint(int fd);
Result<Endpoint> kernel_peer_endpoint(int fd);
// From now on, closing `fd` resets the connection.
void kernel_reset_on_close(int fd) noexcept;
Result<PipeEnds> kernel_pipe(std::size_t bytes);
Result<std::size_t> kernel_fill_pipe(int pipe, int socket, std::size_t most,
                                     Waiting waiting) noexcept;
Result<std::size_t> kernel_drain_pipe(int pipe, int socket, std::size_t most,
                                      Waiting waiting) noexcept;
std::int64_t kernel_unix_seconds() noexcept;

// An eventfd that ends a wait: it stays signalled until it is drained, so no wake-up is lost.
class WakeEvent {
public:
    WakeEvent();
    WakeEvent(const WakeEvent&) = delete;
    WakeEvent& operator=(const WakeEvent&) = delete;
    ~WakeEvent();

    int fd() const noexcept { return fd_; }
    void signal() noexcept;  // from any thread
    void drain() noexcept;

private:
    int fd_;
};

// Ends the connection now, with a reset: nothing more is sent, and the kernel lets go of the memory
// that waits in its queue. The descriptor stays open.
void kernel_abandon(int fd) noexcept;

// How many bytes a send or sendv is about.
std::size_t bytes_of(const Op& op) noexcept;

// What a send or sendv has still to send. The pieces are the caller's and stay as they are: where
// one has been sent in part, its rest goes alone, and the others follow in the next round.
struct Rest {
    const std::uint8_t* bytes = nullptr;  // nullptr: whole pieces
    std::size_t count = 0;                // of bytes or of pieces
    const iovec* pieces = nullptr;
};
Rest rest_of(const Op& op) noexcept;

// Books what the kernel said about a send or sendv.
//
//   gives  true: op.result is final; false: a part is still to be sent, from op.done on
bool send_progress(Op& op, std::int32_t result) noexcept;

}  // namespace ferry::io
