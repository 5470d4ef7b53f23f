// Outcome: the one word a session ends with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string_view>

#include "io/result.h"
#include "io/scope.h"

namespace ferry::core {

// One counter each, and one field of the log line. From best to worst: when the two directions of
// a session disagree, the later one is the session's.
enum class Outcome : std::uint8_t {
    finished,  // both directions ended properly
    idle,
    refused,      // a limit, or a rule that says block
    bad_request,  // any Fault before the request was understood
    handshake_timeout,
    no_address,  // the name could not be resolved
    dial_failed,
    dial_timeout,
    client_lost,
    target_lost,
    wire_fault,  // any Fault after the request was understood
    removed,     // the user is gone
    over_limit,
    shut_down,
};
inline constexpr std::size_t kOutcomeCount = 14;

template <class T>
using Step = std::expected<T, Outcome>;

std::string_view name_of(Outcome outcome) noexcept;

// What the log calls it: a short sentence for people.
std::string_view words_of(Outcome outcome) noexcept;

inline Outcome worse_of(Outcome a, Outcome b) noexcept { return a < b ? b : a; }

// Must the other side be told by a reset, so that a cut is not mistaken for an end?
bool is_cut(Outcome outcome) noexcept;

// What a scope's reason means for the session in it; `otherwise` where the scope was not stopped.
Outcome outcome_of(io::Stop why, Outcome deadline, Outcome otherwise) noexcept;

}  // namespace ferry::core
