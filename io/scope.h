// Scope: a lifetime, and the operations as awaitables that belong to one.
#pragma once

#include <coroutine>
#include <cstdint>

#include "io/list.h"
#include "io/op.h"
#include "io/result.h"
#include "io/task.h"
#include "io/timer.h"

namespace ferry::io {

class Loop;

// Why a scope was asked to end.
enum class Stop : std::uint8_t { none, deadline, idle, peer, removed, limit, shutdown };

struct InParent;

// A lifetime. Operations and children belong to exactly one scope; when it is stopped, each of them
// is asked to end, and the scope ends when the last of them has.
//
//   lifetime  outlives everything in it; the destructor asserts that nothing is left
//   after     once stopped, a new operation answers operation_canceled without reaching the kernel
//   nesting   stopping a scope stops the scopes inside it, for the same reason; a scope made inside
//             a stopped one is stopped from the beginning
//   thread    one core only
class Scope : private Timer, private Hook<InParent> {
public:
    explicit Scope(Loop& loop, Scope* parent = nullptr) noexcept;
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;
    ~Scope();

    void stop(Stop why) noexcept;  // idempotent; the first reason is kept
    bool stopping() const noexcept { return why_ != Stop::none; }
    Stop why() const noexcept { return why_; }

    void expire_at(TimePoint when) noexcept;   // stop(Stop::deadline) then; replaces an earlier one
    void clear_deadline() noexcept;            // takes expire_at back
    void idle_after(Duration quiet) noexcept;  // stop(Stop::idle) after so long without touch()
    void touch() noexcept;                     // one store; the timer looks when it fires
    TimePoint touched() const noexcept { return touched_; }

    // The only way to run something without awaiting it. It runs until its first wait in here.
    void spawn(Task<void> child);

    // Waits until no spawned child is left. A stop does not end the wait: it ends the children.
    class [[nodiscard]] Join {
    public:
        explicit Join(Scope& scope) noexcept : scope_(scope) {}
        bool await_ready() const noexcept { return scope_.running_ == 0; }
        void await_suspend(std::coroutine_handle<> waiter) noexcept;
        void await_resume() const noexcept {}

    private:
        Scope& scope_;
    };
    Join join() noexcept { return Join(*this); }

    // Is nothing left: no operation, no child, no scope inside?
    bool empty() const noexcept;
    Loop& loop() noexcept { return loop_; }

    // Takes an operation in, for the awaitables of this folder.
    //
    //   gives  false: the scope is stopping, the operation has answered operation_canceled
    bool enter(Op& op, std::coroutine_handle<> waiter) noexcept;
    // The same, and hands it to the backend.
    bool submit(Op& op, std::coroutine_handle<> waiter);

private:
    friend class List<Scope, InParent>;
    struct Detached;
    static Detached run(Scope& scope, Task<void> child);
    void child_ended() noexcept;
    TimePoint due() const noexcept;
    void arm() noexcept;
    void fire() noexcept override;

    Loop& loop_;
    TimePoint deadline_ = kNever;
    TimePoint touched_;
    Duration quiet_ = Duration::zero();  // zero: no idle timer
    TimePoint armed_for_ = kNever;
    List<Op, InScope> ops_;
    List<Scope, InParent> inner_;
    std::coroutine_handle<> joiner_;
    std::uint32_t running_ = 0;
    Stop why_ = Stop::none;
};

// An operation as an awaitable: joins its scope, submits, and turns the answer into a T.
//
// T is Result<void>, Result<std::size_t> (recv), Result<std::uint32_t> (poll) or Result<Accepted>.
template <class T>
class [[nodiscard]] OpAwait : Op {
public:
    OpAwait(Scope& its_scope, Op::Kind what, int descriptor, Op::Target on = {},
            std::size_t how_many = 0) noexcept
        : Op(its_scope, what, descriptor, on, how_many) {}
    OpAwait(Scope& its_scope, Op::Kind what, int descriptor, std::uint32_t events) noexcept
        : Op(its_scope, what, descriptor) {
        extra = events;
    }
    bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> h) { return scope->submit(*this, h); }
    T await_resume();
};

// A negated errno as an error, anything else as success.
inline Result<void> answer(const Op& op) {
    if (op.result < 0) {
        return std::unexpected(std::errc(-op.result));
    }
    return {};
}

template <>
inline Result<void> OpAwait<Result<void>>::await_resume() {
    return answer(*this);
}
template <>
Result<std::size_t> OpAwait<Result<std::size_t>>::await_resume();
template <>
Result<std::uint32_t> OpAwait<Result<std::uint32_t>>::await_resume();

}  // namespace ferry::io
