// Promise: an idle session costs what docs/limits.md says, on the heap and in slots, at the server
// and at the client. Real sockets on loopback, so that nothing but the program allocates.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <vector>

#include "core/core.h"
#include "core/server.h"
#include "core/snapshot.h"
#include "crypto/dispatch.h"
#include "io/epoll.h"
#include "proto/vmess/body.h"
#include "tests/core/allocations.h"
#include "tests/core/fixed_resolver.h"

namespace ferry::core {
namespace {

using proto::vmess::Request;

constexpr std::size_t kSessions = 64;
constexpr std::size_t kHeapBytesMax = 6 * 1024;

proto::vmess::UserId user() {
    return *proto::vmess::parse_uuid("b831381d-6324-4d53-ad4f-8cda48b30811");
}

proto::Address local(std::uint16_t port) {
    return proto::ipv4({127, 0, 0, 1}, port);
}

// One core with a configuration on real sockets.
class Machine {
public:
    Machine(const crypto::Dispatch& dispatch, const config::Config& config)
        : backend_(std::move(*io::make_epoll())),
          pools_(limits_),
          loop_(*backend_, pools_.in),
          random_(std::array<std::uint8_t, 32>{1}),
          queue_(256),
          log_(queue_, LogFilter{LogLevel::none, false, LogStyle::v2ray},
               [] { return WallTime(std::chrono::seconds(0)); }),
          replay_(1, 64),
          session_keys_(2, 64),
          root_(loop_),
          core_{.loop = loop_,
                .pools = pools_,
                .limits = limits_,
                .dispatch = dispatch,
                .random = random_,
                .resolver = resolver_,
                .log = log_,
                .stats = stats_,
                .meters = meters_,
                .replay = replay_,
                .session_keys = session_keys_,
                .skew_reports = skew_reports_,
                .kept_sockets = kept_sockets_,
                .snapshot = make_snapshot(config, dispatch),
                .drains = {},
                .room_for_sessions = {},
                .session_ended = {},
                .socket_kept = {},
                .post = {}},
          server_(std::make_unique<Server>(core_, root_)) {
        at_ = *server_->listen(core_.snapshot->ports.at(0), io::Sharing::first);
        server_->start();
    }
    ~Machine() {
        server_->stop(io::Duration::zero());
        loop_.run(root_);
        server_.reset();
    }

    const io::Endpoint& at() const noexcept { return at_; }
    const StatsShard& stats() const noexcept { return stats_; }
    bool pools_are_full() const noexcept {
        return pools_.in.free_slots() == pools_.in.slots() &&
               pools_.run.free_slots() == pools_.run.slots() &&
               pools_.out.free_slots() == pools_.out.slots();
    }
    template <class Condition>
    bool until(Condition is_there) {
        for (int turn = 0; turn < 100'000 && !is_there(); ++turn) {
            loop_.turn(loop_.now() + std::chrono::milliseconds(5));
        }
        return is_there();
    }
    void settle() {
        for (int turn = 0; turn < 60; ++turn) {
            loop_.turn(loop_.now() + std::chrono::milliseconds(5));
        }
    }

private:
    Limits limits_;
    std::unique_ptr<io::Backend> backend_;
    Pools pools_;
    io::Loop loop_;
    crypto::Random random_;
    test::FixedResolver resolver_;
    LogQueue queue_;
    CoreLog log_;
    StatsShard stats_;
    Meters meters_;
    ReplayFilter replay_;
    ReplayFilter session_keys_;
    SkewReports skew_reports_;
    KeptSockets kept_sockets_;
    io::Scope root_;
    Core core_;
    std::unique_ptr<Server> server_;
    io::Endpoint at_;
};

// A plain socket of the test's own.
class Plug {
public:
    Plug() : fd_(socket(AF_INET, SOCK_STREAM, 0)) {}
    explicit Plug(int fd) : fd_(fd) {}
    Plug(Plug&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    ~Plug() {
        if (fd_ >= 0) {
            close(fd_);
        }
    }
    int fd() const noexcept { return fd_; }

private:
    int fd_;
};

Plug connected_to(const io::Endpoint& at, ByteView first) {
    Plug plug;
    EXPECT_EQ(connect(plug.fd(), at.address(), at.length()), 0);
    EXPECT_EQ(send(plug.fd(), first.data(), first.size(), 0), static_cast<ssize_t>(first.size()));
    return plug;
}

// A place where connections are taken and nothing is said.
class Silence {
public:
    Silence() {
        const io::Endpoint any = io::Endpoint::loopback();
        EXPECT_EQ(bind(plug_.fd(), any.address(), any.length()), 0);
        EXPECT_EQ(listen(plug_.fd(), 1024), 0);
        sockaddr_in mine{};
        socklen_t bytes = sizeof mine;
        getsockname(plug_.fd(), static_cast<sockaddr*>(static_cast<void*>(&mine)), &bytes);
        port_ = ntohs(mine.sin_port);
    }
    std::uint16_t port() const noexcept { return port_; }

private:
    Plug plug_;
    std::uint16_t port_ = 0;
};

config::Config config_of(config::Inbound inbound, config::Outbound outbound) {
    config::Config config;
    inbound.listen = local(0);
    config.inbounds.push_back(std::move(inbound));
    config.outbounds.push_back(std::move(outbound));
    return config;
}

// What one of many idle sessions has allocated; the first ones pay for tables that all share.
template <class Open>
std::size_t bytes_per_session(Machine& machine, Open open) {
    std::vector<Plug> plugs;
    plugs.reserve(3 * kSessions);
    const auto open_many = [&](std::size_t count) {
        for (std::size_t each = 0; each < count; ++each) {
            plugs.push_back(open());
        }
        EXPECT_TRUE(machine.until([&] {
            return machine.stats().open_sessions.read() == plugs.size() &&
                   machine.stats().uplink_bytes.read() == plugs.size();
        })) << "not all of them are open";
        machine.settle();
    };
    open_many(kSessions);
    const std::size_t before = test::allocated_bytes();
    open_many(2 * kSessions);
    const std::size_t grown = test::allocated_bytes() - before;
    EXPECT_TRUE(machine.pools_are_full()) << "an idle session holds a slot";
    plugs.clear();
    return grown / (2 * kSessions);
}

// Frames of coroutines are as large as the optimiser leaves them.
bool is_measured() {
#if defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    return true;
#else
    return false;
#endif
}

class SessionMemory : public testing::Test {
protected:
    const crypto::Dispatch dispatch_ = crypto::choose(crypto::detect());
    Silence target_;
};

TEST_F(SessionMemory, AtTheServer) {
    config::Inbound inbound;
    config::VmessInbound vmess;
    vmess.clients.push_back({user(), 0, 0, "anna@example.org"});
    inbound.settings = vmess;
    config::Outbound outbound;
    outbound.settings = config::FreedomOutbound{};
    Machine machine(dispatch_, config_of(inbound, outbound));
    crypto::Random random(std::array<std::uint8_t, 32>{7});
    const proto::vmess::CommandKey key(user());

    const std::size_t bytes = bytes_per_session(machine, [&] {
        Request request;
        request.target = local(target_.port());
        proto::vmess::draw_secrets(request, random);
        const auto sealer =
            proto::vmess::make_request_sealer(dispatch_, random, key, time(nullptr), request);
        std::array<std::uint8_t, 2048> words;
        const std::array<std::uint8_t, 1> payload = {'x'};
        const std::size_t count = (*sealer)->seal(payload, words);
        return connected_to(machine.at(), ByteView(words).first(count));
    });
    RecordProperty("bytes", static_cast<int>(bytes));
    if (is_measured()) {
        EXPECT_LE(bytes, kHeapBytesMax);
    }
}

TEST_F(SessionMemory, AtTheClient) {
    config::Inbound inbound;
    config::DokodemoInbound door;
    door.target = local(80);
    inbound.settings = door;
    config::Outbound outbound;
    config::VmessOutbound vmess;
    config::VmessServer server;
    server.address = local(target_.port());
    server.users.push_back({});
    server.users.back().id = user();
    vmess.servers.push_back(server);
    outbound.settings = vmess;
    Machine machine(dispatch_, config_of(inbound, outbound));

    const std::array<std::uint8_t, 1> payload = {'x'};
    const std::size_t bytes =
        bytes_per_session(machine, [&] { return connected_to(machine.at(), payload); });
    RecordProperty("bytes", static_cast<int>(bytes));
    if (is_measured()) {
        EXPECT_LE(bytes, kHeapBytesMax);
    }
}

}  // namespace
}  // namespace ferry::core
