// What this machine lacks for the ring.
#include <liburing.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string>

#include "io/uring.h"
#include "io/uring_parameters.h"

namespace ferry::io {
namespace {

// Does the kernel know every operation that prepare() asks for?
bool knows_operations(io_uring& ring) {
    static constexpr std::array kNeeded = {
        IORING_OP_ACCEPT,  IORING_OP_CONNECT,  IORING_OP_RECV,     IORING_OP_SEND,
        IORING_OP_SENDMSG, IORING_OP_SHUTDOWN, IORING_OP_POLL_ADD, IORING_OP_ASYNC_CANCEL};
    io_uring_probe* probe = io_uring_get_probe_ring(&ring);
    if (probe == nullptr) {
        return false;
    }
    const bool all = std::ranges::all_of(
        kNeeded, [probe](int code) { return io_uring_opcode_supported(probe, code) != 0; });
    io_uring_free_probe(probe);
    return all;
}

bool takes_slots(io_uring& ring) {
    const std::size_t bytes = 8 * sizeof(io_uring_buf);
    void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        return false;
    }
    io_uring_buf_reg place = {};
    place.ring_addr = reinterpret_cast<std::uintptr_t>(memory);
    place.ring_entries = 8;
    place.bgid = kSlotGroup;
    const bool taken = io_uring_register_buf_ring(&ring, &place, 0) == 0;
    if (taken) {
        io_uring_unregister_buf_ring(&ring, kSlotGroup);
    }
    munmap(memory, bytes);
    return taken;
}

std::string words_for(int error) {
    std::string words = "io_uring_setup: ";
    words += std::strerror(error);
    switch (error) {
        case EPERM:
            words += " (forbidden by kernel.io_uring_disabled or by the container's profile)";
            break;
        case ENOSYS:
            words += " (the kernel has none, or a filter hides it)";
            break;
        case EINVAL:
            words += " (needs Linux 6.1)";
            break;
        case ENOMEM:
            words += " (RLIMIT_MEMLOCK may be too low)";
            break;
        default:
            break;
    }
    return words;
}

}  // namespace

std::string uring_missing() {
    io_uring ring = {};
    io_uring_params chosen = uring_parameters();
    if (const int made = io_uring_queue_init_params(kRequests, &ring, &chosen); made < 0) {
        return words_for(-made);
    }
    std::string missing;
    if ((chosen.features & IORING_FEAT_EXT_ARG) == 0) {
        missing = "io_uring: waiting with a timeout needs Linux 5.11";
    } else if (!knows_operations(ring)) {
        missing = "io_uring: an operation is unknown to this kernel or forbidden";
    } else if (!takes_slots(ring)) {
        missing = "io_uring: provided-buffer rings need Linux 5.19";
    }
    io_uring_queue_exit(&ring);
    return missing;
}

}  // namespace ferry::io
