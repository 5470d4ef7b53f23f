// Engine: one loop over each of the backends, for tests that must hold on all of them.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "io/backend.h"
#include "io/buffer.h"
#include "io/loop.h"
#include "io/scope.h"
#include "io/socket.h"
#include "io/task.h"
#include "tests/sim/sim_backend.h"
#include "tests/sim/world.h"

namespace ferry::test {

// The last ones are rings with a switch on (see io::UringSwitches), or with all of them.
enum class Kind : std::uint8_t {
    uring,
    epoll,
    simulator,
    zero_copy_ring,
    busy_polling_ring,
    polled_ring,
    switched_ring
};

std::string name_of(Kind kind);

// A loop with a backend of its own. In the simulator the weather is windy and the seed is the
// test's.
class Engine {
public:
    struct Slots {
        std::size_t bytes = 16 * 1024;
        std::uint32_t count = 256;
    };

    Engine(Kind kind, Slots slots);
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;
    ~Engine();

    io::Loop& loop() noexcept { return *loop_; }
    io::BufferPool& in() noexcept { return in_; }
    Kind kind() const noexcept { return kind_; }
    // nullptr where the kernel is real.
    sim::SimBackend* simulated() noexcept { return simulated_; }

    // Turns until `done`; false: it did not come. A real loop gives up after a time that no honest
    // machine needs, the simulated one when nothing is left to happen.
    bool run(const std::function<bool()>& done);
    // Until nothing is left in `scope`.
    bool run(io::Scope& scope);
    // Until everything that can happen without a timer of more than a second has happened. Not for
    // rings that a thread of the kernel polls.
    void settle();

private:
    Kind kind_;
    std::unique_ptr<sim::World> world_;
    std::unique_ptr<io::Backend> backend_;
    sim::SimBackend* simulated_ = nullptr;
    io::BufferPool in_;
    std::unique_ptr<io::Loop> loop_;
};

// The fixture: skips a backend that this machine does not have, and looks for descriptors that were
// left open.
class EngineTest : public testing::TestWithParam<Kind> {
protected:
    void SetUp() override;
    void TearDown() override;

    // Makes the engine anew, with other slots.
    void use(Engine::Slots slots);
    Engine& engine() noexcept { return *engine_; }
    io::Loop& loop() noexcept { return engine_->loop(); }

private:
    std::unique_ptr<Engine> engine_;
    std::size_t descriptors_ = 0;
};

// Registers a fixture's tests for all backends.
inline auto all_kinds() {
    return testing::Values(Kind::uring, Kind::epoll, Kind::simulator);
}
// A thread of the kernel works beside the loop of a polled ring: when everything has happened that
// can happen, nobody knows, so these are for tests that say themselves what they wait for.
inline auto switched_kinds() {
    return testing::Values(Kind::zero_copy_ring, Kind::busy_polling_ring, Kind::polled_ring,
                           Kind::switched_ring);
}
inline auto settling_switched_kinds() {
    return testing::Values(Kind::zero_copy_ring, Kind::busy_polling_ring);
}
inline std::string kind_name(const testing::TestParamInfo<Kind>& info) {
    return name_of(info.param);
}

// Two connected sockets of one loop.
struct Link {
    Link(io::Socket&& from, io::Socket&& to) : dialed(std::move(from)), accepted(std::move(to)) {}
    io::Socket dialed;
    io::Socket accepted;
};

// Connects two scopes of one loop with each other.
io::Task<std::unique_ptr<Link>> link(io::Scope& dialing, io::Scope& accepting);

// How many descriptors this process has open.
std::size_t open_descriptors();

// The i-th byte of a stream that no shift of itself resembles.
std::uint8_t byte_at(std::uint64_t index);
std::vector<std::uint8_t> bytes_from(std::uint64_t index, std::size_t count);

}  // namespace ferry::test
