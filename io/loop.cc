#include "io/loop.h"

#include <algorithm>
#include <cassert>

#include "io/mailbox.h"
#include "io/task.h"

namespace ferry::io {

namespace {

// Coroutines that post each other must not keep answers and timers from being looked at.
constexpr std::size_t kResumesPerPass = 4096;

// A receive of no more than this is not bulk. What a send has sent is not told.
constexpr std::int32_t kSmallBytes = 16 * 1024;

}  // namespace

Loop::Loop(Backend& backend, BufferPool& in) : backend_(backend), in_(in), now_(backend.now()) {
    in_.feed(backend_);
}

Loop::~Loop() {
    assert(ready_.empty());
    assert(mailbox_ == nullptr);
    in_.unfeed();
}

void Loop::run(Scope& root) {
    // A joiner that was posted when the last child ended is still to be resumed.
    while (!root.empty() || !ready_.empty()) {
        turn(kNever);
    }
}

void Loop::turn(TimePoint until) {
    assert(!turning_);
    turning_ = true;
    in_.top_up();
    done_.clear();
    backend_.wait(std::min(until, due()), done_);
    now_ = std::max(now_, backend_.now());
    // Collected first, resumed later: a stop never names an operation that has answered.
    // Small answers come first: their work is short, and whoever waits for it feels a bulk stream
    // that is served before.
    for (Op* op : done_) {
        if (op->result <= kSmallBytes) {
            collect(*op);
        }
    }
    for (Op* op : done_) {
        if (op->result > kSmallBytes) {
            collect(*op);
        }
    }
    if (mailbox_ != nullptr) {
        mailbox_->deliver();
    }
    // Timers come after the answers: what arrived in time is not called late.
    resume_ready();
    timers_.fire(now_);
    resume_ready();
    turning_ = false;
}

TimePoint Loop::due() const noexcept {
    return ready_.empty() ? timers_.next() : now_;
}

void Loop::collect(Op& op) {
    assert(op.in_flight());
    assert(!op.queued());
    op.Hook<InScope>::unlink();
    post(op.waiter);
}

void Loop::finish(Op& op, std::int32_t result) noexcept {
    assert(op.kind == Op::Kind::local);
    assert(op.in_flight());
    op.result = result;
    op.Hook<InScope>::unlink();
    op.Hook<InQueue>::unlink();
    post(op.waiter);
}

void Loop::resume_ready() {
    const std::size_t limit = std::max(ready_.size(), kResumesPerPass);
    std::size_t resumed = 0;
    // By index: what is resumed may post more, and the vector may move.
    while (resumed < ready_.size() && resumed < limit) {
        resume(ready_[resumed++]);
    }
    ready_.erase(ready_.begin(), ready_.begin() + static_cast<std::ptrdiff_t>(resumed));
}

void Loop::close(int fd, Farewell farewell) noexcept {
    backend_.close(fd, farewell);
    descriptor_freed_.notify_all();
}

Sleep::Sleep(Scope& its_scope, TimePoint when) noexcept
    : Op(its_scope, Op::Kind::local, -1), when_(when) {}

bool Sleep::await_suspend(std::coroutine_handle<> h) noexcept {
    if (!scope->enter(*this, h)) {
        return false;
    }
    scope->loop().timers().arm(*this, when_);
    return true;
}

Result<void> Sleep::await_resume() noexcept {
    scope->loop().timers().disarm(*this);
    return answer(*this);
}

void Sleep::fire() noexcept {
    // The stop of the scope may have come first; its answer is on the way already.
    if (in_flight()) {
        scope->loop().finish(*this, 0);
    }
}

}  // namespace ferry::io
