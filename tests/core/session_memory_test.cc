// Promise: an idle session costs what docs/limits.md says, on the heap and in slots, at the server
// and at the client. Real sockets on loopback, so that nothing but the program allocates.
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "core/core.h"
#include "core/server.h"
#include "core/snapshot.h"
#include "crypto/dispatch.h"
#include "io/epoll.h"
#include "proto/vmess/body.h"
#include "proto/vmess/chunk.h"
#include "proto/vmess/headed.h"
#include "proto/vmess/raw.h"
#include "proto/vmess/request.h"
#include "tests/core/allocations.h"
#include "tests/core/census.h"
#include "tests/core/fixed_resolver.h"
#include "tests/core/plug.h"

namespace ferry::core {
namespace {

namespace vmess = proto::vmess;
using test::connected_to;
using test::Place;
using test::Plug;

// The first ones pay for tables that all share.
constexpr std::size_t kWarmUp = 32;
constexpr std::size_t kSessions = 64;
// "At most 6 kB" of a session, whatever its security and its role.
constexpr std::size_t kHeapBytesMax = 6000;

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
        fill_tables();
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
    // Until nothing is allocated or given back any more.
    void settle() {
        std::size_t before = 0;
        for (int turns = 0; turns < kStill; ++turns) {
            loop_.turn(loop_.now() + std::chrono::milliseconds(1));
            const std::size_t now = test::allocated_bytes();
            turns = now == before ? turns : 0;
            before = now;
        }
    }

private:
    // The first entry in each shard of a replay filter makes room for others.
    void fill_tables() {
        for (std::size_t each = 0; each < 16 * kReplayShards; ++each) {
            const auto token = random_.bytes<kReplayTokenBytes>();
            EXPECT_TRUE(replay_.restore(token, loop_.unix_seconds(), loop_.now()));
            EXPECT_TRUE(session_keys_.restore(token, loop_.unix_seconds(), loop_.now()));
        }
    }

    static constexpr int kStill = 20;

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

config::Config config_of(config::Inbound inbound, config::Outbound outbound) {
    config::Config config;
    inbound.listen = local(0);
    config.inbounds.push_back(std::move(inbound));
    config.outbounds.push_back(std::move(outbound));
    return config;
}

// The offer of a security, as the request of a client of ours has it.
struct Case {
    const char* name;
    vmess::BodyChoice choice;
    config::Security security;
};

constexpr std::array kCases = {
    Case{"aes_128_gcm", vmess::BodyChoice::aes128_gcm, config::Security::aes_128_gcm},
    Case{"chacha20_poly1305", vmess::BodyChoice::chacha20_poly1305,
         config::Security::chacha20_poly1305},
    Case{"none", vmess::BodyChoice::none, config::Security::none},
    Case{"zero", vmess::BodyChoice::zero, config::Security::zero},
};

// What a piece of a session may take, and how many of them a session has.
struct Part {
    std::string_view name;
    std::size_t count;
    std::size_t bytes_max;  // of one, with what the allocator adds
};

// A few words around an object, and what rounds it up.
constexpr std::size_t on_heap(std::size_t bytes) {
    return (bytes + sizeof(std::size_t) + 15) / 16 * 16;
}

// Frames are as large as the optimiser leaves them: these are bounds for g++ 12 and clang 19.
// docs/performance.md, "Memory", has the table with the bytes themselves.
constexpr std::array kParts = {
    Part{"frame of core::Server::serve", 1, on_heap(sizeof(Session) + 256)},
    Part{"frame of core::pump", 2, 640},
    Part{"frame of core::relay", 1, 384},
    Part{"frame of core::run", 1, 160},
    Part{"frame of core::run_once", 1, 192},
    Part{"frame of io::Scope::run", 1, 96},
    Part{"frame of io::both", 1, 128},
    Part{"core::Follower", 1, 80},
    Part{"proto::vmess::HeadedOpener<proto::vmess::ChunkOpener<proto::vmess::AeadPayload> >", 1,
         352},
    Part{"proto::vmess::HeadedSealer<proto::vmess::ChunkSealer<proto::vmess::AeadPayload> >", 1,
         352},
    Part{"proto::vmess::HeadedOpener<proto::vmess::ChunkOpener<proto::vmess::BarePayload> >", 1,
         320},
    Part{"proto::vmess::HeadedSealer<proto::vmess::ChunkSealer<proto::vmess::BarePayload> >", 1,
         320},
    Part{"proto::vmess::HeadedOpener<proto::vmess::RawOpener>", 1, 64},
    Part{"proto::vmess::HeadedSealer<proto::vmess::RawSealer>", 1, 64},
    Part{"key", 2, on_heap(sizeof(crypto::Aead))},
    // Headers that wait, texts, pieces to send; and the tables of the process.
    Part{"other", 8, 80},
};

static_assert(on_heap(sizeof(vmess::HeadedOpener<vmess::AeadChunkOpener>)) <= 352);
static_assert(on_heap(sizeof(vmess::HeadedSealer<vmess::AeadChunkSealer>)) <= 352);

// Frames of coroutines are as large as the optimiser leaves them.
bool is_measured() {
#if defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    return true;
#else
    return false;
#endif
}

// Read once; before what is counted begins, as they take memory too.
const test::Symbols& symbols() {
    static const test::Symbols all;
    return all;
}

// Sessions that do nothing, and what they have allocated.
class Idle {
public:
    explicit Idle(Machine& machine) : machine_(machine) {}

    // Opens so many more; `open` makes one with one byte of payload.
    template <class Open>
    void open(std::size_t count, Open open) {
        for (std::size_t each = 0; each < count; ++each) {
            plugs_.push_back(open());
        }
        const StatsShard& stats = machine_.stats();
        EXPECT_TRUE(machine_.until([&] {
            return stats.open_sessions.read() == plugs_.size() &&
                   stats.uplink_bytes.read() == plugs_.size();
        })) << "not all of them are open";
        machine_.settle();
    }
    void await_answers() {
        const StatsShard& stats = machine_.stats();
        EXPECT_TRUE(machine_.until([&] { return stats.downlink_bytes.read() == plugs_.size(); }))
            << "not all of them have been answered";
        machine_.settle();
    }

    // What is there since that point must fit the parts. Tells what it is.
    void hold(const char* what, std::uint64_t point) const {
        EXPECT_TRUE(machine_.pools_are_full()) << "an idle session holds a slot";
        if (!is_measured()) {
            return;  // nor is it told: without optimisation it takes minutes to look at the symbols
        }
        test::Census census = test::census_of(symbols(), test::pieces_since(point));
        std::size_t bytes = 0;
        std::printf("%s\n", what);
        for (const auto& [name, kind] : census) {
            bytes += kind.taken_bytes;
            std::printf("%6.2f x %7.1f  %s\n", part(kind.count),
                        static_cast<double>(kind.taken_bytes) / static_cast<double>(kind.count),
                        name.c_str());
        }
        std::printf("%16zu  sum\n", bytes / kSessions);
        EXPECT_LE(bytes / kSessions, kHeapBytesMax) << what;
        hold_parts(census);
    }

private:
    static double part(std::size_t count) {
        return static_cast<double>(count) / static_cast<double>(kSessions);
    }
    void hold_parts(test::Census& census) const {
        for (const Part& part : kParts) {
            const test::Kind kind = census[std::string(part.name)];
            EXPECT_LE(kind.taken_bytes, kSessions * part.count * part.bytes_max) << part.name;
            census.erase(std::string(part.name));
        }
        for (const auto& [name, kind] : census) {
            // The machine's own, now and then; a part of a session is there for each of them.
            EXPECT_LT(kind.count, kSessions) << "a part that is not in the table: " << name;
        }
    }

    Machine& machine_;
    std::vector<Plug> plugs_;
};

class SessionMemory : public testing::TestWithParam<Case> {
protected:
    vmess::Request request() {
        const vmess::Offer offer =
            vmess::offer_for(GetParam().choice, vmess::Command::tcp, vmess::SealedLengths::off);
        vmess::Request request;
        request.security = offer.security;
        request.options = offer.options;
        request.target = local(target_.port());
        vmess::draw_secrets(request, random_);
        return request;
    }
    // What an idle session costs before and after it was answered.
    template <class Open, class Answer>
    void measure(Machine& machine, Open open, Answer answer) {
        if (is_measured()) {
            EXPECT_FALSE(symbols().empty()) << "the parts have no names";
        }
        std::vector<Plug> targets;
        targets.reserve(kWarmUp + kSessions);
        Idle idle(machine);
        idle.open(kWarmUp, open);
        const std::uint64_t point = test::allocations_so_far();
        idle.open(kSessions, open);
        idle.hold("not answered", point);
        for (std::size_t each = 0; each < kWarmUp + kSessions; ++each) {
            targets.push_back(target_.take());
            answer(targets.back());
        }
        idle.await_answers();
        idle.hold("answered", point);
    }

    const crypto::Dispatch dispatch_ = crypto::choose(crypto::detect());
    crypto::Random random_{std::array<std::uint8_t, 32>{7}};
    const vmess::CommandKey key_{user()};
    Place target_;
};

TEST_P(SessionMemory, AtTheServer) {
    config::Inbound inbound;
    config::VmessInbound vmess;
    vmess.clients.push_back({user(), 0, 0, "anna@example.org"});
    inbound.settings = vmess;
    config::Outbound outbound;
    outbound.settings = config::FreedomOutbound{};
    Machine machine(dispatch_, config_of(inbound, outbound));
    const auto open = [&] {
        const auto sealer =
            vmess::make_request_sealer(dispatch_, random_, key_, time(nullptr), request());
        std::array<std::uint8_t, 2048> words;
        const std::array<std::uint8_t, 1> payload = {'x'};
        const std::size_t count = (*sealer)->seal(payload, words);
        return connected_to(machine.at(), ByteView(words).first(count));
    };
    const std::array<std::uint8_t, 1> payload = {'y'};
    measure(machine, open, [&](const Plug& target) { target.say(payload); });
}

TEST_P(SessionMemory, AtTheClient) {
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
    server.users.back().security = GetParam().security;
    vmess.servers.push_back(server);
    outbound.settings = vmess;
    Machine machine(dispatch_, config_of(inbound, outbound));
    const std::array<std::uint8_t, 1> payload = {'x'};
    measure(
        machine, [&] { return connected_to(machine.at(), payload); },
        [&](const Plug& target) {
            std::array<std::uint8_t, 2048> words;
            const ssize_t got = recv(target.fd(), words.data(), words.size(), 0);
            ASSERT_GT(got, 0);
            const auto bytes =
                vmess::request_bytes(dispatch_, key_, ByteView(words).first<vmess::kPrefixBytes>());
            ASSERT_TRUE(bytes);
            const auto asked = vmess::open_request(dispatch_, key_, ByteSpan(words).first(*bytes));
            ASSERT_TRUE(asked);
            const auto sealer = vmess::make_response_sealer(dispatch_, random_, *asked);
            const std::size_t count = (*sealer)->seal(payload, words);
            target.say(ByteView(words).first(count));
        });
}

INSTANTIATE_TEST_SUITE_P(Idle, SessionMemory, testing::ValuesIn(kCases),
                         [](const auto& tested) { return std::string(tested.param.name); });

}  // namespace
}  // namespace ferry::core
