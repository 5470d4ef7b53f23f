#include "io/scope.h"

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstdlib>
#include <utility>

#include "io/buffer.h"
#include "io/loop.h"

namespace ferry::io {

Scope::Scope(Loop& loop, Scope* parent) noexcept : loop_(loop), touched_(loop.now()) {
    if (parent != nullptr) {
        parent->inner_.push_back(*this);
        why_ = parent->why_;
    }
}

Scope::~Scope() {
    assert(running_ == 0);
    assert(ops_.empty());
    assert(inner_.empty());
    assert(!joiner_);
    loop_.timers().disarm(*this);
    Hook<InParent>::unlink();
}

void Scope::stop(Stop why) noexcept {
    assert(why != Stop::none);
    if (stopping()) {
        return;
    }
    why_ = why;
    loop_.timers().disarm(*this);
    // Nothing resumes in here, and answers are collected in wait() only: the lists lose nothing but
    // the local operation that is being finished.
    ops_.each([this](Op& op) {
        op.cancelled = true;
        if (op.kind == Op::Kind::local) {
            loop_.finish(op, -ECANCELED);
        } else {
            loop_.backend().cancel(op);
        }
    });
    inner_.each([why](Scope& scope) { scope.stop(why); });
}

void Scope::expire_at(TimePoint when) noexcept {
    deadline_ = when;
    arm();
}

void Scope::clear_deadline() noexcept {
    deadline_ = kNever;  // the timer may still fire once, and finds nothing to do
}

void Scope::idle_after(Duration quiet) noexcept {
    quiet_ = quiet;
    touched_ = loop_.now();
    arm();
}

void Scope::touch() noexcept {
    touched_ = loop_.now();
}

TimePoint Scope::due() const noexcept {
    const TimePoint idle = quiet_ > Duration::zero() ? touched_ + quiet_ : kNever;
    return std::min(deadline_, idle);
}

// One timer serves both purposes. It is moved only if it would be late; where it is early, it looks
// and arms itself again, so that setting a later time costs nothing.
void Scope::arm() noexcept {
    if (stopping()) {
        return;
    }
    const TimePoint when = due();
    if (armed() && armed_for_ <= when) {
        return;
    }
    armed_for_ = when;
    loop_.timers().arm(*this, when);
}

void Scope::fire() noexcept {
    if (deadline_ <= loop_.now()) {
        stop(Stop::deadline);
    } else if (due() <= loop_.now()) {
        stop(Stop::idle);
    } else {
        arm();
    }
}

bool Scope::empty() const noexcept {
    return running_ == 0 && ops_.empty() && inner_.empty();
}

bool Scope::enter(Op& op, std::coroutine_handle<> waiter) noexcept {
    if (stopping()) {
        op.result = -ECANCELED;
        return false;
    }
    op.waiter = waiter;
    ops_.push_back(op);
    return true;
}

bool Scope::submit(Op& op, std::coroutine_handle<> waiter) {
    if (!enter(op, waiter)) {
        return false;
    }
    loop_.backend().submit(op);
    return true;
}

// The frame around a spawned child: it starts at once, belongs to nobody, and ends with the child.
struct Scope::Detached {
    struct promise_type {
        Detached get_return_object() const noexcept { return {}; }
        std::suspend_never initial_suspend() const noexcept { return {}; }
        std::suspend_never final_suspend() const noexcept { return {}; }
        void return_void() const noexcept {}
        [[noreturn]] void unhandled_exception() const noexcept { std::abort(); }
    };
};

void Scope::spawn(Task<void> child) {
    ++running_;
    run(*this, std::move(child));
}

Scope::Detached Scope::run(Scope& scope, Task<void> child) {
    {
        // The child's frame, with everything that its parameters own, goes before it counts as
        // ended.
        Task<void> owned = std::move(child);
        co_await owned;
    }
    scope.child_ended();
}

void Scope::child_ended() noexcept {
    --running_;
    if (running_ == 0 && joiner_) {
        loop_.post(std::exchange(joiner_, nullptr));
    }
}

void Scope::Join::await_suspend(std::coroutine_handle<> waiter) noexcept {
    assert(!scope_.joiner_);
    scope_.joiner_ = waiter;
}

template <>
Result<std::size_t> OpAwait<Result<std::size_t>>::await_resume() {
    if (slot != kNoSlot) {
        // The slot has an owner again even where nothing is in it.
        Buffer filled = scope->loop().in().adopt(slot, std::max(result, 0));
        if (result > 0) {
            *target.buffer = std::move(filled);
        }
    } else if (result > 0) {
        target.buffer->commit(static_cast<std::size_t>(result));
    }
    if (result < 0) {
        return std::unexpected(std::errc(-result));
    }
    return static_cast<std::size_t>(result);
}

template <>
Result<std::uint32_t> OpAwait<Result<std::uint32_t>>::await_resume() {
    if (result < 0) {
        return std::unexpected(std::errc(-result));
    }
    return static_cast<std::uint32_t>(result);
}

}  // namespace ferry::io
