#include "io/condition.h"

#include "io/loop.h"
#include "io/scope.h"

namespace ferry::io {

bool Condition::Wait::await_suspend(std::coroutine_handle<> h) noexcept {
    if (!scope->enter(*this, h)) {
        return false;
    }
    condition_.waiting_.push_back(*this);
    return true;
}

Result<void> Condition::Wait::await_resume() const noexcept {
    return answer(*this);
}

void Condition::notify_one() noexcept {
    if (Op* op = waiting_.pop_front()) {
        op->scope->loop().finish(*op, 0);
    }
}

void Condition::notify_all() noexcept {
    while (Op* op = waiting_.pop_front()) {
        op->scope->loop().finish(*op, 0);
    }
}

}  // namespace ferry::io
