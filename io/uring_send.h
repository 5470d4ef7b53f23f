// How a ring sends: a copy of the bytes, or (a switch) straight from the caller's memory.
#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <cstdint>

#include "io/op.h"

struct io_uring_sqe;

namespace ferry::io {

enum class Sending : std::uint8_t { copying, zero_copy };

// Below this a copy is cheaper. The kernel's manual (Documentation/networking/msg_zerocopy.rst)
// takes about 10 KB for the point where both ways cost the same, on a device that reads memory in
// pieces; three times that is clearly beyond, and every send of a busy direction is larger still.
inline constexpr std::size_t kZeroCopyBytes = 32 * 1024;

// Writes the request for what is still to be sent.
//
//   message  where the header of a send of pieces goes; it stays until the kernel has taken the
//            request out of the queue
void prepare_send(io_uring_sqe* sqe, Op& op, msghdr& message, Sending how) noexcept;

enum class SendState : std::uint8_t {
    answered,   // op.result is final
    again,      // is to be prepared once more: a part is left, or it goes by a copy after all
    memory_out  // the kernel has the bytes, and still looks at the caller's memory
};

// Books one of the kernel's answers. A copying send has one. A zero-copy send has two: how much was
// taken, and, when nobody looks at the memory any more, a notification.
SendState send_answered(Op& op, std::int32_t result, std::uint32_t flags) noexcept;

// Does nothing but the notification of this operation lack?
bool is_memory_out(const Op& op) noexcept;

// To be called when an operation in that state is asked to end: brings its notification about.
void call_memory_back(Op& op) noexcept;

}  // namespace ferry::io
