#include "core/dial.h"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>

#include "core/endpoints.h"
#include "io/both.h"

namespace ferry::core {
namespace {

// How much of a head start the preferred family has.
constexpr io::Duration kHeadStart = std::chrono::milliseconds(250);

// Two families at a race: the first connection ends it.
struct Race {
    Race(Session& session, const DialRules& its_rules)
        : rules(its_rules), scope(session.core.loop, &session.scope) {}

    const DialRules& rules;
    io::Scope scope;
    io::Condition preferred_failed;
    bool preferred_is_out = false;
    Endpoints preferred;
    Endpoints other;
    std::optional<io::Socket> winner;
    std::errc error = std::errc::host_unreachable;
};

// Tries addresses one after the other until one answers or the race is over.
io::Task<void> try_each(Race& race, const Endpoints& endpoints) {
    for (const io::Endpoint& to : endpoints) {
        auto socket = co_await io::Socket::connect(race.scope, to, race.rules.local);
        if (socket) {
            if (!race.winner) {
                race.winner.emplace(std::move(*socket));
                race.scope.stop(io::Stop::peer);
            }
            co_return;
        }
        if (race.scope.stopping()) {
            co_return;
        }
        race.error = socket.error();
    }
}

io::Task<void> try_preferred(Race& race) {
    co_await try_each(race, race.preferred);
    race.preferred_is_out = true;
    race.preferred_failed.notify_all();
}

io::Task<void> try_other(Race& race) {
    if (!race.preferred_is_out) {
        io::Scope head_start(race.scope.loop(), &race.scope);
        head_start.expire_at(race.scope.loop().now() + kHeadStart);
        auto failed = co_await race.preferred_failed.wait(head_start);
        (void)failed;  // either it failed or its head start is over: go
    }
    if (!race.scope.stopping()) {
        co_await try_each(race, race.other);
    }
}

// Why a race had no winner.
std::unexpected<Outcome> lost_race(Session& session, const Race& race, const proto::Address& to) {
    if (session.scope.stopping()) {
        return std::unexpected(
            outcome_of(session.scope.why(), Outcome::dial_timeout, Outcome::dial_failed));
    }
    if (race.scope.why() == io::Stop::deadline) {
        session.reason = fmt::format("dial {}: no answer in time", proto::text(to));
        return std::unexpected(Outcome::dial_timeout);
    }
    session.reason =
        fmt::format("dial {}: {}", proto::text(to), std::make_error_code(race.error).message());
    return std::unexpected(Outcome::dial_failed);
}

io::Task<Step<Endpoints>> find(Session& session, io::Scope& scope, const proto::Address& to,
                               Families families) {
    Endpoints found;
    if (to.kind != proto::Address::Kind::name) {
        found.push_back(endpoint_of(to));
        co_return found;
    }
    auto resolved = co_await session.core.resolver.resolve(scope, to.name, to.port, families);
    if (resolved) {
        co_return std::move(*resolved);
    }
    if (session.scope.stopping()) {
        co_return std::unexpected(
            outcome_of(session.scope.why(), Outcome::dial_timeout, Outcome::no_address));
    }
    session.reason =
        fmt::format("resolve {}: {}", to.name, std::make_error_code(resolved.error()).message());
    co_return std::unexpected(Outcome::no_address);
}

}  // namespace

io::Task<Step<Endpoints>> find_addresses(Session& session, const proto::Address& to,
                                         Families families) {
    io::Scope scope(session.core.loop, &session.scope);
    scope.expire_at(session.core.loop.now() + session.policy->dial);
    auto found = co_await find(session, scope, to, families);
    co_return found;
}

io::Task<Step<io::Socket>> dial(Session& session, const proto::Address& to,
                                const DialRules& rules) {
    Race race(session, rules);
    race.scope.expire_at(session.core.loop.now() + session.policy->dial);
    auto found = co_await find(session, race.scope, to, rules.families);
    if (!found) {
        co_return std::unexpected(found.error());
    }
    const io::Endpoint::Family first = found->front().family();
    for (const io::Endpoint& endpoint : *found) {
        Endpoints& lane = endpoint.family() == first ? race.preferred : race.other;
        lane.push_back(endpoint);
    }
    if (race.other.empty()) {
        co_await try_each(race, race.preferred);
    } else {
        co_await io::both(try_preferred(race), try_other(race));
    }
    if (!race.winner) {
        co_return lost_race(session, race, to);
    }
    co_return io::Socket(session.scope, std::move(*race.winner));
}

}  // namespace ferry::core
