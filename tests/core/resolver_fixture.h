// ResolverTest: a resolver and its name server on one loop, over each real backend.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "core/caching_resolver.h"
#include "core/resolver.h"
#include "io/loop.h"
#include "tests/core/name_server.h"
#include "tests/io/engine.h"

namespace ferry::core {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::a;
using test::aaaa;
using test::cname;
using test::NameServer;
using test::Record;
using test::Reply;

inline constexpr std::uint16_t kPort = 443;

using Found = std::optional<io::Result<Endpoints>>;

inline io::Task<void> look_up(Resolver& resolver, io::Scope& scope, std::string name,
                              Families families, Found& found) {
    auto result = co_await resolver.resolve(scope, std::move(name), kPort, families);
    found.emplace(std::move(result));
}

inline std::vector<std::string> texts(const io::Result<Endpoints>& found) {
    std::vector<std::string> result;
    if (!found) {
        return {std::make_error_code(found.error()).message()};
    }
    for (const io::Endpoint& endpoint : *found) {
        result.push_back(endpoint.text());
    }
    return result;
}

inline std::vector<std::string> sorted(std::vector<std::string> texts) {
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
        use({.servers = std::move(servers), .resolv_conf = "", .timeout = timeout, .tries = tries});
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

// The simulator has no sockets that somebody else could open.
inline auto real_kinds() {
    return testing::Values(test::Kind::uring, test::Kind::epoll);
}

}  // namespace ferry::core
