// How a row keeps its own type in the opaque storage of AeadState, BlockState or TrialKeys.
#pragma once

#include <iterator>
#include <memory>
#include <new>
#include <type_traits>

namespace ferry::crypto {

// Begins the life of a T in `state`, all zero. T has no destructor: the owner of the state wipes
// it.
template <class T, class State>
T& make_in(State& state) noexcept {
    static_assert(std::is_trivially_destructible_v<T>);
    static_assert(sizeof(T) <= sizeof(State::bytes));
    static_assert(alignof(T) <= alignof(State));
    return *new (std::data(state.bytes)) T{};
}

// The T that make_in() put there.
template <class T, class State>
T& in(State& state) noexcept {
    return *std::launder(static_cast<T*>(static_cast<void*>(std::data(state.bytes))));
}

template <class T, class State>
const T& in(const State& state) noexcept {
    return *std::launder(static_cast<const T*>(static_cast<const void*>(std::data(state.bytes))));
}

}  // namespace ferry::crypto
