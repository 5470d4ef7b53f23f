// One question for each name, answers until their time, limits that hold: in virtual time, with a
// source that the test plays itself.
#include "core/caching_resolver.h"

#include <gtest/gtest.h>

#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/core/endpoints.h"
#include "tests/io/engine.h"

namespace ferry::core {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Found = std::optional<io::Result<Endpoints>>;

constexpr std::uint16_t kPort = 80;

// Keeps the questions until the test answers them.
class PlayedSource final : public NameSource {
public:
    void ask(const std::string& name, Families, Done done) override {
        ++asked;
        if (at_once) {
            done({endpoints({"192.0.2.1"}), seconds(60)});
            return;
        }
        open.emplace_back(name, std::move(done));
    }
    void refresh() override { ++refreshed; }

    void answer(io::Result<Endpoints> addresses, seconds lifetime = seconds(60)) {
        Done done = std::move(open.front().second);
        open.pop_front();
        done({std::move(addresses), lifetime});
    }

    std::deque<std::pair<std::string, Done>> open;
    std::size_t asked = 0;
    std::size_t refreshed = 0;
    bool at_once = false;
};

io::Task<void> look_up(Resolver& resolver, io::Scope& scope, std::string name, Families families,
                       Found& found) {
    auto result = co_await resolver.resolve(scope, std::move(name), kPort, families);
    found.emplace(std::move(result));
}

io::Task<void> pass(io::Scope& scope, io::Duration time) {
    auto slept = co_await scope.loop().sleep_for(scope, time);
    EXPECT_TRUE(slept);
}

class CachingResolverTest : public test::EngineTest {
protected:
    void SetUp() override {
        EngineTest::SetUp();
        scope_.emplace(loop());
        start({});
    }
    void TearDown() override {
        scope_->stop(io::Stop::shutdown);
        EXPECT_TRUE(engine().run(*scope_));
        while (!source_->open.empty()) {
            source_->answer(std::unexpected(std::errc::operation_canceled));
        }
        resolver_.reset();
        scope_.reset();
        EngineTest::TearDown();
    }
    void start(ResolverLimits limits) {
        auto source = std::make_unique<PlayedSource>();
        source_ = source.get();
        resolver_.emplace(loop(), std::move(source), limits);
    }

    void begin(const std::string& name, Found& found, Families families = Families::any) {
        begin_in(*scope_, name, found, families);
    }
    void begin_in(io::Scope& scope, const std::string& name, Found& found,
                  Families families = Families::any) {
        scope.spawn(look_up(*resolver_, scope, name, families, found));
    }
    // Runs what is ready, while no time passes.
    void settle(const Found& found) {
        EXPECT_TRUE(engine().run([&] { return found.has_value(); }));
    }
    // A question whose answer may be there already, or be read from the name. If it is not, it goes
    // on for as long as the test: so does the place for its answer.
    Found now(const std::string& name, Families families = Families::any) {
        Found& found = kept_.emplace_back();
        begin(name, found, families);
        return found;
    }
    void sleep(io::Duration time) {
        io::Scope sleeping(loop());
        sleeping.spawn(pass(sleeping, time));
        EXPECT_TRUE(engine().run(sleeping));
    }
    // Asks, and answers what was asked.
    void teach(const std::string& name, io::Result<Endpoints> answer,
               seconds lifetime = seconds(60)) {
        Found found;
        begin(name, found);
        ASSERT_EQ(source_->open.size(), 1u);
        source_->answer(std::move(answer), lifetime);
        settle(found);
    }
    std::uint64_t asking() const { return resolver_->counters().asking.read(); }
    std::uint64_t queued() const { return resolver_->counters().queued.read(); }

    std::deque<Found> kept_;
    std::optional<io::Scope> scope_;
    PlayedSource* source_ = nullptr;
    std::optional<CachingResolver> resolver_;
};

TEST_P(CachingResolverTest, ReadsLiteralsAtOnce) {
    const auto text = [&](const std::string& name, Families families = Families::any) {
        const Found found = now(name, families);
        if (!found) {
            return std::string("no answer");
        }
        return *found ? found->value().front().text() : std::string("error");
    };
    EXPECT_EQ(text("192.0.2.1"), "192.0.2.1:80");
    EXPECT_EQ(text("2001:db8::1"), "[2001:db8::1]:80");
    EXPECT_EQ(text("[2001:db8::1]"), "[2001:db8::1]:80");
    EXPECT_EQ(text("192.0.2.1", Families::ipv4), "192.0.2.1:80");
    EXPECT_EQ(text("192.0.2.1", Families::ipv6), "error");
    EXPECT_EQ(text("::1", Families::ipv4), "error");
    EXPECT_EQ(source_->asked, 0u);
    EXPECT_EQ(resolver_->counters().literals.read(), 6u);
}

TEST_P(CachingResolverTest, RefusesWhatCannotBeAName) {
    const Texts names = {"",
                         "a b",
                         "a\nb",
                         std::string("a\0b", 3),
                         "a\\.b",
                         "[::1",
                         "\xc3\xa9.org",
                         "a/b",
                         "a:1",
                         std::string(256, 'a')};
    for (const std::string& name : names) {
        const Found found = now(name);
        ASSERT_TRUE(found) << name;
        EXPECT_EQ(found->error(), std::errc::invalid_argument) << name;
    }
    EXPECT_EQ(source_->asked, 0u);
    for (const std::string name : {"a", "a-b_c.example.", "1.2.3", "xn--9ca.org"}) {
        Found found;
        begin(name, found);
        EXPECT_FALSE(found) << name;
        ASSERT_EQ(source_->open.size(), 1u) << name;
        EXPECT_EQ(source_->open.front().first, name);
        source_->answer(endpoints({"192.0.2.1"}));
        settle(found);
    }
}

TEST_P(CachingResolverTest, AsksOncePerNameAndFamily) {
    Found one;
    Found two;
    Found four;
    begin("A.example", one);
    begin("a.EXAMPLE", two);
    begin("a.example", four, Families::ipv4);
    EXPECT_EQ(source_->asked, 2u);
    source_->answer(endpoints({"192.0.2.1"}));
    settle(one);
    settle(two);
    EXPECT_FALSE(four);
    EXPECT_EQ(one->value(), two->value());
    EXPECT_EQ(one->value().front().port(), kPort);
    source_->answer(std::unexpected(std::errc::timed_out));
    settle(four);
    EXPECT_EQ(four->error(), std::errc::timed_out);
    EXPECT_EQ(resolver_->counters().shared.read(), 1u);
    EXPECT_EQ(resolver_->counters().failed.read(), 1u);
    EXPECT_EQ(resolver_->counters().timeouts.read(), 1u);
}

TEST_P(CachingResolverTest, RemembersForTheLifetime) {
    teach("a", endpoints({"192.0.2.1"}), seconds(60));
    EXPECT_TRUE(now("a"));
    sleep(seconds(59));
    EXPECT_TRUE(now("a"));
    sleep(seconds(1));
    EXPECT_FALSE(now("a"));
    EXPECT_EQ(source_->asked, 2u);
    EXPECT_EQ(resolver_->counters().cached.read(), 2u);
}

TEST_P(CachingResolverTest, BoundsTheLifetime) {
    teach("short", endpoints({"192.0.2.1"}), seconds(0));
    teach("long", endpoints({"192.0.2.1"}), seconds(1000000));
    sleep(milliseconds(500));
    EXPECT_TRUE(now("short")) << "at least a second, or a burst would ask again and again";
    sleep(milliseconds(500));
    EXPECT_FALSE(now("short"));
    sleep(seconds(3598));
    EXPECT_TRUE(now("long"));
    sleep(seconds(1));
    EXPECT_FALSE(now("long")) << "at most an hour";
}

TEST_P(CachingResolverTest, RemembersThatANameDoesNotExist) {
    teach("a", std::unexpected(std::errc::no_such_device_or_address));
    sleep(milliseconds(4999));
    const Found found = now("a");
    ASSERT_TRUE(found);
    EXPECT_EQ(found->error(), std::errc::no_such_device_or_address);
    sleep(milliseconds(1));
    EXPECT_FALSE(now("a"));
}

TEST_P(CachingResolverTest, ForgetsOtherFailuresAtOnce) {
    for (const std::errc error : {std::errc::timed_out, std::errc::network_unreachable}) {
        teach("a", std::unexpected(error));
        EXPECT_EQ(source_->open.size(), 0u);
    }
    EXPECT_EQ(source_->asked, 2u);
}

TEST_P(CachingResolverTest, ForgetsEverythingOnAReload) {
    teach("a", endpoints({"192.0.2.1"}));
    resolver_->refresh();
    EXPECT_FALSE(now("a"));
    EXPECT_EQ(source_->refreshed, 1u);
}

TEST_P(CachingResolverTest, AsksForALimitedNumberOfNamesAtATime) {
    const ResolverLimits limits;
    ASSERT_EQ(limits.asking, 1024u);
    std::vector<Found> found(limits.asking + 3);
    for (std::size_t index = 0; index < found.size(); ++index) {
        begin("host" + std::to_string(index), found[index]);
    }
    EXPECT_EQ(source_->open.size(), limits.asking);
    EXPECT_EQ(asking(), limits.asking);
    EXPECT_EQ(queued(), 3u);
    // Those who wait share, too.
    Found another;
    begin("host1025", another);
    EXPECT_EQ(queued(), 3u);

    source_->answer(endpoints({"192.0.2.1"}));
    EXPECT_EQ(source_->open.size(), limits.asking);
    EXPECT_EQ(source_->open.back().first, "host1024") << "first come, first served";
    EXPECT_EQ(queued(), 2u);
    while (!source_->open.empty()) {
        EXPECT_LE(asking(), limits.asking);
        source_->answer(endpoints({"192.0.2.1"}));
    }
    EXPECT_TRUE(engine().run(*scope_));
    for (const Found& one : found) {
        EXPECT_TRUE(one && *one);
    }
    EXPECT_TRUE(another && *another);
    EXPECT_EQ(resolver_->counters().waits.read(), 3u);
    EXPECT_EQ(asking(), 0u);
}

TEST_P(CachingResolverTest, DoesNotAskForWhatNobodyWaitsForAnyMore) {
    start({.asking = 1});
    Found first;
    Found second;
    Found third;
    begin("first", first);
    io::Scope leaving(loop());
    begin_in(leaving, "second", second);
    begin("third", third);
    EXPECT_EQ(queued(), 2u);
    leaving.expire_at(loop().now() + seconds(1));
    settle(second);
    EXPECT_EQ(second->error(), std::errc::operation_canceled) << "the deadline holds in the queue";
    EXPECT_EQ(queued(), 1u);
    source_->answer(endpoints({"192.0.2.1"}));
    ASSERT_EQ(source_->open.size(), 1u);
    EXPECT_EQ(source_->open.front().first, "third");
    source_->answer(endpoints({"192.0.2.1"}));
    settle(third);
    EXPECT_EQ(source_->asked, 2u);
}

TEST_P(CachingResolverTest, KeepsTheAnswerThatEverybodyLeft) {
    io::Scope leaving(loop());
    Found left;
    begin_in(leaving, "a", left);
    leaving.stop(io::Stop::peer);
    EXPECT_TRUE(engine().run(leaving));
    EXPECT_EQ(left->error(), std::errc::operation_canceled);
    ASSERT_EQ(source_->open.size(), 1u);
    source_->answer(endpoints({"192.0.2.1"}));
    EXPECT_TRUE(now("a"));
    EXPECT_EQ(source_->asked, 1u);
}

TEST_P(CachingResolverTest, LeavesTheOthersWhenOneGoes) {
    io::Scope leaving(loop());
    Found left;
    Found stayed;
    begin_in(leaving, "a", left);
    begin("a", stayed);
    leaving.stop(io::Stop::removed);
    EXPECT_TRUE(engine().run(leaving));
    EXPECT_FALSE(stayed);
    source_->answer(endpoints({"192.0.2.1"}));
    settle(stayed);
    EXPECT_TRUE(*stayed);
}

TEST_P(CachingResolverTest, DoesNotEvenStartInAStoppedScope) {
    io::Scope stopped(loop());
    stopped.stop(io::Stop::shutdown);
    Found found;
    begin_in(stopped, "a", found);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->error(), std::errc::operation_canceled);
}

// A source with an answer at hand must not be called from inside its own answer, over and over.
TEST_P(CachingResolverTest, TakesThousandsOfAnswersInARow) {
    start({.asking = 1});
    std::vector<Found> found(5000);
    for (std::size_t index = 0; index < found.size(); ++index) {
        begin("host" + std::to_string(index), found[index]);
    }
    EXPECT_EQ(queued(), found.size() - 1);
    source_->at_once = true;
    source_->answer(endpoints({"192.0.2.1"}));
    EXPECT_EQ(queued(), 0u);
    EXPECT_TRUE(engine().run(*scope_));
    for (const Found& one : found) {
        EXPECT_TRUE(one && *one);
    }
    EXPECT_EQ(source_->asked, found.size());
}

TEST_P(CachingResolverTest, BoundsWhatItRemembers) {
    start({.answers = 2});
    source_->at_once = true;
    for (const char* name : {"a", "b", "c"}) {
        EXPECT_TRUE(now(name));
    }
    EXPECT_TRUE(now("c"));
    EXPECT_TRUE(now("b"));
    EXPECT_EQ(source_->asked, 3u);
    EXPECT_TRUE(now("a"));
    EXPECT_EQ(source_->asked, 4u);
}

INSTANTIATE_TEST_SUITE_P(, CachingResolverTest, testing::Values(test::Kind::simulator),
                         test::kind_name);

}  // namespace
}  // namespace ferry::core
