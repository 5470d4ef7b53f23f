#include "io/uring_send.h"

#include <liburing.h>

#include <cerrno>

#include "io/kernel.h"

namespace ferry::io {
namespace {

// The kernel itself goes on with a part that was sent; without the flag every part would come back.
constexpr int kSendFlags = MSG_WAITALL | MSG_NOSIGNAL;

// What Op::extra holds for a send.
constexpr std::uint32_t kZeroCopy = 1;   // the request in the kernel's hands is of that kind
constexpr std::uint32_t kMemoryOut = 2;  // and has given its first answer, which is in op.result
constexpr std::uint32_t kCopyOnly = 4;   // the kernel has refused that kind for this operation

bool is_set(const Op& op, std::uint32_t bit) noexcept {
    return (op.extra & bit) != 0;
}

// A type of socket that has no such sends, too much memory locked already (without CAP_IPC_LOCK it
// counts against RLIMIT_MEMLOCK), or none for the notification. A copy needs none of it.
bool asks_for_a_copy(const Op& op, std::int32_t result) noexcept {
    return is_set(op, kZeroCopy) &&
           (result == -EOPNOTSUPP || result == -ENOMEM || result == -ENOBUFS);
}

// The kernel is through with a request.
SendState settle(Op& op, std::int32_t result) noexcept {
    const bool is_refused = asks_for_a_copy(op, result);
    op.extra &= ~(kZeroCopy | kMemoryOut);
    if (!is_refused && result != -EINTR && result != -EAGAIN) {
        return send_progress(op, result) ? SendState::answered : SendState::again;
    }
    if (op.cancelled) {
        op.result = -ECANCELED;
        return SendState::answered;
    }
    op.extra |= is_refused ? kCopyOnly : 0;
    return SendState::again;
}

}  // namespace

void prepare_send(io_uring_sqe* sqe, Op& op, msghdr& message, Sending how) noexcept {
    const bool is_zero_copy = how == Sending::zero_copy && !is_set(op, kCopyOnly) &&
                              bytes_of(op) - op.done >= kZeroCopyBytes;
    op.extra |= is_zero_copy ? kZeroCopy : 0;
    const Rest rest = rest_of(op);
    if (rest.pieces == nullptr) {
        if (is_zero_copy) {
            io_uring_prep_send_zc(sqe, op.fd, rest.bytes, rest.count, kSendFlags, 0);
        } else {
            io_uring_prep_send(sqe, op.fd, rest.bytes, rest.count, kSendFlags);
        }
        return;
    }
    message = {};
    message.msg_iov = const_cast<iovec*>(rest.pieces);
    message.msg_iovlen = rest.count;
    if (is_zero_copy) {
        io_uring_prep_sendmsg_zc(sqe, op.fd, &message, kSendFlags);
    } else {
        io_uring_prep_sendmsg(sqe, op.fd, &message, kSendFlags);
    }
}

SendState send_answered(Op& op, std::int32_t result, std::uint32_t flags) noexcept {
    if ((flags & IORING_CQE_F_NOTIF) != 0) {
        // Where call_memory_back() was at work, nobody knows what has become of the bytes.
        return settle(op, op.cancelled && op.result > 0 ? -ECANCELED : op.result);
    }
    if ((flags & IORING_CQE_F_MORE) == 0) {
        return settle(op, result);
    }
    op.result = result;
    op.extra |= kMemoryOut;
    if (op.cancelled) {
        call_memory_back(op);
    }
    return SendState::memory_out;
}

bool is_memory_out(const Op& op) noexcept {
    return is_set(op, kMemoryOut);
}

// No request takes back what is in a socket's queue: the kernel holds it until the peer has
// acknowledged it, which may be never. The end of the connection empties the queue. After a send
// that was cut off, its stream is of no use to anybody.
void call_memory_back(Op& op) noexcept {
    if (op.result > 0) {
        kernel_abandon(op.fd);
    }
}

}  // namespace ferry::io
