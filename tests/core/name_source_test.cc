// What resolv.conf says is heeded, also when it changes; and answers come with their lifetimes.
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include "core/resolver.h"
#include "tests/core/name_server.h"
#include "tests/core/resolver_fixture.h"

namespace ferry::core {
namespace {

class ResolvConfTest : public ResolverTest {
protected:
    void SetUp() override {
        ResolverTest::SetUp();
        path_ = testing::TempDir() + "ferry-resolv-XXXXXX";
        const int fd = ::mkstemp(path_.data());
        ASSERT_GE(fd, 0);
        ::close(fd);
    }
    void TearDown() override {
        std::filesystem::remove(path_);
        ResolverTest::TearDown();
    }
    void write(const std::string& text) { std::ofstream(path_) << text; }
    NameServers how(milliseconds max_age) const {
        return {.servers = {server_->at()},
                .resolv_conf = path_,
                .resolv_conf_max_age = max_age,
                .timeout = seconds(60),
                .tries = 1};
    }
    std::string path_;
};

TEST_P(ResolvConfTest, GivesTheSearchDomains) {
    write("search first.example second.example\n");
    server_->set("host.second.example", {a("host.second.example", "192.0.2.1")});
    use(how(seconds(3600)));
    EXPECT_EQ(texts(resolve("host", Families::ipv4)), Texts{"192.0.2.1:443"});
    EXPECT_EQ(server_->questions(), (Texts{"host.first.example/A", "host.second.example/A"}));
    EXPECT_EQ(error_of("host.", Families::ipv4), std::errc::no_such_device_or_address);
    EXPECT_EQ(server_->questions().back(), "host/A")
        << "a dot at the end means that it is complete";
}

TEST_P(ResolvConfTest, IsReadAgainWhenItHasChanged) {
    write("search old.example\n");
    use(how(milliseconds(0)));
    EXPECT_EQ(error_of("one", Families::ipv4), std::errc::no_such_device_or_address);
    EXPECT_EQ(server_->questions().front(), "one.old.example/A");
    write("search brandnew.example\n");
    EXPECT_EQ(error_of("two", Families::ipv4), std::errc::no_such_device_or_address);
    EXPECT_EQ(server_->questions()[2], "two.brandnew.example/A");
}

TEST_P(ResolvConfTest, IsReadAgainOnAReload) {
    write("search old.example\n");
    use(how(seconds(3600)));
    EXPECT_EQ(error_of("one", Families::ipv4), std::errc::no_such_device_or_address);
    write("search brandnew.example\n");
    EXPECT_EQ(error_of("two", Families::ipv4), std::errc::no_such_device_or_address);
    EXPECT_EQ(server_->questions()[2], "two.old.example/A") << "not old enough to be looked at";
    resolver_->refresh();
    EXPECT_EQ(error_of("three", Families::ipv4), std::errc::no_such_device_or_address);
    EXPECT_EQ(server_->questions()[4], "three.brandnew.example/A");
}

TEST_P(ResolvConfTest, ChangesUnderQuestionsInFlight) {
    server_->set("slow.old.example", {a("slow.old.example", "192.0.2.1")});
    server_->set("quick.brandnew.example", {a("quick.brandnew.example", "192.0.2.2")});
    write("search old.example\n");
    NameServers patient = how(milliseconds(0));
    patient.timeout = milliseconds(50);
    patient.tries = 8;
    use(patient);
    server_->ignore_next(1);
    Found slow;
    scope_->spawn(look_up(*resolver_, *scope_, "slow", Families::ipv4, slow));
    EXPECT_TRUE(engine().run([&] { return !server_->questions().empty(); }));
    write("search brandnew.example\n");
    EXPECT_EQ(texts(resolve("quick", Families::ipv4)), Texts{"192.0.2.2:443"});
    EXPECT_TRUE(engine().run(*scope_));
    ASSERT_TRUE(slow);
    EXPECT_EQ(texts(*slow), Texts{"192.0.2.1:443"});
}

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
    const auto source = ask_name_servers(
        *home_, {.servers = {server_->at()}, .resolv_conf = "", .timeout = seconds(60)});
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

INSTANTIATE_TEST_SUITE_P(, ResolvConfTest, real_kinds(), test::kind_name);
INSTANTIATE_TEST_SUITE_P(, NameServersTest, real_kinds(), test::kind_name);

}  // namespace
}  // namespace ferry::core
