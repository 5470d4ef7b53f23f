// Descriptor: a file descriptor with an owner, not yet a Socket.
#pragma once

#include <utility>

#include "io/loop.h"

namespace ferry::io {

// A descriptor that is closed by its owner. It belongs to a core, but to no scope yet.
class Descriptor {
public:
    Descriptor() noexcept = default;
    Descriptor(Loop& loop, int fd) noexcept : loop_(&loop), fd_(fd) {}
    Descriptor(Descriptor&& other) noexcept
        : loop_(other.loop_), fd_(std::exchange(other.fd_, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        if (this != &other) {
            close();
            loop_ = other.loop_;
            fd_ = std::exchange(other.fd_, -1);
        }
        return *this;
    }
    ~Descriptor() { close(); }

    explicit operator bool() const noexcept { return fd_ >= 0; }
    int fd() const noexcept { return fd_; }
    int release() noexcept { return std::exchange(fd_, -1); }  // the caller closes it from now on
    void close(Farewell farewell = Farewell::normal) noexcept {
        if (fd_ >= 0) {
            loop_->close(release(), farewell);
        }
    }

private:
    Loop* loop_ = nullptr;
    int fd_ = -1;
};

}  // namespace ferry::io
