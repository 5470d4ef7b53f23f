// How every ring of ours is made: for serving, and for finding out whether one can be had.
#pragma once

#include <liburing.h>

#include <cstdint>

namespace ferry::io {

inline constexpr unsigned kRequests = 256;  // per system call; more in one turn cost another call
// beyond these the kernel keeps them aside: slower, not lost
inline constexpr unsigned kAnswers = 4096;
inline constexpr std::uint16_t kSlotGroup = 0;

// The kernel answers to one thread (SINGLE_ISSUER), and only when it is asked (DEFER_TASKRUN):
// nothing interrupts that thread. One bad request does not hold back those behind it (SUBMIT_ALL).
inline io_uring_params uring_parameters() {
    io_uring_params chosen = {};
    chosen.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                   IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE;
    chosen.cq_entries = kAnswers;
    return chosen;
}

// How long the kernel's thread polls a queue that stays empty before it sleeps. Waking it costs the
// system call that it is there to spare; a hundredth of a second is some ten thousand of those.
inline constexpr unsigned kSubmissionIdleMilliseconds = 10;

// The same where a thread of the kernel takes the requests (SQPOLL). It runs their later steps as
// well, so DEFER_TASKRUN has no meaning, and is refused.
inline io_uring_params polled_parameters() {
    io_uring_params chosen = uring_parameters();
    chosen.flags &= ~IORING_SETUP_DEFER_TASKRUN;
    chosen.flags |= IORING_SETUP_SQPOLL;
    chosen.sq_thread_idle = kSubmissionIdleMilliseconds;
    return chosen;
}

}  // namespace ferry::io
