// Uring: the Backend over io_uring. No header that others include needs liburing.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "io/backend.h"
#include "io/result.h"

namespace ferry::io {

// What this machine lacks for Uring, in words for the log; empty if nothing.
std::string uring_missing();

// What a ring can do besides, each off unless it is asked for: whether it pays depends on the host.
struct UringSwitches {
    // Large sends leave from the caller's memory. The answer comes when the peer has acknowledged
    // the last byte, and a send that is asked to end may reset its connection.
    bool zero_copy_send = false;
    // So long a wait looks at the queues of the network devices itself, before it sleeps; 0: not.
    std::uint32_t busy_poll_microseconds = 0;
    // A thread of the kernel takes the requests, without a system call; it keeps a core busy.
    bool submission_polling = false;
};

// Why a switch is off that was asked for; empty: it is not.
struct UringRefusals {
    std::string zero_copy_send;
    std::string busy_poll;
    std::string submission_polling;
};

struct MadeUring {
    std::unique_ptr<Backend> backend;
    UringSwitches on;
    UringRefusals refused;
};

// Makes a ring. It belongs to the calling thread: submissions from another one are refused. A
// switch that the kernel refuses is off, and is no error.
//
//   errors  what the kernel said; uring_missing() has words for it
//   cost    a ring of 256 requests and 4096 answers, which some kernels (seen: 6.18) count against
//           RLIMIT_MEMLOCK where CAP_IPC_LOCK is missing
Result<MadeUring> make_uring(const UringSwitches& wanted);
Result<std::unique_ptr<Backend>> make_uring();

}  // namespace ferry::io
