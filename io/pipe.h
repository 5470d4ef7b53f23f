// Pipe and PipePool: bytes on their way from one socket to another, inside the kernel.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "io/backend.h"
#include "io/result.h"
#include "io/socket.h"

namespace ferry::io {

class Loop;
class PipePool;

// One pipe, or none. Bytes go in from one socket and out to another; no copy of them is made.
//
//   lifetime  goes back to its pool when destroyed; one with bytes in it is closed instead, because
//             nobody may find them there later
//   waiting   neither call waits: Loop::poll tells when trying again makes sense
class Pipe {
public:
    Pipe() noexcept = default;
    Pipe(Pipe&& other) noexcept;
    Pipe& operator=(Pipe&&) = delete;
    ~Pipe();

    explicit operator bool() const noexcept { return pool_ != nullptr; }

    // Moves what has arrived at `from` into the pipe.
    //
    //   gives   bytes; 0 at the end of the stream, or where only a receive can tell what is there
    //   errors  operation_would_block; otherwise what the kernel said
    Result<std::size_t> fill(const Socket& from) noexcept;
    // Moves what is in the pipe to `to`, as far as it takes it.
    //
    //   errors  operation_would_block; otherwise what the kernel said
    Result<std::size_t> drain(const Socket& to) noexcept;

    std::size_t held_bytes() const noexcept { return held_bytes_; }

private:
    friend class PipePool;
    Pipe(PipePool& pool, PipeEnds ends) noexcept : pool_(&pool), ends_(ends) {}

    PipePool* pool_ = nullptr;
    PipeEnds ends_{};
    std::size_t held_bytes_ = 0;
};

// The pipes of one core.
//
//   limit     pipes in use; each takes two descriptors. A few empty ones are kept open
//   lifetime  every pipe is back when the pool is destroyed; it asserts so
//   thread    one core only
class PipePool {
public:
    PipePool(Loop& loop, std::uint32_t limit) noexcept : loop_(loop), limit_(limit) {}
    PipePool(const PipePool&) = delete;
    PipePool& operator=(const PipePool&) = delete;
    ~PipePool();

    // A pipe, or none at once if the limit is reached or the system has none that is large enough.
    Pipe try_take();

    std::uint32_t in_use() const noexcept { return in_use_; }
    std::uint64_t taken() const noexcept { return taken_; }          // so far
    std::uint64_t shortages() const noexcept { return shortages_; }  // how often there was none

    // What a pipe can hold at least, in pages: with frames of a network card, each piece of 1 448
    // bytes takes one. More than this would soon reach the limit of an unprivileged user (64 MiB).
    static constexpr std::size_t kPipeBytes = 256 * 1024;

private:
    friend class Pipe;
    void give_back(PipeEnds ends, std::size_t held_bytes) noexcept;
    void close(PipeEnds ends) noexcept;

    Loop& loop_;
    std::uint32_t limit_;
    std::uint32_t in_use_ = 0;
    std::uint64_t taken_ = 0;
    std::uint64_t shortages_ = 0;
    std::vector<PipeEnds> kept_;
};

}  // namespace ferry::io
