// Epoll: the Backend for machines where io_uring is not to be had, or where sockets are hooked.
#pragma once

#include <memory>

#include "io/backend.h"
#include "io/result.h"

namespace ferry::io {

// Makes a backend over epoll, with the same promises as the ring's.
Result<std::unique_ptr<Backend>> make_epoll();

}  // namespace ferry::io
