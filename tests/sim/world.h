// World: virtual time, one generator, the network between several backends, and the hand that turns
// their loops.
//
// A scenario makes a World, a SimBackend and a Loop per core, and calls run(). Everything that
// happens follows from the seed.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "io/loop.h"
#include "tests/sim/random.h"
#include "tests/sim/weather.h"

namespace ferry::sim {

class SimBackend;

// How a run came to its end.
enum class Ended : std::uint8_t {
    satisfied,    // what the caller waits for is there
    idle,         // nothing is left to happen: if something was expected, a deadlock
    livelock,     // things happen without end while no time passes
    out_of_time,  // the caller's limit
};

class World {
public:
    explicit World(std::uint64_t seed, Weather weather = Weather::calm());
    World(const World&) = delete;
    World& operator=(const World&) = delete;
    ~World();

    // Loops that run() turns; in and out between runs, or from inside one.
    void drive(io::Loop& loop);
    void release(io::Loop& loop);

    // Lets things happen until `satisfied` says so.
    //
    //   limit  of virtual time, from now
    Ended run(const std::function<bool()>& satisfied, io::Duration limit = std::chrono::hours(24));
    // Until nothing is left to happen.
    Ended run() {
        return run([] { return false; });
    }

    // So many turns of all loops without any time passing cannot be honest work.
    void set_passes_per_moment(std::uint64_t passes) noexcept { passes_per_moment_ = passes; }

    io::TimePoint now() const noexcept { return now_; }
    std::int64_t unix_seconds() const noexcept;
    Random& random() noexcept { return random_; }
    Weather& weather() noexcept { return weather_; }
    // One of seventeen, so that different things often happen at the same moment, and race.
    io::Duration some_delay() noexcept {
        const io::Duration span = weather_.delay_most - weather_.delay_least;
        return weather_.delay_least + span * static_cast<std::int64_t>(random_.below(17)) / 16;
    }

    // The n-th operation of a kind in this world, counted from 0, fails with an errno.
    void fail_nth(io::Op::Kind kind, std::uint64_t nth, std::int32_t error);
    // How many operations of a kind there have been: where a walk over `nth` may end.
    std::uint64_t count(io::Op::Kind kind) const noexcept;

    // A number that stands for everything that has happened: equal seeds give equal numbers.
    std::uint64_t fingerprint() const noexcept { return fingerprint_; }
    // What every backend waits for, for the message of a failed test.
    std::string describe() const;

    // For the backends and the connections.
    void at(io::TimePoint when, std::move_only_function<void()> what);
    void happened(std::uint64_t what) noexcept;
    std::int32_t fault_of(io::Op::Kind kind) noexcept;  // counts; 0: none
    int new_descriptor() noexcept { return next_descriptor_++; }
    std::uint16_t new_port() noexcept;
    void join(SimBackend& backend) { backends_.push_back(&backend); }
    void leave(SimBackend& backend);
    const std::vector<SimBackend*>& backends() const noexcept { return backends_; }

private:
    bool pass();
    io::TimePoint next_time() const noexcept;
    void advance(io::TimePoint to);

    struct Fault {
        std::uint64_t nth = ~std::uint64_t{0};
        std::int32_t error = 0;
    };

    Random random_;
    Weather weather_;
    io::TimePoint now_;
    // By time, then by the order in which they were planned.
    std::map<std::pair<io::TimePoint, std::uint64_t>, std::move_only_function<void()>> planned_;
    std::uint64_t plans_ = 0;
    std::uint64_t passes_per_moment_ = 100'000;
    std::uint64_t happenings_ = 0;
    std::uint64_t fingerprint_ = 0;
    std::vector<io::Loop*> loops_;
    std::vector<SimBackend*> backends_;
    std::array<Fault, io::Op::kKinds> faults_;
    std::array<std::uint64_t, io::Op::kKinds> counts_ = {};
    int next_descriptor_ = 1000;  // far from real ones; never used twice, so a stale one is noticed
    std::uint16_t next_port_ = 32768;
};

}  // namespace ferry::sim
