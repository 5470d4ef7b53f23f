// Yield: lets whoever else is ready on a loop go first.
#pragma once

#include <coroutine>

#include "io/loop.h"

namespace ferry::test {

class Yield {
public:
    explicit Yield(io::Loop& loop) : loop_(loop) {}
    bool await_ready() const { return false; }
    void await_suspend(std::coroutine_handle<> h) { loop_.post(h); }
    void await_resume() const {}

private:
    io::Loop& loop_;
};

}  // namespace ferry::test
