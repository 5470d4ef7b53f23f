// Uring: the Backend over io_uring. The only file that includes liburing is uring.cc.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "io/backend.h"
#include "io/result.h"

namespace ferry::io {

// What this machine lacks for Uring, in words for the log; empty if nothing.
std::string uring_missing();

// Makes a ring. It belongs to the calling thread: submissions from another one are refused.
//
//   errors  what the kernel said; uring_missing() has words for it
//   cost    a ring of 256 requests and 4096 answers; RLIMIT_MEMLOCK matters before Linux 5.12 only
Result<std::unique_ptr<Backend>> make_uring();

}  // namespace ferry::io
