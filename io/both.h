// both(): two tasks side by side.
#pragma once

#include <utility>

#include "io/task.h"

namespace ferry::io {

// Runs two tasks side by side and hands back both results. Neither is stopped when the other ends.
//
//   order  `a` starts first; both have run until their first wait before anything else runs
template <class A, class B>
Task<std::pair<A, B>> both(Task<A> a, Task<B> b) {
    a.start();
    b.start();
    auto first = co_await a;
    auto second = co_await b;
    co_return std::pair<A, B>(std::move(first), std::move(second));
}

inline Task<void> both(Task<void> a, Task<void> b) {
    a.start();
    b.start();
    co_await a;
    co_await b;
}

}  // namespace ferry::io
