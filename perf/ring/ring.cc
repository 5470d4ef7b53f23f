#include "perf/ring/ring.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <bit>
#include <cassert>
#include <cerrno>
#include <cstring>

#include "io/uring_parameters.h"

namespace ferry::ring {

namespace {

double thread_seconds() {
    rusage usage = {};
    getrusage(RUSAGE_THREAD, &usage);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

}  // namespace

Pages::Pages(std::size_t bytes) {
    void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert(memory != MAP_FAILED);
    bytes_ = {static_cast<std::uint8_t*>(memory), bytes};
}

Pages::~Pages() {
    if (!bytes_.empty()) {
        munmap(bytes_.data(), bytes_.size());
    }
}

Ring::~Ring() {
    if (started_) {
        io_uring_queue_exit(&ring_);
    }
}

int Ring::start() {
    io_uring_params chosen = io::uring_parameters();
    const int made = io_uring_queue_init_params(io::kRequests, &ring_, &chosen);
    if (made < 0) {
        return made;
    }
    started_ = true;
    io_uring_register_ring_fd(&ring_);
    return 0;
}

bool Ring::knows(int operation) {
    io_uring_probe* probe = io_uring_get_probe_ring(&ring_);
    if (probe == nullptr) {
        return false;
    }
    const bool known = io_uring_opcode_supported(probe, operation) != 0;
    io_uring_free_probe(probe);
    return known;
}

int Ring::register_files(std::span<const int> files) {
    return io_uring_register_files(&ring_, files.data(), static_cast<unsigned>(files.size()));
}

int Ring::register_empty_files(unsigned count) {
    return io_uring_register_files_sparse(&ring_, count);
}

int Ring::register_buffers(std::span<const iovec> buffers) {
    return io_uring_register_buffers(&ring_, buffers.data(), static_cast<unsigned>(buffers.size()));
}

int Ring::share(std::uint32_t count, std::size_t bytes) {
    assert(slots_ == nullptr);
    assert(std::has_single_bit(count));
    slot_count_ = count;
    slot_bytes_ = bytes;
    places_memory_ = Pages(count * sizeof(io_uring_buf));
    memory_ = Pages(count * bytes);
    void* places = places_memory_.data();
    slots_ = static_cast<io_uring_buf_ring*>(places);
    io_uring_buf_reg place = {};
    place.ring_addr = std::bit_cast<std::uintptr_t>(slots_);
    place.ring_entries = count;
    place.bgid = io::kSlotGroup;
    const int registered = io_uring_register_buf_ring(&ring_, &place, 0);
    if (registered < 0) {
        return registered;
    }
    order_.resize(count);
    places_.resize(count);
    for (std::uint32_t slot = 0; slot < count; ++slot) {
        provide(static_cast<std::uint16_t>(slot));
    }
    return 0;
}

void Ring::provide(std::uint16_t slot) {
    const std::uint32_t place = provided_++ & (slot_count_ - 1);
    order_[place] = slot;
    places_[slot] = place;
    io_uring_buf_ring_add(slots_, memory_of(slot), static_cast<unsigned>(slot_bytes_), slot,
                          static_cast<int>(slot_count_ - 1), 0);
    io_uring_buf_ring_advance(slots_, 1);
}

std::uint16_t Ring::slot_after(std::uint16_t slot) const {
    return order_[(places_[slot] + 1) & (slot_count_ - 1)];
}

io_uring_sqe* Ring::request(Topic topic, std::uint32_t who) {
    io_uring_sqe* sqe = io_uring_get_sqe(&ring_);
    while (sqe == nullptr) {
        submit();
        sqe = io_uring_get_sqe(&ring_);
    }
    // The preparing functions leave the data as it is.
    sqe->user_data = (static_cast<std::uint64_t>(topic) << 32) | who;
    return sqe;
}

void Ring::submit() {
    ++enters_;
    const int sent = io_uring_submit(&ring_);
    assert(sent >= 0 || sent == -EAGAIN || sent == -EBUSY || sent == -EINTR);
    if (sent < 0) {
        io_uring_get_events(&ring_);
    }
}

void Ring::turn(std::vector<Answer>& answers) {
    ++enters_;
    const int entered = io_uring_submit_and_wait(&ring_, 1);
    assert(entered >= 0 || entered == -EINTR || entered == -EAGAIN || entered == -EBUSY);
    static_cast<void>(entered);
    answers.clear();
    io_uring_cqe* cqe = nullptr;
    unsigned head = 0;
    io_uring_for_each_cqe(&ring_, head, cqe) {
        answers.push_back({.topic = static_cast<Topic>(cqe->user_data >> 32),
                           .who = static_cast<std::uint32_t>(cqe->user_data),
                           .result = cqe->res,
                           .flags = cqe->flags});
    }
    io_uring_cq_advance(&ring_, static_cast<unsigned>(answers.size()));
}

Trouble trouble_of(const char* what, int error, Moved moved) {
    const bool is_refusal = error == -EINVAL || error == -EOPNOTSUPP || error == -ENOSYS ||
                            error == -EPERM || error == -EACCES || error == -ENOMEM;
    const auto kind =
        is_refusal && moved == Moved::nothing ? Trouble::Kind::refused : Trouble::Kind::wrong;
    return {.kind = kind, .words = fmt::format("{}: {}", what, std::strerror(-error))};
}

std::optional<Trouble> trouble_if(const char* what, int error) {
    if (error >= 0) {
        return std::nullopt;
    }
    return trouble_of(what, error, Moved::nothing);
}

Stopwatch::Stopwatch() : begun_(thread_seconds()) {}

double Stopwatch::seconds() const {
    return thread_seconds() - begun_;
}

}  // namespace ferry::ring
