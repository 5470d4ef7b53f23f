// Task: a coroutine that is awaited exactly once; and the trampoline that resumes coroutines.
#pragma once

#include <cassert>
#include <coroutine>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <utility>

namespace ferry::io {

// The coroutine to run when the current one returns: one slot per thread.
inline thread_local std::coroutine_handle<> resume_next;

// Runs `h`, then whatever each finished task hands back, on one stack frame.
//
// Symmetric transfer would need a tail call, which gcc 12 makes at -O2 only and no ABI promises;
// here the depth of the stack is the depth of the code at every optimisation level.
inline void resume(std::coroutine_handle<> h) {
    while (h) {
        h.resume();
        h = std::exchange(resume_next, nullptr);
    }
}

// aside: started by both(), and nobody waits for it yet.
enum class Phase : std::uint8_t { idle, starting, aside, waiting, done };

struct TaskPromise {
    struct Final {
        bool await_ready() const noexcept { return false; }
        template <class P>
        void await_suspend(std::coroutine_handle<P> self) const noexcept {
            TaskPromise& me = self.promise();
            const Phase before = std::exchange(me.phase, Phase::done);
            if (before == Phase::waiting) {
                resume_next = me.parent;
            }
        }
        void await_resume() const noexcept {}
    };

    std::suspend_always initial_suspend() const noexcept { return {}; }
    Final final_suspend() const noexcept { return {}; }
    [[noreturn]] void unhandled_exception() const noexcept { std::abort(); }

    std::coroutine_handle<> parent;
    Phase phase = Phase::idle;
};

template <class T>
struct TaskResult {
    template <class U = T>
    void return_value(U&& u) {
        value.emplace(std::forward<U>(u));
    }
    T take() { return std::move(*value); }
    std::optional<T> value;
};

template <>
struct TaskResult<void> {
    void return_void() const noexcept {}
    void take() const noexcept {}
};

// A coroutine that starts when awaited, is awaited exactly once, and hands back one value.
//
//   lifetime  the Task owns its frame; destroying one that has started and not finished aborts
//   stack     a child runs nested until it first waits; a finished child hands its parent to the
//             trampoline, so depth never grows with the number of awaits
//   cost      one frame from operator new; no allocation per operation
template <class T = void>
class [[nodiscard]] Task {
public:
    struct promise_type : TaskPromise, TaskResult<T> {
        Task get_return_object() {
            return Task(std::coroutine_handle<promise_type>::from_promise(*this));
        }
    };

    Task(Task&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
    Task& operator=(Task&&) = delete;
    ~Task() {
        if (frame_) {
            const Phase phase = frame_.promise().phase;
            assert(phase == Phase::idle || phase == Phase::done);
            frame_.destroy();
        }
    }

    // Runs until the first wait without anybody waiting for the end; it is still awaited later.
    // Only both() needs this: everything else starts a task by awaiting it.
    void start() {
        promise_type& p = frame_.promise();
        assert(p.phase == Phase::idle);
        p.phase = Phase::starting;
        frame_.resume();
        if (p.phase == Phase::starting) {
            p.phase = Phase::aside;
        }
    }

    bool await_ready() const noexcept { return frame_.promise().phase == Phase::done; }
    bool await_suspend(std::coroutine_handle<> parent) {
        promise_type& p = frame_.promise();
        p.parent = parent;
        if (p.phase == Phase::idle) {
            start();
        }
        if (p.phase == Phase::done) {
            return false;
        }
        assert(p.phase == Phase::aside);
        p.phase = Phase::waiting;
        return true;
    }
    T await_resume() { return frame_.promise().take(); }

private:
    explicit Task(std::coroutine_handle<promise_type> frame) noexcept : frame_(frame) {}
    std::coroutine_handle<promise_type> frame_;
};

}  // namespace ferry::io
