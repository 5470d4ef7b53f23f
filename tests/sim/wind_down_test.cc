// A server that winds down, in virtual time.
//
// Promise: a kept connection of HTTP between two exchanges keeps nobody waiting; an exchange that
// has begun is finished.
#include <gtest/gtest.h>

#include <string_view>

#include "proto/text.h"
#include "tests/sim/apps.h"
#include "tests/sim/configs.h"
#include "tests/sim/node.h"

namespace ferry::sim {
namespace {

using std::chrono::seconds;

const io::Endpoint kLateHost = *io::Endpoint::from_literal("10.0.0.3", 0);
constexpr auto kGrace = seconds(30);
constexpr std::string_view kRequest =
    "GET http://10.0.0.3/ HTTP/1.1\r\nHost: 10.0.0.3\r\nConnection: keep-alive\r\n\r\n";
constexpr std::string_view kResponse = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
// A target's time to think.
constexpr auto kThought = seconds(8);

core::config::Config http_config() {
    core::config::Config config;
    core::config::Inbound inbound;
    inbound.listen = proto::ipv4({10, 0, 0, 2}, 0);
    inbound.ports = {8080, 8080};
    inbound.settings = core::config::HttpInbound{};
    config.inbounds.push_back(inbound);
    config.outbounds.push_back(freedom_outbound());
    return config;
}

// What a client of the proxy has seen.
struct Kept {
    std::string heard;
    bool has_ended = false;  // by an end, not by an error
    bool is_over = false;
};

io::Task<void> ask_once(Host& host, io::Endpoint at, Kept& kept) {
    io::Scope scope(host.loop, &host.root);
    auto socket = co_await io::Socket::connect(scope, at);
    if (socket) {
        auto sent = co_await socket->send(proto::bytes_of(kRequest));
        while (sent) {
            io::Buffer in;
            auto got = co_await socket->recv(in);
            if (!got || *got == 0) {
                kept.has_ended = got.has_value();
                break;
            }
            kept.heard.append(in.data().begin(), in.data().end());
        }
    }
    kept.is_over = true;
}

// Answers one request after a while.
io::Task<void> answer_late(Host& host, io::Scope& scope) {
    auto listener = io::Listener::open(scope, kLateHost.with_port(80), io::Sharing::first);
    auto accepted = co_await listener->accept();
    if (!accepted) {
        co_return;
    }
    io::Socket socket(scope, std::move(accepted->descriptor));
    io::Buffer in;
    auto request = co_await socket.recv(in);
    (void)request;  // what is unread when a socket closes makes a reset of it
    auto thought = co_await host.loop.sleep_for(scope, kThought);
    if (thought) {
        auto sent = co_await socket.send(proto::bytes_of(kResponse));
        (void)sent;  // the client says what it has heard
    }
}

class WindDown : public testing::Test {
protected:
    WindDown()
        : world_(1),
          client_(world_, *io::Endpoint::from_literal("10.0.0.1", 0)),
          target_(world_, kLateHost),
          server_(world_, kServerHost, http_config(), dispatch(), core::Limits{}) {
        target_.root.spawn(answer_late(target_, target_.root));
        client_.root.spawn(ask_once(client_, server_.at(0), kept_));
    }
    ~WindDown() override {
        server_.stop(seconds(0));
        (void)world_.run([this] { return server_.ended() && kept_.is_over; });
    }

    void pass(io::Duration time) {
        const io::TimePoint until = world_.now() + time;
        world_.at(until, [] {});
        (void)world_.run([&] { return world_.now() >= until; });
    }
    bool is_answered() const { return kept_.heard.ends_with("\r\n\r\nok"); }
    void expect_the_end() {
        pass(seconds(1));
        EXPECT_TRUE(server_.ended());
        EXPECT_TRUE(kept_.has_ended) << "cut, where nothing was lost";
        EXPECT_EQ(server_.stats().open_sessions.read(), 0U);
    }

    World world_;
    Host client_;
    Host target_;
    Node server_;
    Kept kept_;
};

TEST_F(WindDown, EndsAConnectionThatRests) {
    pass(kThought + seconds(10));
    ASSERT_TRUE(is_answered());
    ASSERT_FALSE(kept_.is_over);
    server_.stop(kGrace);
    expect_the_end();
}

TEST_F(WindDown, EndsAConnectionOnceItComesToRest) {
    pass(kThought / 2);
    server_.stop(kGrace);
    pass(kThought / 4);
    EXPECT_FALSE(server_.ended());
    pass(kThought / 4 + seconds(1));
    EXPECT_TRUE(is_answered());
    expect_the_end();
}

}  // namespace
}  // namespace ferry::sim
