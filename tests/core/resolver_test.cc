// Names are resolved through real sockets, on both real backends, without blocking the loop: the name
// server of each test runs on the same loop, so a resolver that blocked would wait for ever.
//
// Short timeouts are given where a server stays silent; no test depends on how long they take.
#include "core/resolver.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "core/caching_resolver.h"
#include "io/loop.h"
#include "tests/core/name_server.h"
#include "tests/io/engine.h"

namespace ferry::core {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::a;
using test::aaaa;
using test::cname;
using test::NameServer;
using test::Record;
using test::Reply;

constexpr std::uint16_t kPort = 443;

using Found = std::optional<io::Result<Endpoints>>;

io::Task<void> look_up(Resolver& resolver, io::Scope& scope, std::string name, Families families,
                       Found& found) {
    auto result = co_await resolver.resolve(scope, std::move(name), kPort, families);
    found.emplace(std::move(result));
}

std::vector<std::string> texts(const io::Result<Endpoints>& found) {
    std::vector<std::string> result;
    if (!found) {
        return {std::make_error_code(found.error()).message()};
    }
    for (const io::Endpoint& endpoint : *found) {
        result.push_back(endpoint.text());
    }
    return result;
}

std::vector<std::string> sorted(std::vector<std::string> texts) {
    std::ranges::sort(texts);
    return texts;
}

using Texts = std::vector<std::string>;

class ResolverTest : public test::EngineTest {
protected:
    void SetUp() override {
        EngineTest::SetUp();
        if (IsSkipped()) {
            return;
        }
        serving_.emplace(loop());
        server_.emplace(*serving_);
        home_.emplace(loop());
        scope_.emplace(loop());
        use_servers({server_->at()});
    }
    void TearDown() override {
        if (scope_) {
            scope_->stop(io::Stop::shutdown);
            home_->stop(io::Stop::shutdown);
            serving_->stop(io::Stop::shutdown);
            EXPECT_TRUE(engine().run(*scope_) && engine().run(*home_) && engine().run(*serving_));
            resolver_.reset();
            server_.reset();
            scope_.reset();
            home_.reset();
            serving_.reset();
        }
        EngineTest::TearDown();
    }

    // A server that answers is given time enough for the slowest machine.
    void use_servers(Endpoints servers, milliseconds timeout = seconds(60), int tries = 1) {
        use({.servers = std::move(servers), .timeout = timeout, .tries = tries});
    }
    void use(NameServers how) {
        resolver_.reset();
        resolver_.emplace(loop(), ask_name_servers(*home_, std::move(how)));
    }
    io::Result<Endpoints> resolve(const std::string& name, Families families = Families::any) {
        Found found;
        scope_->spawn(look_up(*resolver_, *scope_, name, families, found));
        EXPECT_TRUE(engine().run([&] { return found.has_value(); }));
        return found.value_or(std::unexpected(std::errc::operation_in_progress));
    }
    std::errc error_of(const std::string& name, Families families = Families::any) {
        const auto found = resolve(name, families);
        EXPECT_FALSE(found);
        return found ? std::errc{} : found.error();
    }
    // A port on which nobody answers any more.
    io::Endpoint closed_port() {
        io::Scope scope(loop());
        std::optional<NameServer> gone(scope);
        const io::Endpoint at = gone->at();
        scope.stop(io::Stop::shutdown);
        EXPECT_TRUE(engine().run(scope));
        return at;
    }

    std::optional<io::Scope> serving_;
    std::optional<NameServer> server_;
    std::optional<io::Scope> home_;   // of the resolver
    std::optional<io::Scope> scope_;  // of those who want to know
    std::optional<CachingResolver> resolver_;
};

TEST_P(ResolverTest, FindsBothFamiliesWithThePort) {
    server_->set("www.example", {a("www.example", "192.0.2.1"), a("www.example", "192.0.2.2"),
                                 aaaa("www.example", "2001:db8::1")});
    const auto found = resolve("www.example");
    EXPECT_EQ(sorted(texts(found)), (Texts{"192.0.2.1:443", "192.0.2.2:443", "[2001:db8::1]:443"}));
    EXPECT_EQ(sorted(server_->questions()), (Texts{"www.example/A", "www.example/AAAA"}));
}

TEST_P(ResolverTest, AsksForTheWantedFamilyOnly) {
    server_->set("www.example",
                 {a("www.example", "192.0.2.1"), aaaa("www.example", "2001:db8::1")});
    EXPECT_EQ(texts(resolve("www.example", Families::ipv4)), Texts{"192.0.2.1:443"});
    EXPECT_EQ(server_->questions(), Texts{"www.example/A"});
    EXPECT_EQ(texts(resolve("www.example", Families::ipv6)), Texts{"[2001:db8::1]:443"});
    EXPECT_EQ(server_->questions(), (Texts{"www.example/A", "www.example/AAAA"}));
}

TEST_P(ResolverTest, FollowsAliases) {
    server_->set("www.example",
                 {cname("www.example", "web.example"), cname("web.example", "host.example"),
                  a("host.example", "192.0.2.7")});
    EXPECT_EQ(texts(resolve("www.example")), Texts{"192.0.2.7:443"});
}

TEST_P(ResolverTest, TellsNoNameFromNoAnswer) {
    EXPECT_EQ(error_of("nobody.example"), std::errc::no_such_device_or_address);
    server_->set("v4.example", {a("v4.example", "192.0.2.1")});
    EXPECT_EQ(error_of("v4.example", Families::ipv6), std::errc::no_such_device_or_address)
        << "the name exists, without such an address";
    server_->set("bad.example", Record::Type::a, {.code = Reply::Code::failed});
    EXPECT_EQ(error_of("bad.example", Families::ipv4), std::errc::network_unreachable);
    server_->set("shy.example", Record::Type::a, {.code = Reply::Code::refused});
    EXPECT_EQ(error_of("shy.example", Families::ipv4), std::errc::network_unreachable);
}

TEST_P(ResolverTest, SaysThatNoServerListens) {
    use_servers({closed_port()});
    EXPECT_EQ(error_of("www.example"), std::errc::network_unreachable);
}

TEST_P(ResolverTest, GivesUpOnASilentServer) {
    server_->ignore_all();
    use_servers({server_->at()}, milliseconds(10), 2);
    EXPECT_EQ(error_of("www.example", Families::ipv4), std::errc::timed_out);
    EXPECT_EQ(server_->questions().size(), 2u);
    EXPECT_EQ(resolver_->counters().timeouts.read(), 1u);
}

TEST_P(ResolverTest, AsksASilentServerAgain) {
    server_->set("www.example", {a("www.example", "192.0.2.1")});
    server_->ignore_next(1);
    // The first try is short; a slow machine may need some of the later ones.
    use_servers({server_->at()}, milliseconds(50), 8);
    EXPECT_EQ(texts(resolve("www.example", Families::ipv4)), Texts{"192.0.2.1:443"});
    EXPECT_GE(server_->questions().size(), 2u);
}

TEST_P(ResolverTest, AsksTheNextServer) {
    NameServer silent(*serving_);
    silent.ignore_all();
    server_->set("www.example", {a("www.example", "192.0.2.1")});
    use_servers({silent.at(), closed_port(), server_->at()}, milliseconds(50), 8);
    EXPECT_EQ(texts(resolve("www.example", Families::ipv4)), Texts{"192.0.2.1:443"});
    EXPECT_GE(silent.questions().size(), 1u);
    serving_->stop(io::Stop::shutdown);
    EXPECT_TRUE(engine().run(*serving_));
}

TEST_P(ResolverTest, TakesALongAnswerOverTcp) {
    Reply reply;
    for (int host = 1; host <= 100; ++host) {
        reply.records.push_back(a("many.example", "192.0.2." + std::to_string(host)));
    }
    reply.over_udp = Reply::Length::truncated;
    server_->set("many.example", Record::Type::a, std::move(reply));
    EXPECT_EQ(texts(resolve("many.example", Families::ipv4)).size(), kAddressesMax);
    EXPECT_EQ(server_->questions(), (Texts{"many.example/A", "many.example/A/tcp"}));
}

TEST_P(ResolverTest, SurvivesAnswersThatMakeNoSense) {
    server_->set("www.example", {a("www.example", "192.0.2.1")});
    use_servers({server_->at()}, milliseconds(20), 1);
    const std::vector<std::uint8_t> header = {0, 0, 0x85, 0x80, 0, 1, 0, 1, 0, 0, 0, 0};
    std::vector<std::uint8_t> looping = header;
    looping.insert(looping.end(), {0xc0, 12, 0, 1, 0, 1, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4});
    std::vector<std::uint8_t> short_data = header;
    short_data.insert(short_data.end(),
                      {3, 'w', 'w',  'w', 7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 0,    0,    1,
                       0, 1,   0xc0, 12,  0, 1,   0,   1,   0,   0,   0,   60,  0xff, 0xff, 1});
    for (const auto& datagram : {std::vector<std::uint8_t>{0}, header, looping, short_data}) {
        server_->corrupt_next(datagram);
        EXPECT_FALSE(resolve("www.example", Families::ipv4));
    }
    use_servers({server_->at()});
    EXPECT_EQ(texts(resolve("www.example", Families::ipv4)), Texts{"192.0.2.1:443"});
}

TEST_P(ResolverTest, KnowsLocalhostWithoutAServer) {
    use_servers({closed_port()});
    EXPECT_EQ(texts(resolve("localhost", Families::ipv4)), Texts{"127.0.0.1:443"});
    EXPECT_EQ(texts(resolve("LocalHost", Families::ipv4)), Texts{"127.0.0.1:443"});
}

TEST_P(ResolverTest, ReadsTheHostsFile) {
    // Whatever single-homed name this machine's file has besides localhost.
    std::ifstream hosts("/etc/hosts");
    std::string ip;
    std::string name;
    for (std::string line; std::getline(hosts, line);) {
        std::istringstream words(line);
        words >> ip >> name;
        if (io::Endpoint::from_literal(ip, 0) && !name.starts_with("localhost")) {
            break;
        }
        name.clear();
    }
    if (name.empty()) {
        GTEST_SKIP() << "no other name in /etc/hosts";
    }
    use_servers({closed_port()});
    const auto found = resolve(name);
    ASSERT_TRUE(found) << name;
    const io::Endpoint expected = *io::Endpoint::from_literal(ip, kPort);
    EXPECT_NE(std::ranges::find(*found, expected), found->end()) << name << ' ' << ip;
}

TEST_P(ResolverTest, SharesOneQuestionAmongMany) {
    constexpr std::size_t kWaiters = 100;
    server_->set("www.example", {a("www.example", "192.0.2.1")});
    std::vector<Found> found(kWaiters);
    for (Found& one : found) {
        scope_->spawn(look_up(*resolver_, *scope_, "www.example", Families::ipv4, one));
    }
    EXPECT_TRUE(engine().run(*scope_));
    for (const Found& one : found) {
        ASSERT_TRUE(one);
        EXPECT_EQ(texts(*one), Texts{"192.0.2.1:443"});
    }
    EXPECT_EQ(server_->questions(), Texts{"www.example/A"});
    EXPECT_EQ(resolver_->counters().shared.read(), kWaiters - 1);
}

TEST_P(ResolverTest, RemembersAnswers) {
    server_->set("www.example", {a("www.example", "192.0.2.1", 3600)});
    EXPECT_TRUE(resolve("www.example", Families::ipv4));
    EXPECT_TRUE(resolve("WWW.Example", Families::ipv4));
    EXPECT_EQ(server_->questions(), Texts{"www.example/A"});
    EXPECT_EQ(resolver_->counters().cached.read(), 1u);
    resolver_->refresh();
    EXPECT_TRUE(resolve("www.example", Families::ipv4));
    EXPECT_EQ(server_->questions().size(), 2u);
}

TEST_P(ResolverTest, LeavesTheOthersWhenOneGoes) {
    server_->set("www.example", {a("www.example", "192.0.2.1")});
    server_->ignore_next(1);
    use_servers({server_->at()}, milliseconds(50), 8);
    io::Scope leaving(loop());
    Found left;
    Found stayed;
    leaving.spawn(look_up(*resolver_, leaving, "www.example", Families::ipv4, left));
    scope_->spawn(look_up(*resolver_, *scope_, "www.example", Families::ipv4, stayed));
    EXPECT_TRUE(engine().run([&] { return !server_->questions().empty(); }));
    leaving.stop(io::Stop::deadline);
    EXPECT_TRUE(engine().run(leaving));
    ASSERT_TRUE(left);
    EXPECT_EQ(left->error(), std::errc::operation_canceled);
    EXPECT_TRUE(engine().run(*scope_));
    ASSERT_TRUE(stayed);
    EXPECT_EQ(texts(*stayed), Texts{"192.0.2.1:443"});
}

TEST_P(ResolverTest, EndsWithQuestionsInFlight) {
    server_->ignore_all();
    // The last one asks over TCP when the end comes.
    server_->set("long.example", Record::Type::a, {.over_udp = Reply::Length::truncated});
    std::vector<Found> found(50);
    for (std::size_t index = 0; index < found.size(); ++index) {
        scope_->spawn(look_up(*resolver_, *scope_, "host" + std::to_string(index) + ".example",
                              Families::any, found[index]));
    }
    EXPECT_TRUE(engine().run([&] { return server_->questions().size() >= 2 * found.size(); }));
    EXPECT_EQ(resolver_->counters().asking.read(), found.size());
    home_->stop(io::Stop::shutdown);
    EXPECT_TRUE(engine().run(*scope_));
    EXPECT_TRUE(engine().run(*home_));
    for (const Found& one : found) {
        ASSERT_TRUE(one);
        ASSERT_FALSE(*one);
        EXPECT_EQ(one->error(), std::errc::operation_canceled);
    }
    EXPECT_EQ(error_of("later.example"), std::errc::operation_canceled);
}

TEST_P(ResolverTest, LeavesNothingInItsHomeWhenItIsDone) {
    server_->set("www.example", {a("www.example", "192.0.2.1")});
    EXPECT_TRUE(home_->empty());
    EXPECT_TRUE(resolve("www.example"));
    EXPECT_TRUE(engine().run(*home_)) << "a core ends when nothing is left in its root";
}

// ---- the source alone

struct Told {
    std::optional<NameSource::Answer> answer;
};

class NameServersTest : public ResolverTest {
protected:
    NameSource::Answer ask(NameSource& source, const std::string& name,
                           Families families = Families::ipv4) {
        std::optional<NameSource::Answer> told;
        source.ask(name, families,
                   [&](NameSource::Answer answer) { told.emplace(std::move(answer)); });
        EXPECT_TRUE(engine().run([&] { return told.has_value(); }));
        return told.value_or(NameSource::Answer{});
    }
};

TEST_P(NameServersTest, GiveTheShortestLifetime) {
    const auto source =
        ask_name_servers(*home_, {.servers = {server_->at()}, .timeout = seconds(60)});
    server_->set("one.example",
                 {a("one.example", "192.0.2.1", 70), a("one.example", "192.0.2.2", 50)});
    EXPECT_EQ(ask(*source, "one.example").lifetime, seconds(50));
    server_->set("two.example", {cname("two.example", "target.example", 20),
                                 a("target.example", "192.0.2.1", 70)});
    EXPECT_EQ(ask(*source, "two.example").lifetime, seconds(20));
    server_->set("zero.example", {a("zero.example", "192.0.2.1", 0)});
    EXPECT_EQ(ask(*source, "zero.example").lifetime, seconds(0));
    EXPECT_TRUE(engine().run(*home_));
}

INSTANTIATE_TEST_SUITE_P(, ResolverTest, testing::Values(test::Kind::uring, test::Kind::epoll),
                         test::kind_name);
INSTANTIATE_TEST_SUITE_P(, NameServersTest, testing::Values(test::Kind::uring, test::Kind::epoll),
                         test::kind_name);

}  // namespace
}  // namespace ferry::core
