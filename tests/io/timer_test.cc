// What a TimerWheel promises: each timer fires once, never early and at most one tick late, in any
// order of arming, moving and disarming; and next() never comes too late.
#include "io/timer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "tests/sim/random.h"

namespace ferry::test {

namespace {

using io::Duration;
using io::TimePoint;
using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr TimePoint kStart(hours(1000));

class Probe final : public io::Timer {
public:
    explicit Probe(const TimePoint& clock) : clock_(clock) {}
    TimePoint due = io::kNever;  // kNever: it must not fire
    int fired = 0;
    Duration late{};

private:
    void fire() noexcept override {
        ++fired;
        EXPECT_NE(due, io::kNever);
        EXPECT_GE(clock_, due) << "early";
        late = clock_ - due;
        due = io::kNever;
    }
    const TimePoint& clock_;
};

// Goes from one next() to the one after it, as a loop does.
TimePoint walk(io::TimerWheel& wheel, TimePoint& clock, TimePoint end) {
    while (wheel.next() <= end) {
        clock = std::max(clock, wheel.next());
        wheel.fire(clock);
    }
    clock = end;
    wheel.fire(clock);
    return clock;
}

TEST(TimerWheel, FiresAtTheTime) {
    // One delay on each side of every border between two wheels, and one that no wheel reaches.
    std::vector<Duration> delays = {Duration(0), microseconds(1), milliseconds(1)};
    for (std::int64_t border = 64; border < (std::int64_t{1} << 38); border *= 64) {
        for (const std::int64_t ms : {border - 1, border, border + 1}) {
            delays.push_back(milliseconds(ms));
        }
    }
    for (const Duration delay : delays) {
        TimePoint clock = kStart + microseconds(300);
        io::TimerWheel wheel;
        wheel.fire(clock);
        Probe probe(clock);
        probe.due = clock + delay;
        wheel.arm(probe, probe.due);
        EXPECT_LE(wheel.next(), probe.due + milliseconds(1));
        walk(wheel, clock, probe.due + milliseconds(1));
        EXPECT_EQ(probe.fired, 1) << delay.count();
        EXPECT_LE(probe.late, milliseconds(1)) << delay.count();
        EXPECT_TRUE(wheel.empty());
    }
}

TEST(TimerWheel, ATimeThatHasPassedFiresWithTheNextCall) {
    TimePoint clock = kStart;
    io::TimerWheel wheel;
    wheel.fire(clock);
    Probe probe(clock);
    probe.due = clock - hours(5);
    wheel.arm(probe, probe.due);
    EXPECT_LE(wheel.next(), clock);
    wheel.fire(clock);
    EXPECT_EQ(probe.fired, 1);
}

TEST(TimerWheel, NeverIsNotArmed) {
    TimePoint clock = kStart;
    io::TimerWheel wheel;
    Probe probe(clock);
    wheel.arm(probe, io::kNever);
    EXPECT_FALSE(probe.armed());
    EXPECT_EQ(wheel.next(), io::kNever);
}

// Ten thousand timers, armed, moved and disarmed at random while time goes by in uneven steps.
TEST(TimerWheel, AgreesWithAListOfTimes) {
    constexpr int kTimers = 10'000;
    constexpr int kSteps = 300;
    sim::Random random(77);
    TimePoint clock = kStart;
    io::TimerWheel wheel;
    std::vector<std::unique_ptr<Probe>> probes;
    for (int i = 0; i < kTimers; ++i) {
        probes.push_back(std::make_unique<Probe>(clock));
    }
    for (int step = 0; step < kSteps; ++step) {
        for (int change = 0; change < 200; ++change) {
            Probe& probe = *probes[random.below(probes.size())];
            if (random.chance(300)) {
                wheel.disarm(probe);
                probe.due = io::kNever;
            } else {
                const auto most = microseconds(std::int64_t{1} << random.below(36));
                probe.due = clock + random.between(Duration(0), most);
                wheel.arm(probe, probe.due);
            }
        }
        clock += random.between(Duration(0), microseconds(std::int64_t{1} << random.below(25)));
        wheel.fire(clock);
        const auto overdue = std::ranges::count_if(probes, [clock](const auto& probe) {
            return probe->due != io::kNever && probe->due + milliseconds(1) <= clock;
        });
        EXPECT_EQ(overdue, 0);
    }
    for (const auto& probe : probes) {
        wheel.disarm(*probe);
    }
    EXPECT_TRUE(wheel.empty());
    EXPECT_EQ(wheel.next(), io::kNever);
}

// Sleeping until next() and firing then must reach every timer: next() is never later than one is
// due.
TEST(TimerWheel, NextNeverComesTooLate) {
    sim::Random random(78);
    for (int round = 0; round < 200; ++round) {
        TimePoint clock = kStart + random.between(Duration(0), hours(100));
        io::TimerWheel wheel;
        wheel.fire(clock);
        std::vector<std::unique_ptr<Probe>> probes;
        for (int i = 0; i < 50; ++i) {
            probes.push_back(std::make_unique<Probe>(clock));
            const auto most = microseconds(std::int64_t{1} << random.below(40));
            probes.back()->due = clock + random.between(Duration(0), most);
            wheel.arm(*probes.back(), probes.back()->due);
        }
        walk(wheel, clock, clock + microseconds(std::int64_t{1} << 41));
        for (const auto& probe : probes) {
            EXPECT_EQ(probe->fired, 1);
            EXPECT_LE(probe->late, milliseconds(1));
        }
    }
}

class Chain final : public io::Timer {
public:
    Chain(io::TimerWheel& wheel, TimePoint when, io::Timer* other)
        : wheel_(wheel), when_(when), other_(other) {}
    int fired = 0;

private:
    void fire() noexcept override {
        ++fired;
        wheel_.arm(*this, when_);
        if (other_ != nullptr) {
            wheel_.disarm(*other_);
        }
    }
    io::TimerWheel& wheel_;
    TimePoint when_;
    io::Timer* other_;
};

// One that arms itself for the past cannot hold up the call, and one may disarm another that is
// due.
TEST(TimerWheel, ATimerMayArmAndDisarmWhileItFires) {
    io::TimerWheel wheel;
    Chain second(wheel, kStart, nullptr);
    Chain first(wheel, kStart, &second);
    wheel.arm(first, kStart);
    wheel.arm(second, kStart);
    wheel.fire(kStart);
    EXPECT_EQ(first.fired, 1);
    EXPECT_EQ(second.fired, 0);
    wheel.fire(kStart);
    EXPECT_EQ(first.fired, 2);
    wheel.disarm(first);
}

}  // namespace

}  // namespace ferry::test
