#include "io/uring_open.h"

#include <liburing.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "io/uring.h"
#include "io/uring_parameters.h"

namespace ferry::io {
namespace {

// From Linux 6.9 on, in its include/uapi/linux/io_uring.h, and not in liburing 2.3.
constexpr unsigned kRegisterNapi = 27;  // IORING_REGISTER_NAPI

// struct io_uring_napi. The part that is zero means, since Linux 6.13: registers (and does not add
// a queue by hand), and follows the sockets that the ring waits for.
struct Napi {
    std::uint32_t busy_poll_microseconds;
    std::uint8_t prefers_busy_poll;  // needs gro_flush_timeout of the device to be set; stays 0
    std::uint8_t zero[11];
};
static_assert(sizeof(Napi) == 16);

std::string with_reason(int error, const char* reason) {
    return std::string(std::strerror(error)) + reason;
}

// Each of these says why it is refused; nothing: it is not.

std::string zero_copy_refused(io_uring& ring) {
    io_uring_probe* probe = io_uring_get_probe_ring(&ring);
    if (probe == nullptr) {
        return "the kernel does not say what it can do";
    }
    const bool is_known = io_uring_opcode_supported(probe, IORING_OP_SEND_ZC) != 0 &&
                          io_uring_opcode_supported(probe, IORING_OP_SENDMSG_ZC) != 0;
    io_uring_free_probe(probe);
    return is_known ? "" : "needs Linux 6.1";
}

// Lets the waits of a ring look at the queues of the network devices themselves before they sleep.
std::string busy_polling_refused(io_uring& ring, std::uint32_t microseconds) {
    Napi napi = {.busy_poll_microseconds = microseconds, .prefers_busy_poll = 0, .zero = {}};
    if (syscall(SYS_io_uring_register, ring.ring_fd, kRegisterNapi, &napi, 1) == 0) {
        return {};
    }
    switch (errno) {
        case EINVAL:
            return with_reason(EINVAL, " (needs Linux 6.9)");
        case EOPNOTSUPP:
            return with_reason(EOPNOTSUPP, " (the kernel is built without busy polling)");
        default:
            return with_reason(errno, "");
    }
}

std::string submission_polling_refused(int error) {
    switch (error) {
        case EPERM:
            return with_reason(EPERM, " (forbidden by the container's profile)");
        case EAGAIN:
        case ENOMEM:
            return with_reason(error, " (RLIMIT_NPROC or the cgroup's pids.max may be too low)");
        default:
            return with_reason(error, "");
    }
}

int open_with(io_uring& ring, io_uring_params parameters) {
    return io_uring_queue_init_params(kRequests, &ring, &parameters);
}

}  // namespace

int open_ring(io_uring& ring, const UringSwitches& wanted, MadeUring& made) {
    int opened = -1;
    if (wanted.submission_polling) {
        opened = open_with(ring, polled_parameters());
        made.on.submission_polling = opened >= 0;
        made.refused.submission_polling = opened < 0 ? submission_polling_refused(-opened) : "";
    }
    if (opened < 0) {
        opened = open_with(ring, uring_parameters());
    }
    if (opened < 0) {
        return opened;
    }
    // Spares the kernel a look-up per call; where it is refused nothing is lost.
    io_uring_register_ring_fd(&ring);
    if (wanted.zero_copy_send) {
        made.refused.zero_copy_send = zero_copy_refused(ring);
        made.on.zero_copy_send = made.refused.zero_copy_send.empty();
    }
    if (wanted.busy_poll_microseconds > 0) {
        made.refused.busy_poll = busy_polling_refused(ring, wanted.busy_poll_microseconds);
        const bool is_on = made.refused.busy_poll.empty();
        made.on.busy_poll_microseconds = is_on ? wanted.busy_poll_microseconds : 0;
    }
    return 0;
}

}  // namespace ferry::io
