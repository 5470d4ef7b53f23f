// What a Task promises: it starts when awaited, hands back its value, and its stack does not grow
// with the number of awaits.
#include "io/task.h"

#include <gtest/gtest.h>
#include <pthread.h>

#include <coroutine>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "io/both.h"

namespace ferry::test {

namespace {

using io::Task;

// Coroutines that suspended, and the hand that resumes them: a loop without a kernel.
class Queue {
public:
    class Turn {
    public:
        explicit Turn(Queue& queue) : queue_(queue) {}
        bool await_ready() const { return false; }
        void await_suspend(std::coroutine_handle<> h) { queue_.waiting_.push_back(h); }
        void await_resume() const {}

    private:
        Queue& queue_;
    };

    Turn turn() { return Turn(*this); }
    bool empty() const { return waiting_.empty(); }
    void drain() {
        while (!waiting_.empty()) {
            const auto now = std::exchange(waiting_, {});
            for (const auto h : now) {
                io::resume(h);
            }
        }
    }

private:
    std::vector<std::coroutine_handle<>> waiting_;
};

// A coroutine that nobody awaits.
struct Root {
    struct promise_type {
        Root get_return_object() { return {}; }
        std::suspend_never initial_suspend() { return {}; }
        std::suspend_never final_suspend() noexcept { return {}; }
        void return_void() {}
        void unhandled_exception() { std::abort(); }
    };
};

Root run(Task<void> task) {
    co_await task;
}

enum class Pace : std::uint8_t { at_once, after_a_turn };

Task<int> leaf(Queue& queue, Pace pace) {
    if (pace == Pace::after_a_turn) {
        co_await queue.turn();
    }
    co_return 1;
}

Task<int> middle(Queue& queue, Pace pace) {
    const int below = co_await leaf(queue, pace);
    co_return below + 1;
}

Task<void> many(Queue& queue, Pace pace, int count, int& sum) {
    for (int i = 0; i < count; ++i) {
        const int got = co_await middle(queue, pace);
        sum += got;
    }
}

constexpr int kAwaits = 20'000;

struct Flat {
    Pace pace;
    int sum = 0;
};

void* await_many(void* argument) {
    Flat& flat = *static_cast<Flat*>(argument);
    Queue queue;
    run(many(queue, flat.pace, kAwaits, flat.sum));
    queue.drain();
    return nullptr;
}

// On a thread with a stack of a few bytes per await: a resumption that nests would run over its
// end.
void expect_flat(Pace pace) {
    constexpr std::size_t kStackBytes = 512 * 1024;
    Flat flat{.pace = pace};
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, kStackBytes);
    pthread_t thread = {};
    ASSERT_EQ(pthread_create(&thread, &small, await_many, &flat), 0);
    pthread_join(thread, nullptr);
    pthread_attr_destroy(&small);
    EXPECT_EQ(flat.sum, 2 * kAwaits);
}

TEST(Task, AwaitsOnOneStackFrameAtOnce) {
    expect_flat(Pace::at_once);
}

TEST(Task, AwaitsOnOneStackFrameLater) {
    expect_flat(Pace::after_a_turn);
}

Task<void> note(std::vector<int>& notes, int what) {
    notes.push_back(what);
    co_return;
}

Task<void> starts_when_awaited(std::vector<int>& notes) {
    auto late = note(notes, 2);
    notes.push_back(1);
    co_await late;
    notes.push_back(3);
}

TEST(Task, StartsWhenAwaited) {
    std::vector<int> notes;
    run(starts_when_awaited(notes));
    EXPECT_EQ(notes, (std::vector{1, 2, 3}));
}

TEST(Task, OneThatIsNeverAwaitedNeverRuns) {
    std::vector<int> notes;
    {
        const auto never = note(notes, 1);
    }
    EXPECT_TRUE(notes.empty());
}

Task<std::unique_ptr<std::string>> owned(Queue& queue, std::unique_ptr<std::string> text) {
    co_await queue.turn();
    *text += " back";
    co_return text;
}

Task<void> hand_over(Queue& queue, std::string& result) {
    auto there = std::make_unique<std::string>("there and");
    auto back = co_await owned(queue, std::move(there));
    result = *back;
}

TEST(Task, MovesWhatItIsGivenAndWhatItGives) {
    Queue queue;
    std::string result;
    run(hand_over(queue, result));
    queue.drain();
    EXPECT_EQ(result, "there and back");
}

Task<int> after_turns(Queue& queue, int turns, int value, std::vector<int>& order) {
    for (int i = 0; i < turns; ++i) {
        co_await queue.turn();
    }
    order.push_back(value);
    co_return value;
}

Task<void> side_by_side(Queue& queue, int first, int second, std::vector<int>& order) {
    auto both = co_await io::both(after_turns(queue, first, 1, order),
                                  after_turns(queue, second, 2, order));
    EXPECT_EQ(both.first, 1);
    EXPECT_EQ(both.second, 2);
    order.push_back(3);
}

// Whichever ends first, and also if one or both end at once, both results arrive, after both have
// ended.
TEST(Both, WaitsForTheLaterOne) {
    for (int first = 0; first < 3; ++first) {
        for (int second = 0; second < 3; ++second) {
            Queue queue;
            std::vector<int> order;
            run(side_by_side(queue, first, second, order));
            queue.drain();
            const std::vector<int> expected =
                first <= second ? std::vector{1, 2, 3} : std::vector{2, 1, 3};
            EXPECT_EQ(order, expected) << first << " and " << second;
        }
    }
}

Task<void> count_down(Queue& queue, int from, int& left) {
    while (from-- > 0) {
        --left;
        co_await queue.turn();
    }
}

Task<void> four(Queue& queue, int& left) {
    co_await io::both(io::both(count_down(queue, 5, left), count_down(queue, 1, left)),
                      io::both(count_down(queue, 0, left), count_down(queue, 9, left)));
    EXPECT_EQ(left, 0);
    left = -1;
}

TEST(Both, Nests) {
    Queue queue;
    int left = 15;
    run(four(queue, left));
    queue.drain();
    EXPECT_EQ(left, -1);
}

Task<void> never_ends(Queue& queue) {
    co_await queue.turn();
}

// Nothing may free a frame that somebody will still resume: it is an error of the program.
TEST(TaskDeathTest, OneThatWaitsCannotBeDestroyed) {
    EXPECT_DEATH(
        {
            Queue queue;
            auto task = never_ends(queue);
            task.start();
        },
        "phase");
}

}  // namespace

}  // namespace ferry::test
