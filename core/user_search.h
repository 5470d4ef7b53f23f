// The search for the user behind an auth id: known addresses first, strangers within a budget.
#pragma once

#include <optional>

#include "core/known_addresses.h"
#include "core/outcome.h"
#include "core/trial_budget.h"
#include "core/users.h"
#include "io/task.h"

namespace ferry::core {

struct Session;

// What one core remembers of those who come to it.
struct UserSearch {
    UserSearch(std::uint64_t seed, const TrialRates& rates, std::size_t known_addresses) noexcept
        : known(seed, known_addresses), budget(seed, rates) {}

    KnownAddresses known;
    TrialBudget budget;
};

// Who is calling, as far as the auth id tells.
struct Caller {
    UserRef user;
    std::optional<TrialBudget::Booking> booking;  // of a search; none: there has been none
    std::optional<std::int64_t> signed_at;        // the time of the older header's token
};

// Is it a user who is known at the peer's address, and is it their time?
//
//   cost  a few AES blocks
bool find_known(Session& session, const UserTable& table, Caller& caller);

// Finds the user whose auth id stands at the front of the session's `early`, and whose time it is,
// of those whom find_known() does not know. All users of the table are tried, as soon as the budget
// allows; it may wait for that, within the session's deadline.
//
//   caller  what the search has cost is in it even if nobody has been found
//   gives   bad_request: nobody, the wrong time, or a stranger beyond the budget; handshake_timeout
//   logs    a clock that is off, once per user and minute
io::Task<Step<void>> find_user(Session& session, const UserTable& table, Caller& caller);

// Who of a small table sent the auth id, of those who are in time; nobody is said about others.
//
//   cost  table.trials() AES blocks, without any budget
UserRef user_in_time(Session& session, const UserTable& table);

// The caller has proven to be that user: the address is known from now on.
void welcome(Session& session, const Caller& caller);

// The caller is nobody, or has proven nothing.
void turn_away(Session& session, const Caller& caller);

}  // namespace ferry::core
