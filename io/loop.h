// Loop: one core. It completes operations, fires timers and resumes coroutines.
#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "io/backend.h"
#include "io/buffer.h"
#include "io/condition.h"
#include "io/result.h"
#include "io/scope.h"
#include "io/timer.h"

namespace ferry::io {

class Mailbox;

// A pause as an awaitable.
class [[nodiscard]] Sleep : Op, Timer {
public:
    Sleep(Scope& its_scope, TimePoint when) noexcept;
    bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> h) noexcept;
    Result<void> await_resume() noexcept;

private:
    void fire() noexcept override;
    TimePoint when_;
};

// One core. A turn: wait, collect every answer, resume each waiter, then fire timers.
//
//   lifetime  the backend and the `in` pool outlive it; scopes and sockets do not
//   thread    the one that made the backend; only wake() of the backend may be called from others
class Loop {
public:
    Loop(Backend& backend, BufferPool& in);
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;
    ~Loop();

    void run(Scope& root);       // turns until nothing is left in root
    void turn(TimePoint until);  // one turn, which sleeps until `until` at the latest
    // When the next turn has something to do without an answer from outside; kNever: no such time.
    TimePoint due() const noexcept;

    TimePoint now() const noexcept { return now_; }  // constant within a turn
    std::int64_t unix_seconds() const noexcept { return backend_.unix_seconds(); }

    // Resumes a coroutine in this turn (in a later one if this turn has resumed very many), never
    // nested in the caller.
    void post(std::coroutine_handle<> later) { ready_.push_back(later); }
    // Answers a local operation: its waiter is posted.
    void finish(Op& op, std::int32_t result) noexcept;

    // Waits until `when`.
    //
    //   errors  operation_canceled
    Sleep sleep_until(Scope& scope, TimePoint when) noexcept { return Sleep(scope, when); }
    Sleep sleep_for(Scope& scope, Duration time) noexcept { return Sleep(scope, now_ + time); }

    // Waits until a descriptor that somebody else owns can be read or written.
    //
    //   events  POLLIN, POLLOUT
    //   gives   the events that are there, POLLERR and POLLHUP among them
    OpAwait<Result<std::uint32_t>> poll(Scope& scope, int fd, std::uint32_t events) noexcept {
        return OpAwait<Result<std::uint32_t>>(scope, Op::Kind::poll, fd, events);
    }

    // Lets a descriptor go, and tells those that wait for a free one.
    void close(int fd, Farewell farewell) noexcept;
    Condition& descriptor_freed() noexcept { return descriptor_freed_; }

    Backend& backend() noexcept { return backend_; }
    BufferPool& in() noexcept { return in_; }
    TimerWheel& timers() noexcept { return timers_; }

private:
    friend class Mailbox;
    void collect(Op& op);
    void resume_ready();

    Backend& backend_;
    BufferPool& in_;
    TimePoint now_;
    std::vector<std::coroutine_handle<>> ready_;
    std::vector<Op*> done_;
    Mailbox* mailbox_ = nullptr;
    Condition descriptor_freed_;
    TimerWheel timers_;
    bool turning_ = false;
};

}  // namespace ferry::io
