// What a Scope promises: it ends when asked to, for the first reason given, with everything inside
// it, and not before the last thing in it has ended.
#include "io/scope.h"

#include "io/condition.h"
#include "tests/io/engine.h"

namespace ferry::test {

namespace {

using io::Stop;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

class Scopes : public EngineTest {};
INSTANTIATE_TEST_SUITE_P(Backends, Scopes, all_kinds(), kind_name);

io::Task<void> sleep_long(io::Scope& scope, int& ended) {
    auto slept = co_await scope.loop().sleep_for(scope, hours(100));
    EXPECT_FALSE(slept);
    ++ended;
}

TEST_P(Scopes, TheFirstReasonIsKept) {
    io::Scope scope(loop());
    EXPECT_EQ(scope.why(), Stop::none);
    EXPECT_FALSE(scope.stopping());
    scope.stop(Stop::limit);
    scope.stop(Stop::peer);
    EXPECT_TRUE(scope.stopping());
    EXPECT_EQ(scope.why(), Stop::limit);
}

TEST_P(Scopes, EndsAtItsDeadline) {
    io::Scope scope(loop());
    int ended = 0;
    scope.spawn(sleep_long(scope, ended));
    const auto deadline = loop().now() + milliseconds(5);
    scope.expire_at(loop().now() + hours(2));
    scope.expire_at(deadline);
    EXPECT_TRUE(engine().run(scope));
    EXPECT_EQ(scope.why(), Stop::deadline);
    EXPECT_GE(loop().now(), deadline);
    EXPECT_EQ(ended, 1);
}

TEST_P(Scopes, ADeadlineThatHasPassedStopsInTheNextTurn) {
    io::Scope scope(loop());
    int ended = 0;
    scope.spawn(sleep_long(scope, ended));
    scope.expire_at(loop().now());
    EXPECT_FALSE(scope.stopping());
    EXPECT_TRUE(engine().run(scope));
    EXPECT_EQ(scope.why(), Stop::deadline);
}

io::Task<void> postpone(io::Scope& scope, int times, io::TimePoint& last) {
    // A slow machine may come to both times at once: then the stop was right.
    for (int i = 0; i < times && !scope.stopping(); ++i) {
        last = scope.loop().now() + milliseconds(4);
        scope.expire_at(last);
        auto slept = co_await scope.loop().sleep_for(scope, milliseconds(1));
        if (!slept) {
            co_return;
        }
    }
    int ended = 0;
    co_await sleep_long(scope, ended);
}

TEST_P(Scopes, ALaterDeadlineReplacesAnEarlierOne) {
    io::Scope scope(loop());
    io::TimePoint last;
    scope.spawn(postpone(scope, 20, last));
    EXPECT_TRUE(engine().run(scope));
    EXPECT_EQ(scope.why(), Stop::deadline);
    EXPECT_GE(loop().now(), last);
}

io::Task<void> wait_for(io::Scope& scope, io::Duration time, bool& whole) {
    auto slept = co_await scope.loop().sleep_for(scope, time);
    whole = slept.has_value();
}

TEST_P(Scopes, AClearedDeadlineDoesNothing) {
    io::Scope scope(loop());
    bool whole = false;
    scope.expire_at(loop().now() + milliseconds(2));
    scope.clear_deadline();
    scope.spawn(wait_for(scope, milliseconds(10), whole));
    EXPECT_TRUE(engine().run(scope));
    EXPECT_TRUE(whole);
    EXPECT_EQ(scope.why(), Stop::none);
}

io::Task<void> touch_a_while(io::Scope& scope, int times, io::TimePoint& last) {
    for (int i = 0; i < times && !scope.stopping(); ++i) {
        scope.touch();
        last = scope.loop().now();
        EXPECT_EQ(scope.touched(), last);
        auto slept = co_await scope.loop().sleep_for(scope, milliseconds(1));
        if (!slept) {
            co_return;
        }
    }
    int ended = 0;
    co_await sleep_long(scope, ended);
}

TEST_P(Scopes, EndsWhenNobodyTouchesIt) {
    constexpr auto kQuiet = milliseconds(20);
    io::Scope scope(loop());
    io::TimePoint last;
    scope.idle_after(kQuiet);
    scope.spawn(touch_a_while(scope, 30, last));
    EXPECT_TRUE(engine().run(scope));
    EXPECT_EQ(scope.why(), Stop::idle);
    EXPECT_GE(loop().now(), last + kQuiet);
}

TEST_P(Scopes, TheEarlierOfDeadlineAndQuietWins) {
    int ended = 0;
    io::Scope first(loop());
    first.idle_after(hours(1));
    first.expire_at(loop().now() + milliseconds(3));
    first.spawn(sleep_long(first, ended));
    io::Scope second(loop());
    second.expire_at(loop().now() + hours(1));
    second.idle_after(milliseconds(3));
    second.spawn(sleep_long(second, ended));
    EXPECT_TRUE(engine().run([&] { return first.empty() && second.empty(); }));
    EXPECT_EQ(first.why(), Stop::deadline);
    EXPECT_EQ(second.why(), Stop::idle);
}

TEST_P(Scopes, AStopReachesEveryScopeInside) {
    io::Scope outer(loop());
    io::Scope middle(loop(), &outer);
    io::Scope inner(loop(), &middle);
    io::Scope other(loop());
    int ended = 0;
    for (io::Scope* scope : {&outer, &middle, &inner}) {
        scope->spawn(sleep_long(*scope, ended));
    }
    middle.stop(Stop::peer);
    EXPECT_FALSE(outer.stopping());
    EXPECT_EQ(inner.why(), Stop::peer);
    outer.stop(Stop::shutdown);
    EXPECT_EQ(middle.why(), Stop::peer);
    io::Scope late(loop(), &outer);
    EXPECT_EQ(late.why(), Stop::shutdown) << "born stopped";
    EXPECT_TRUE(engine().run([&] { return inner.empty() && middle.why() != Stop::none; }));
    engine().settle();
    EXPECT_EQ(ended, 3);
    EXPECT_FALSE(other.stopping());
    EXPECT_FALSE(outer.empty()) << "scopes inside count";
}

io::Task<void> join(io::Scope& joining, io::Scope& joined, bool& is_joined) {
    co_await joined.join();
    EXPECT_TRUE(joined.empty());
    static_cast<void>(joining);
    is_joined = true;
}

TEST_P(Scopes, JoinWaitsForTheLastChild) {
    io::Scope outer(loop());
    io::Scope inner(loop());
    int ended = 0;
    bool joined = false;
    for (int i = 0; i < 3; ++i) {
        inner.spawn(sleep_long(inner, ended));
    }
    outer.spawn(join(outer, inner, joined));
    engine().settle();
    EXPECT_FALSE(joined);
    // A stop of the joiner's own scope does not end the wait: the children are still there.
    outer.stop(Stop::shutdown);
    engine().settle();
    EXPECT_FALSE(joined);
    inner.stop(Stop::shutdown);
    EXPECT_TRUE(engine().run(outer));
    EXPECT_TRUE(joined);
    EXPECT_EQ(ended, 3);
    bool again = false;
    outer.spawn(join(outer, inner, again));
    EXPECT_TRUE(again) << "nothing to wait for";
}

struct Witness {
    explicit Witness(io::Scope& its_scope, bool& is_gone) : scope(its_scope), gone(is_gone) {}
    Witness(const Witness&) = delete;
    ~Witness() {
        EXPECT_FALSE(scope.empty()) << "the child is still counted while its parameters live";
        gone = true;
    }
    io::Scope& scope;
    bool& gone;
};

io::Task<void> keep(std::unique_ptr<Witness> witness) {
    auto slept = co_await witness->scope.loop().sleep_for(witness->scope, milliseconds(1));
    EXPECT_TRUE(slept);
}

TEST_P(Scopes, AChildEndsAfterItsParametersAreGone) {
    io::Scope scope(loop());
    bool gone = false;
    scope.spawn(keep(std::make_unique<Witness>(scope, gone)));
    EXPECT_FALSE(gone);
    EXPECT_TRUE(engine().run(scope));
    EXPECT_TRUE(gone);
}

TEST_P(Scopes, TenThousandAtOnce) {
    constexpr int kCount = 10'000;
    io::Scope scope(loop());
    int ended = 0;
    for (int i = 0; i < kCount; ++i) {
        scope.spawn(sleep_long(scope, ended));
    }
    engine().settle();
    EXPECT_EQ(ended, 0);
    scope.stop(Stop::shutdown);
    EXPECT_TRUE(engine().run(scope));
    EXPECT_EQ(ended, kCount);
}

io::Task<void> session_of_its_own(io::Scope& parent, io::Duration life, int& ended) {
    io::Scope scope(parent.loop(), &parent);
    scope.idle_after(seconds(300));
    scope.expire_at(scope.loop().now() + life);
    int inner = 0;
    co_await sleep_long(scope, inner);
    EXPECT_EQ(scope.why(), Stop::deadline);
    ended += inner;
}

// Ten thousand scopes with two timers each, ending at five different times.
TEST_P(Scopes, TenThousandDeadlines) {
    constexpr int kCount = 10'000;
    io::Scope scope(loop());
    int ended = 0;
    for (int i = 0; i < kCount; ++i) {
        scope.spawn(session_of_its_own(scope, milliseconds(i % 5), ended));
    }
    EXPECT_TRUE(engine().run(scope));
    EXPECT_EQ(ended, kCount);
    EXPECT_TRUE(loop().timers().empty());
}

}  // namespace

}  // namespace ferry::test
