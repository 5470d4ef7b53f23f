#include "io/kernel.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cassert>
#include <cerrno>
#include <ctime>

#include "io/op.h"

namespace ferry::io {

namespace {

constexpr int kBacklog = 4096;  // the kernel lowers it to net.core.somaxconn

std::unexpected<std::errc> last_error() {
    return std::unexpected(std::errc(errno));
}

bool set(int fd, int level, int option, int value) {
    return setsockopt(fd, level, option, &value, sizeof value) == 0;
}

Result<int> make_socket(const Endpoint& at, Waiting waiting) {
    const int kind = SOCK_STREAM | SOCK_CLOEXEC | (waiting == Waiting::by_us ? SOCK_NONBLOCK : 0);
    const int fd = socket(at.address()->sa_family, kind, IPPROTO_TCP);
    if (fd < 0) {
        return last_error();
    }
    // Whole batches are sent at once: waiting for more would only delay the last of them. Accepted
    // sockets inherit this from their listener.
    set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    return fd;
}

// Binds so that the first listener of a process claims the port and the others may join it.
//
// The first binds without SO_REUSEPORT, which any other owner of the port refuses, and gets it
// before listen(): from then on sockets that have it may bind as well. A second process starts with
// a first listener of its own, and that one is refused.
bool bind_shared(int fd, const Endpoint& at, Sharing sharing) {
    if (!set(fd, SOL_SOCKET, SO_REUSEADDR, 1)) {
        return false;
    }
    if (at.family() == Endpoint::Family::ipv6 && !set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0)) {
        return false;
    }
    switch (sharing) {
        case Sharing::first:
            return bind(fd, at.address(), at.length()) == 0 && set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
        case Sharing::joining:
            return set(fd, SOL_SOCKET, SO_REUSEPORT, 1) && bind(fd, at.address(), at.length()) == 0;
    }
    return false;
}

template <class Ask>
Result<Endpoint> endpoint_from(int fd, Ask ask) {
    Endpoint found;
    socklen_t length = Endpoint::kLengthMax;
    if (ask(fd, found.writable_address(), &length) != 0) {
        return last_error();
    }
    return found.unmapped();
}

// splice() knows a socket that must not wait by its descriptor only. The sockets of a ring are of
// the other kind, so that the kernel waits for them: one becomes non-blocking for the time of a
// call. Only this thread and its ring use the descriptor, and the ring looks at it inside its own
// calls. Where a thread of the kernel works for the ring, a request may find the socket of the
// other kind and answer that it would have to wait; it is submitted again then.
class NotWaiting {
public:
    NotWaiting(int socket, Waiting waiting) noexcept
        : socket_(waiting == Waiting::in_kernel ? socket : -1) {
        set(1);
    }
    NotWaiting(const NotWaiting&) = delete;
    NotWaiting& operator=(const NotWaiting&) = delete;
    ~NotWaiting() { set(0); }

private:
    void set(int on) const noexcept {
        if (socket_ >= 0) {
            ioctl(socket_, FIONBIO, &on);
        }
    }
    int socket_;
};

Result<std::size_t> splice_now(int from, int to, std::size_t most) {
    const ssize_t moved = splice(from, nullptr, to, nullptr, most, SPLICE_F_NONBLOCK);
    if (moved < 0) {
        return std::unexpected(errno == EINTR ? std::errc::operation_would_block
                                              : std::errc(errno));
    }
    return static_cast<std::size_t>(moved);
}

}  // namespace

Result<int> kernel_listen(const Endpoint& at, Sharing sharing, Waiting waiting) {
    auto made = make_socket(at, waiting);
    if (!made) {
        return made;
    }
    if (!bind_shared(*made, at, sharing) || ::listen(*made, kBacklog) != 0) {
        const auto error = last_error();
        ::close(*made);
        return error;
    }
    return made;
}

Result<int> kernel_stream(const Endpoint& towards, Waiting waiting) {
    return make_socket(towards, waiting);
}

Result<void> kernel_bind(int fd, const Endpoint& local) {
    // Without it a port would be taken for all destinations, and 28 000 of them are soon gone.
    if (local.port() == 0) {
        set(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
    }
    if (::bind(fd, local.address(), local.length()) != 0) {
        return last_error();
    }
    return {};
}

bool kernel_was_reset(int fd) noexcept {
    tcp_info info = {};
    socklen_t length = sizeof info;
    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) == 0 &&
           info.tcpi_state == TCP_CLOSE;
}

Result<Endpoint> kernel_local_endpoint(int fd) {
    return endpoint_from(fd, getsockname);
}

Result<Endpoint> kernel_peer_endpoint(int fd) {
    return endpoint_from(fd, getpeername);
}

void kernel_reset_on_close(int fd) noexcept {
    const linger none = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
}

Result<PipeEnds> kernel_pipe(std::size_t bytes) {
    int ends[2] = {};
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
        return last_error();
    }
    // A user with many pipes gets small ones only (/proc/sys/fs/pipe-user-pages-soft).
    const int had = fcntl(ends[1], F_SETPIPE_SZ, static_cast<int>(bytes));
    if (had < 0 || static_cast<std::size_t>(had) < bytes) {
        ::close(ends[0]);
        ::close(ends[1]);
        return std::unexpected(std::errc::not_enough_memory);
    }
    return PipeEnds{.read = ends[0], .write = ends[1]};
}

Result<std::size_t> kernel_fill_pipe(int pipe, int socket, std::size_t most,
                                     Waiting waiting) noexcept {
    const NotWaiting now(socket, waiting);
    return splice_now(socket, pipe, most);
}

Result<std::size_t> kernel_drain_pipe(int pipe, int socket, std::size_t most,
                                      Waiting waiting) noexcept {
    const NotWaiting now(socket, waiting);
    return splice_now(pipe, socket, most);
}

std::int64_t kernel_unix_seconds() noexcept {
    timespec now = {};
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    return now.tv_sec;
}

WakeEvent::WakeEvent() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

WakeEvent::~WakeEvent() {
    if (fd_ >= 0) {
        ::close(fd_);
    }
}

void WakeEvent::signal() noexcept {
    // It can only fail when the counter is full, and then the event is signalled anyway.
    const std::uint64_t one = 1;
    const auto written = write(fd_, &one, sizeof one);
    static_cast<void>(written);
}

void WakeEvent::drain() noexcept {
    std::uint64_t count = 0;
    const auto taken = read(fd_, &count, sizeof count);
    static_cast<void>(taken);
}

// Connecting to no address is how a connection is taken back (connect(2), AF_UNSPEC).
void kernel_abandon(int fd) noexcept {
    sockaddr nobody = {};
    nobody.sa_family = AF_UNSPEC;
    static_cast<void>(connect(fd, &nobody, sizeof nobody));
}

std::size_t bytes_of(const Op& op) noexcept {
    if (op.kind == Op::Kind::send) {
        return op.count;
    }
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < op.count; ++i) {
        bytes += op.target.pieces[i].iov_len;
    }
    return bytes;
}

Rest rest_of(const Op& op) noexcept {
    if (op.kind == Op::Kind::send) {
        return {.bytes = op.target.bytes + op.done, .count = op.count - op.done};
    }
    std::size_t skip = op.done;
    std::size_t first = 0;
    while (first < op.count && skip >= op.target.pieces[first].iov_len) {
        skip -= op.target.pieces[first].iov_len;
        ++first;
    }
    if (skip == 0) {
        return {.count = op.count - first, .pieces = op.target.pieces + first};
    }
    const iovec& piece = op.target.pieces[first];
    return {.bytes = static_cast<const std::uint8_t*>(piece.iov_base) + skip,
            .count = piece.iov_len - skip};
}

bool send_progress(Op& op, std::int32_t result) noexcept {
    if (result < 0) {
        op.result = result;
        return true;
    }
    const std::size_t bytes = bytes_of(op);
    op.done += static_cast<std::size_t>(result);
    assert(op.done <= bytes);
    if (op.done == bytes) {
        op.result = 0;
        return true;
    }
    if (op.cancelled) {
        op.result = -ECANCELED;
        return true;
    }
    return false;
}

}  // namespace ferry::io
