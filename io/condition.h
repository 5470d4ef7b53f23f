// Condition: coroutines of one core that wait for something to change.
#pragma once

#include <coroutine>

#include "io/list.h"
#include "io/op.h"
#include "io/result.h"

namespace ferry::io {

// Coroutines that wait for a change. It remembers nothing: look before waiting and again after.
//
//   while (!queue.ready()) { auto changed = co_await queue.changed.wait(scope); ... }
//
//   lifetime  nobody waits when it is destroyed
//   thread    one core only
class Condition {
public:
    class [[nodiscard]] Wait : Op {
    public:
        Wait(Condition& condition, Scope& its_scope) noexcept
            : Op(its_scope, Op::Kind::local, -1), condition_(condition) {}
        bool await_ready() const noexcept { return false; }
        bool await_suspend(std::coroutine_handle<> h) noexcept;
        Result<void> await_resume() const noexcept;

    private:
        Condition& condition_;
    };

    // Waits for the next notify.
    //
    //   errors  operation_canceled
    Wait wait(Scope& scope) noexcept { return Wait(*this, scope); }

    void
    notify_one() noexcept;  // the one that has waited longest; resumed in this turn, not in here
    void notify_all() noexcept;
    bool awaited() const noexcept { return !waiting_.empty(); }

private:
    List<Op, InQueue> waiting_;
};

}  // namespace ferry::io
