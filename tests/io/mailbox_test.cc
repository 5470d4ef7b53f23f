// What a Mailbox promises: messages from any thread run on the receiving core, in order, none lost;
// a full box says so. Run under the thread sanitizer as well.
#include "io/mailbox.h"

#include <array>
#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "tests/io/engine.h"

namespace ferry::test {

namespace {

class Mail : public EngineTest {};
INSTANTIATE_TEST_SUITE_P(Backends, Mail, all_kinds(), kind_name);

// Sends again and again until the box has room.
void send_surely(io::Mailbox& box, io::Mailbox::Message message) {
    while (!box.send(message)) {
        std::this_thread::yield();
    }
}

TEST_P(Mail, AFullBoxSaysSo) {
    io::Mailbox box(loop(), 2);
    int ran = 0;
    EXPECT_TRUE(box.send([&ran] { ++ran; }));
    EXPECT_TRUE(box.send([&ran] { ++ran; }));
    io::Mailbox::Message third = [&ran] { ran += 10; };
    EXPECT_FALSE(box.send(third));
    EXPECT_TRUE(third) << "still the caller's";
    EXPECT_EQ(ran, 0) << "messages run in the loop";
    EXPECT_TRUE(engine().run([&ran] { return ran == 2; }));
    EXPECT_TRUE(box.send(third));
    EXPECT_TRUE(engine().run([&ran] { return ran == 12; }));
}

TEST_P(Mail, AMessageMaySendOne) {
    io::Mailbox box(loop(), 1);
    int ran = 0;
    EXPECT_TRUE(box.send([&] {
        ++ran;
        EXPECT_TRUE(box.send([&ran] { ++ran; }));
    }));
    EXPECT_TRUE(engine().run([&ran] { return ran == 2; }));
}

TEST_P(Mail, AMessageOwnsWhatItCarries) {
    io::Mailbox box(loop(), 1);
    auto value = std::make_unique<int>(7);
    int got = 0;
    EXPECT_TRUE(box.send([value = std::move(value), &got] { got = *value; }));
    EXPECT_TRUE(engine().run([&got] { return got == 7; }));
}

io::Task<void> sleep_long(io::Scope& scope) {
    auto slept = co_await scope.loop().sleep_for(scope, std::chrono::hours(1));
    EXPECT_FALSE(slept);
}

// Three threads send to a loop that would sleep for an hour between two messages: a lost wake-up
// hangs the test. The messages of each thread stay in order.
TEST_P(Mail, WakesALoopThatSleeps) {
    if (engine().simulated() != nullptr) {
        GTEST_SKIP() << "the simulator runs on one thread";
    }
    constexpr int kThreads = 3;
    constexpr int kMessages = 2'000;
    io::Mailbox box(loop(), 16);
    io::Scope scope(loop());
    scope.spawn(sleep_long(scope));
    std::array<int, kThreads> next{};
    int arrived = 0;
    std::vector<std::thread> threads;
    for (int who = 0; who < kThreads; ++who) {
        threads.emplace_back([&, who] {
            for (int i = 0; i < kMessages; ++i) {
                send_surely(box, [&, who, i] {
                    EXPECT_EQ(next[static_cast<std::size_t>(who)]++, i);
                    if (++arrived == kThreads * kMessages) {
                        scope.stop(io::Stop::shutdown);
                    }
                });
            }
        });
    }
    loop().run(scope);
    EXPECT_EQ(arrived, kThreads * kMessages);
    for (auto& thread : threads) {
        thread.join();
    }
}

// A core: backend, pool and loop are made on the thread that uses them.
struct Core {
    explicit Core(Kind kind) : engine(kind, {}), box(engine.loop(), 4), root(engine.loop()) {}
    Engine engine;
    io::Mailbox box;
    io::Scope root;
    Core* other = nullptr;
    int left = 0;
};

// Returns a ball, by a message to the other core; who has none left to play stops both.
void play(Core& mine) {
    Core& theirs = *mine.other;
    if (mine.left-- == 0) {
        send_surely(theirs.box, [&theirs] { theirs.root.stop(io::Stop::shutdown); });
        mine.root.stop(io::Stop::shutdown);
        return;
    }
    send_surely(theirs.box, [&theirs] { play(theirs); });
}

void run_core(Kind kind, int index, std::array<std::atomic<Core*>, 2>& cores,
              std::atomic<int>& finished) {
    Core mine(kind);
    mine.left = 1'000;
    mine.root.spawn(sleep_long(mine.root));
    const auto at = static_cast<std::size_t>(index);
    cores[at] = &mine;
    while ((mine.other = cores[1 - at]) == nullptr) {
        std::this_thread::yield();
    }
    if (index == 0) {
        play(mine);
    }
    mine.engine.loop().run(mine.root);
    // Nobody may be sending to a box that goes.
    ++finished;
    while (finished < 2) {
        std::this_thread::yield();
    }
}

// Two cores, each asleep whenever it is the other's turn, a thousand times.
TEST_P(Mail, TwoCoresTalk) {
    if (engine().simulated() != nullptr) {
        GTEST_SKIP() << "the simulator runs on one thread";
    }
    std::array<std::atomic<Core*>, 2> cores = {};
    std::atomic<int> finished = 0;
    std::thread second([&] { run_core(GetParam(), 1, cores, finished); });
    run_core(GetParam(), 0, cores, finished);
    second.join();
    EXPECT_EQ(finished, 2);
}

}  // namespace

}  // namespace ferry::test
