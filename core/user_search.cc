#include "core/user_search.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "core/inbound.h"
#include "core/session.h"
#include "proto/vmess/auth_id.h"

namespace ferry::core {
namespace {

namespace vmess = proto::vmess;

KnownAddresses::Key key_of(const Session& session) {
    return {PeerAddress(session.peer), session.inbound.place};
}

std::span<const std::uint8_t, vmess::kAuthIdBytes> auth_id_of(Session& session) {
    return ByteView(session.early.data()).first<vmess::kAuthIdBytes>();
}

// One of those that match, and how far their clock is from ours.
struct Match {
    UserRef user;
    std::int64_t ahead = 0;
    bool is_in_time = false;
};

// A peer may choose any time of 64 bits: one that is so far off that the difference would overflow
// is as good as one that is not quite so far.
std::int64_t ahead_of(std::int64_t now, std::int64_t time) {
    constexpr std::int64_t kFar = std::int64_t{1} << 62;
    return std::clamp(time, -kFar, kFar) - now;
}

// Whom is it from? A key that fits by chance gives a time at random, which is in the window once in
// 2^56: so whoever is in time is meant. Of those who are not, the nearest.
std::optional<Match> best_of(Session& session, const UserMatches& matches) {
    const std::int64_t now = session.core.loop.unix_seconds();
    std::optional<Match> best;
    for (const UserRef& user : matches) {
        const auto time = vmess::open_auth_id(*session.core.dispatch.aes128, user.auth_key(),
                                              auth_id_of(session));
        if (!time) {
            continue;
        }
        const Match match{user, ahead_of(now, *time), vmess::in_time_window(*time, now)};
        if (match.is_in_time) {
            return match;
        }
        if (!best || std::abs(match.ahead) < std::abs(best->ahead)) {
            best = match;
        }
    }
    return best;
}

// Tries the users who are known at the peer's address. A key of another user that fits by chance
// must not hide who is meant, so only who is in time counts.
bool is_known(Session& session, const UserTable& table, Caller& caller) {
    const auto places = session.core.search.known.find(key_of(session));
    if (places.empty()) {
        return false;
    }
    const auto match = best_of(session, table.find_among(places, auth_id_of(session)));
    if (!match || !match->is_in_time) {
        return false;
    }
    caller.user = match->user;
    return true;
}

std::unexpected<Outcome> refused(Session& session) {
    session.core.stats.search_refusals.add();
    session.reason = "too many strangers: the users are not searched";
    return std::unexpected(Outcome::bad_request);
}

// Waits for a turn that has been booked.
io::Task<Step<void>> wait_for_turn(Session& session, const PeerAddress& address,
                                   std::optional<io::Duration> wait) {
    if (wait == io::Duration::zero()) {
        co_return {};
    }
    TrialBudget& budget = session.core.search.budget;
    const auto lane = budget.lane_of(address, session.core.loop.now());
    if (!wait || !budget.enter(lane)) {
        co_return refused(session);
    }
    session.core.stats.search_waits.add();
    auto slept = co_await session.core.loop.sleep_for(session.scope, *wait);
    budget.leave(lane);
    if (!slept) {
        co_return std::unexpected(
            failure(session, slept.error(), Outcome::handshake_timeout, Outcome::client_lost));
    }
    co_return {};
}

// Books the search of a stranger and waits until it may be made.
io::Task<Step<void>> wait_for_budget(Session& session, TrialBudget::Booking& booking) {
    Core& core = session.core;
    const auto wait = core.search.budget.book(booking, core.loop.now());
    auto first = co_await wait_for_turn(session, booking.address, wait);
    if (!first) {
        co_return first;
    }
    const auto lane_wait = core.search.budget.book_lane(booking, core.loop.now());
    auto second = co_await wait_for_turn(session, booking.address, lane_wait);
    co_return second;
}

void take_back(Session& session, Caller& caller) {
    session.core.search.budget.take_back(*caller.booking);
    caller.booking.reset();
}

void report_skew(Session& session, const Match& match) {
    Core& core = session.core;
    core.stats.wrong_clocks.add();
    if (!core.log.wants(LogLevel::warning) ||
        !core.skew_reports.due(match.user.id(), core.loop.unix_seconds())) {
        return;
    }
    const std::string who = match.user.email().empty()
                                ? fmt::format("number {}, without e-mail", match.user.place() + 1)
                                : std::string(match.user.email());
    core.log.error(LogLevel::warning, session.id, session.inbound.name(),
                   fmt::format("the clock of user {} at {} is {} s {} ours; {} s are allowed", who,
                               session.source, std::abs(match.ahead),
                               match.ahead > 0 ? "ahead of" : "behind", vmess::kTimeWindowSeconds));
}

Step<void> search(Session& session, const UserTable& table, Caller& caller) {
    session.core.stats.searches.add();
    const auto match = best_of(session, table.find(auth_id_of(session)));
    if (!match) {
        return faulted(session, proto::Fault::unknown_user, Outcome::bad_request);
    }
    if (!match->is_in_time) {
        report_skew(session, *match);
        return faulted(session, proto::Fault::bad_time, Outcome::bad_request);
    }
    caller.user = match->user;
    return {};
}

}  // namespace

bool find_known(Session& session, const UserTable& table, Caller& caller) {
    if (!is_known(session, table, caller)) {
        return false;
    }
    session.core.stats.known_callers.add();
    return true;
}

io::Task<Step<void>> find_user(Session& session, const UserTable& table, Caller& caller) {
    const io::TimePoint before = session.core.loop.now();
    caller.booking.emplace(PeerAddress(session.peer), table.trials());
    auto allowed = co_await wait_for_budget(session, *caller.booking);
    if (!allowed) {
        take_back(session, caller);
        co_return allowed;
    }
    // Meanwhile somebody may have become known at this address.
    if (session.core.loop.now() != before && find_known(session, table, caller)) {
        take_back(session, caller);
        co_return {};
    }
    co_return search(session, table, caller);
}

UserRef user_in_time(Session& session, const UserTable& table) {
    const auto match = best_of(session, table.find(auth_id_of(session)));
    return match && match->is_in_time ? match->user : UserRef();
}

void welcome(Session& session, const Caller& caller) {
    UserSearch& mine = session.core.search;
    if (caller.booking) {
        mine.budget.take_back(*caller.booking);
    }
    mine.known.insert(key_of(session), caller.user.place());
}

void turn_away(Session& session, const Caller& caller) {
    if (caller.booking) {
        session.core.search.budget.failed(caller.booking->address, session.core.loop.now());
    }
}

}  // namespace ferry::core
