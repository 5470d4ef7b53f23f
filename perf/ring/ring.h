// Ring: a ring as io/uring.cc makes it, bare, so that every way to ask the kernel can be tried.
#pragma once

#include <liburing.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "perf/ring/variant.h"

namespace ferry::ring {

// Of linux/io_uring.h of Linux 6.18; liburing 2.3 does not know them.
inline constexpr unsigned kSendZcReportUsage = 1U << 3;     // in ioprio, since 6.2
inline constexpr unsigned kBundle = 1U << 4;                // in ioprio, since 6.10
inline constexpr unsigned kFeatureBundle = 1U << 14;        // of the ring
inline constexpr std::uint32_t kNotifiedCopied = 1U << 31;  // in the result of a notification

// Whether the sockets are named to the kernel by descriptors or by places in a table of the ring.
enum class Files : std::uint8_t { descriptors, registered };

// What a request is about.
enum class Topic : std::uint8_t { receive, send, accept, close };

// The flags of every send: those of io/uring.cc.
inline constexpr int kSendFlags = MSG_WAITALL | MSG_NOSIGNAL;

// One answer of the kernel, with what the request has said about itself.
struct Answer {
    Topic topic;
    std::uint32_t who;
    std::int32_t result;
    std::uint32_t flags;

    bool has(std::uint32_t flag) const { return (flags & flag) != 0; }
    std::uint16_t slot() const {
        return static_cast<std::uint16_t>(flags >> IORING_CQE_BUFFER_SHIFT);
    }
};

// Memory of whole pages, as the pools of the program have it: where a buffer begins is part of what
// copying into it costs.
class Pages {
public:
    Pages() = default;
    explicit Pages(std::size_t bytes);
    Pages(Pages&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
    Pages& operator=(Pages&& other) noexcept {
        std::swap(bytes_, other.bytes_);
        return *this;
    }
    ~Pages();

    std::uint8_t* data() const { return bytes_.data(); }
    std::size_t size() const { return bytes_.size(); }

private:
    std::span<std::uint8_t> bytes_;
};

// A ring with at most one group of slots, which the kernel picks from.
//
//   thread  one only
//   errors  of start(), register_*() and share(): 0, or a negated errno
class Ring {
public:
    Ring() = default;
    Ring(const Ring&) = delete;
    Ring& operator=(const Ring&) = delete;
    ~Ring();

    int start();
    bool knows(int operation);
    bool has_feature(unsigned feature) const { return (ring_.features & feature) != 0; }

    int register_files(std::span<const int> files);
    int register_empty_files(unsigned count);
    int register_buffers(std::span<const iovec> buffers);

    int share(std::uint32_t count, std::size_t bytes);  // slots; all of them are provided
    void provide(std::uint16_t slot);
    std::uint8_t* memory_of(std::uint16_t slot) { return memory_.data() + slot * slot_bytes_; }
    // The slot that the kernel takes after `slot`; it takes them in the order of provide().
    std::uint16_t slot_after(std::uint16_t slot) const;

    // The next free place for a request; `topic` and `who` come back with the answer.
    io_uring_sqe* request(Topic topic, std::uint32_t who);
    unsigned free_places() const { return io_uring_sq_space_left(&ring_); }
    void submit();
    // Submits, sleeps until there is an answer, and collects all there are.
    void turn(std::vector<Answer>& answers);
    std::uint64_t enters() const { return enters_; }

private:
    io_uring ring_ = {};
    bool started_ = false;
    std::uint64_t enters_ = 0;

    Pages places_memory_;
    Pages memory_;
    io_uring_buf_ring* slots_ = nullptr;
    std::size_t slot_bytes_ = 0;
    std::uint32_t slot_count_ = 0;       // a power of two
    std::uint32_t provided_ = 0;         // so far
    std::vector<std::uint16_t> order_;   // by place in the kernel's ring of slots: which slot
    std::vector<std::uint32_t> places_;  // by slot: which place
};

// Names a socket by its place in the table that register_files() has made.
inline void use_registered(io_uring_sqe* sqe, std::uint32_t place) {
    sqe->fd = static_cast<int>(place);
    sqe->flags |= IOSQE_FIXED_FILE;
}

// The trouble that a negated errno makes.
//
//   moved  has the variant done anything yet? Then it is no refusal any more
enum class Moved : std::uint8_t { nothing, something };
Trouble trouble_of(const char* what, int error, Moved moved);

// The trouble of a preparation step, if it has one.
std::optional<Trouble> trouble_if(const char* what, int error);

// User and system time of the calling thread, from its making on.
class Stopwatch {
public:
    Stopwatch();
    double seconds() const;

private:
    double begun_;
};

}  // namespace ferry::ring
