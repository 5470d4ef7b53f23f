#include "tests/io/engine.h"

#include <chrono>
#include <filesystem>
#include <iterator>

#include "io/both.h"
#include "io/epoll.h"
#include "io/listener.h"
#include "io/uring.h"

namespace ferry::test {

namespace {

constexpr std::uint64_t kSeed = 20'011;

io::UringSwitches switches_of(Kind kind) {
    const bool all = kind == Kind::switched_ring;
    return {.zero_copy_send = all || kind == Kind::zero_copy_ring,
            .busy_poll_microseconds = all || kind == Kind::busy_polling_ring ? 20U : 0U,
            .submission_polling = all || kind == Kind::polled_ring};
}

std::unique_ptr<io::Backend> real_backend(Kind kind) {
    if (kind == Kind::epoll) {
        auto made = io::make_epoll();
        return made ? std::move(*made) : nullptr;
    }
    auto made = io::make_uring(switches_of(kind));
    return made ? std::move(made->backend) : nullptr;
}

// Why this machine cannot show what the kind stands for; empty: it can.
std::string missing_for(Kind kind) {
    if (kind == Kind::epoll || kind == Kind::simulator) {
        return {};
    }
    const std::string missing = io::uring_missing();
    if (!missing.empty()) {
        return missing;
    }
    const auto made = io::make_uring(switches_of(kind));
    if (!made) {
        return std::make_error_code(made.error()).message();
    }
    const io::UringRefusals& refused = made->refused;
    return refused.zero_copy_send + refused.busy_poll + refused.submission_polling;
}

}  // namespace

std::string name_of(Kind kind) {
    switch (kind) {
        case Kind::uring:
            return "uring";
        case Kind::epoll:
            return "epoll";
        case Kind::simulator:
            return "simulator";
        case Kind::zero_copy_ring:
            return "zero_copy_ring";
        case Kind::busy_polling_ring:
            return "busy_polling_ring";
        case Kind::polled_ring:
            return "polled_ring";
        case Kind::switched_ring:
            return "switched_ring";
    }
    return {};
}

Engine::Engine(Kind kind, Slots slots) : kind_(kind), in_(slots.bytes, slots.count) {
    if (kind == Kind::simulator) {
        world_ = std::make_unique<sim::World>(kSeed, sim::Weather::windy());
        const std::array<std::uint8_t, 4> host = {10, 0, 0, 1};
        auto simulated = std::make_unique<sim::SimBackend>(*world_, io::Endpoint::ipv4(host, 0));
        simulated_ = simulated.get();
        backend_ = std::move(simulated);
    } else {
        backend_ = real_backend(kind);
    }
    EXPECT_NE(backend_, nullptr);
    loop_ = std::make_unique<io::Loop>(*backend_, in_);
    if (world_) {
        world_->drive(*loop_);
    }
}

Engine::~Engine() {
    EXPECT_EQ(in_.free_slots(), in_.slots());
    if (world_) {
        world_->release(*loop_);
        EXPECT_EQ(simulated_->descriptors(), 0U) << "descriptors left open";
    }
    loop_.reset();
    backend_.reset();
}

bool Engine::run(const std::function<bool()>& done) {
    if (world_) {
        const auto ended = world_->run(done);
        EXPECT_EQ(ended, sim::Ended::satisfied) << "seed " << kSeed << "\n" << world_->describe();
        return ended == sim::Ended::satisfied;
    }
    const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(2);
    while (!done()) {
        loop_->turn(loop_->now() + std::chrono::seconds(1));
        if (loop_->now() > end) {
            ADD_FAILURE() << "nothing happens any more";
            return false;
        }
    }
    return true;
}

bool Engine::run(io::Scope& scope) {
    return run([&scope] { return scope.empty(); });
}

void Engine::settle() {
    if (world_) {
        EXPECT_NE(world_->run([] { return false; }, std::chrono::seconds(1)), sim::Ended::livelock);
        return;
    }
    EXPECT_TRUE(kind_ != Kind::polled_ring && kind_ != Kind::switched_ring);
    // On one thread, what a turn sets off is there for the next one: loopback delivers inside the
    // call.
    constexpr int kTurns = 100;
    for (int i = 0; i < kTurns; ++i) {
        loop_->turn(io::TimePoint::min());
    }
}

void EngineTest::SetUp() {
    const std::string missing = missing_for(GetParam());
    if (!missing.empty()) {
        GTEST_SKIP() << missing;
    }
    descriptors_ = open_descriptors();
    use({});
}

void EngineTest::TearDown() {
    if (engine_) {
        engine_.reset();
        EXPECT_EQ(open_descriptors(), descriptors_) << "descriptors left open";
    }
}

void EngineTest::use(Engine::Slots slots) {
    engine_.reset();
    engine_ = std::make_unique<Engine>(GetParam(), slots);
}

io::Task<std::unique_ptr<Link>> link(io::Scope& dialing, io::Scope& accepting) {
    auto listener = io::Listener::open(accepting, io::Endpoint::loopback(), io::Sharing::first);
    EXPECT_TRUE(listener);
    if (!listener) {
        co_return nullptr;
    }
    auto ends =
        co_await io::both(io::Socket::connect(dialing, listener->local()), listener->accept());
    EXPECT_TRUE(ends.first);
    EXPECT_TRUE(ends.second);
    if (!ends.first || !ends.second) {
        co_return nullptr;
    }
    co_return std::make_unique<Link>(std::move(*ends.first),
                                     io::Socket(accepting, std::move(ends.second->descriptor)));
}

std::size_t open_descriptors() {
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

std::uint8_t byte_at(std::uint64_t index) {
    return static_cast<std::uint8_t>((index * 0x9e3779b97f4a7c15) >> 56);
}

std::vector<std::uint8_t> bytes_from(std::uint64_t index, std::size_t count) {
    std::vector<std::uint8_t> bytes(count);
    for (std::size_t i = 0; i < count; ++i) {
        bytes[i] = byte_at(index + i);
    }
    return bytes;
}

}  // namespace ferry::test
