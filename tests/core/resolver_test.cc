// Names are resolved through real sockets, on both real backends, without blocking the loop: the
// name server of each test runs on the same loop, so a resolver that blocked would wait for ever.
//
// Short timeouts are given where a server stays silent; no test depends on how long they take.
#include "core/resolver.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "tests/core/name_server.h"
#include "tests/core/resolver_fixture.h"

namespace ferry::core {
namespace {

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

INSTANTIATE_TEST_SUITE_P(, ResolverTest, real_kinds(), test::kind_name);

}  // namespace
}  // namespace ferry::core
