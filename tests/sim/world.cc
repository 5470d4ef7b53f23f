#include "tests/sim/world.h"

#include <algorithm>
#include <cassert>
#include <chrono>

#include "tests/sim/sim_backend.h"

namespace ferry::sim {

namespace {

// A day on which nothing happened; times before it must be possible, too.
constexpr io::TimePoint kBeginning(std::chrono::hours(1000));
constexpr std::int64_t kBeginningUnix = 1'700'000'000;

std::size_t index_of(io::Op::Kind kind) {
    return static_cast<std::size_t>(kind);
}

}  // namespace

World::World(std::uint64_t seed, Weather weather)
    : random_(seed), weather_(weather), now_(kBeginning) {}

World::~World() {
    assert(loops_.empty());
    assert(backends_.empty());
}

void World::drive(io::Loop& loop) {
    loops_.push_back(&loop);
}

void World::release(io::Loop& loop) {
    std::erase(loops_, &loop);
}

void World::leave(SimBackend& backend) {
    std::erase(backends_, &backend);
}

Ended World::run(const std::function<bool()>& satisfied, io::Duration limit) {
    const io::TimePoint end = now_ + limit;
    std::uint64_t passes = 0;
    while (!satisfied()) {
        const bool active = pass();
        if (active || satisfied()) {
            if (++passes > passes_per_moment_) {
                return Ended::livelock;
            }
            continue;
        }
        const io::TimePoint next = next_time();
        if (next == io::kNever) {
            return Ended::idle;
        }
        if (next > end) {
            return Ended::out_of_time;
        }
        if (next > now_) {
            passes = 0;
        }
        advance(next);
    }
    return Ended::satisfied;
}

// Turns every loop once, in an order of the seed's choice. Gives whether anything came of it.
bool World::pass() {
    const std::uint64_t before = happenings_;
    std::vector<io::Loop*> order = loops_;
    for (std::size_t left = order.size(); left > 1; --left) {
        std::swap(order[left - 1], order[random_.below(left)]);
    }
    for (io::Loop* loop : order) {
        // One that ran before may have released it.
        if (std::ranges::find(loops_, loop) != loops_.end()) {
            loop->turn(now_);
        }
    }
    const bool more =
        std::ranges::any_of(loops_, [this](const io::Loop* loop) { return loop->due() <= now_; });
    return more || happenings_ != before;
}

io::TimePoint World::next_time() const noexcept {
    io::TimePoint next = planned_.empty() ? io::kNever : planned_.begin()->first.first;
    for (const io::Loop* loop : loops_) {
        next = std::min(next, loop->due());
    }
    return next;
}

void World::advance(io::TimePoint to) {
    now_ = std::max(now_, to);
    while (!planned_.empty() && planned_.begin()->first.first <= now_) {
        auto plan = planned_.extract(planned_.begin());
        plan.mapped()();
    }
}

std::int64_t World::unix_seconds() const noexcept {
    using std::chrono::seconds;
    return kBeginningUnix + std::chrono::floor<seconds>(now_ - kBeginning).count();
}

void World::fail_nth(io::Op::Kind kind, std::uint64_t nth, std::int32_t error) {
    faults_[index_of(kind)] = {nth, error};
}

std::uint64_t World::count(io::Op::Kind kind) const noexcept {
    return counts_[index_of(kind)];
}

std::int32_t World::fault_of(io::Op::Kind kind) noexcept {
    const Fault& fault = faults_[index_of(kind)];
    const std::uint64_t nth = counts_[index_of(kind)]++;
    return nth == fault.nth ? fault.error : 0;
}

void World::at(io::TimePoint when, std::move_only_function<void()> what) {
    planned_.emplace(std::pair(when, plans_++), std::move(what));
}

void World::happened(std::uint64_t what) noexcept {
    ++happenings_;
    const auto time = static_cast<std::uint64_t>(now_.time_since_epoch().count());
    fingerprint_ = (fingerprint_ ^ what ^ (time << 8)) * 0x100000001b3;
}

std::uint16_t World::new_port() noexcept {
    next_port_ =
        next_port_ == 65535 ? std::uint16_t{32768} : static_cast<std::uint16_t>(next_port_ + 1);
    return next_port_;
}

std::string World::describe() const {
    std::string text;
    for (const SimBackend* backend : backends_) {
        text += backend->describe();
    }
    return text;
}

}  // namespace ferry::sim
