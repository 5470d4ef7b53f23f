#include "io/pipe.h"

#include <cassert>
#include <utility>

#include "io/loop.h"

namespace ferry::io {

namespace {

// Making a pipe costs a few microseconds, and a busy moment is over soon: these few stay open.
constexpr std::size_t kKeptMost = 16;

}  // namespace

Pipe::Pipe(Pipe&& other) noexcept
    : pool_(std::exchange(other.pool_, nullptr)),
      ends_(other.ends_),
      held_bytes_(std::exchange(other.held_bytes_, 0)) {}

Pipe::~Pipe() {
    if (pool_ != nullptr) {
        pool_->give_back(ends_, held_bytes_);
    }
}

Result<std::size_t> Pipe::fill(const Socket& from) noexcept {
    assert(pool_ != nullptr);
    auto moved = pool_->loop_.backend().fill_pipe(ends_.write, from.fd(), PipePool::kPipeBytes);
    held_bytes_ += moved.value_or(0);
    return moved;
}

Result<std::size_t> Pipe::drain(const Socket& to) noexcept {
    assert(held_bytes_ > 0);
    auto moved = pool_->loop_.backend().drain_pipe(ends_.read, to.fd(), held_bytes_);
    assert(moved.value_or(0) <= held_bytes_);
    held_bytes_ -= moved.value_or(0);
    return moved;
}

PipePool::~PipePool() {
    assert(in_use_ == 0);
    for (const PipeEnds& ends : kept_) {
        close(ends);
    }
}

Pipe PipePool::try_take() {
    if (in_use_ < limit_ && kept_.empty()) {
        if (const auto made = loop_.backend().pipe(kPipeBytes)) {
            kept_.push_back(*made);
        }
    }
    if (in_use_ == limit_ || kept_.empty()) {
        ++shortages_;
        return {};
    }
    const PipeEnds ends = kept_.back();
    kept_.pop_back();
    ++in_use_;
    ++taken_;
    return {*this, ends};
}

void PipePool::give_back(PipeEnds ends, std::size_t held_bytes) noexcept {
    assert(in_use_ > 0);
    --in_use_;
    if (held_bytes == 0 && kept_.size() < kKeptMost) {
        kept_.push_back(ends);
    } else {
        close(ends);
    }
}

void PipePool::close(PipeEnds ends) noexcept {
    loop_.close(ends.read, Farewell::normal);
    loop_.close(ends.write, Farewell::normal);
}

}  // namespace ferry::io
