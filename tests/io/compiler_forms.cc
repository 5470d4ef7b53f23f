// The forms of co_await that this code base uses, checked with the compiler at hand: every object
// is destroyed once, at the address where it was made.
//
// gcc 12 miscompiles some others. They are named here and not run; tests/tidy.cc rejects those that
// can be recognised in text:
//
//   an aggregate with a non-trivial member, or a lambda that captures one by value, made inside the
//   co_await expression; an awaitable that is an aggregate, made there; `cond ? co_await a() : b`
//   with class types; co_await in a condition (traps under the address sanitizer); a member
//   coroutine of an aggregate made in place; a braced list of awaits (rejected); structured
//   bindings on a co_await (leaks in newer releases).
#include <gtest/gtest.h>

#include <coroutine>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "io/both.h"
#include "io/task.h"

namespace ferry::test {

namespace {

using io::Task;

// Counts its instances, and notices when it is destroyed at another address than it was made at: a
// frame that was copied bit by bit.
class Traced {
public:
    static inline int live = 0;
    static inline int misplaced = 0;

    explicit Traced(int its_value) noexcept : value(its_value), self_(this) { ++live; }
    Traced(const Traced& other) noexcept : value(other.value), self_(this) { ++live; }
    Traced(Traced&& other) noexcept : value(other.value), self_(this) { ++live; }
    Traced& operator=(const Traced& other) noexcept {
        value = other.value;  // and stays where it is
        return *this;
    }
    ~Traced() {
        misplaced += self_ == this ? 0 : 1;
        --live;
        self_ = nullptr;
    }

    int value;

private:
    Traced* self_;
};

// The coroutine that waits; the test resumes it.
std::coroutine_handle<> suspended;

class Turn {
public:
    Turn() noexcept = default;
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> h) const noexcept { suspended = h; }
    void await_resume() const noexcept {}
};

struct FormRoot {
    struct promise_type {
        FormRoot get_return_object() { return {}; }
        std::suspend_never initial_suspend() { return {}; }
        std::suspend_never final_suspend() noexcept { return {}; }
        void return_void() {}
        void unhandled_exception() { std::abort(); }
    };
};

FormRoot start(Task<bool> form, std::optional<bool>& right) {
    const bool result = co_await form;
    right = result;
}

void expect_sound(Task<bool> (*form)()) {
    Traced::live = 0;
    Traced::misplaced = 0;
    std::optional<bool> right;
    start(form(), right);
    while (suspended) {
        io::resume(std::exchange(suspended, nullptr));
    }
    EXPECT_TRUE(right.has_value()) << "never ended";
    EXPECT_TRUE(right.value_or(false)) << "wrong value";
    EXPECT_EQ(Traced::live, 0) << "leaked, or destroyed twice";
    EXPECT_EQ(Traced::misplaced, 0);
}

// A parameter type with a constructor, which makes temporaries of it safe.
struct Options {
    Options(int first, int second, std::string its_text)
        : a(first), b(second), text(std::move(its_text)) {}
    Traced a;
    Traced b;
    std::string text;
};

// Long enough to live on the heap.
std::string long_text() {
    return std::string(40, 'x');
}

Task<int> by_value(Options options) {
    co_await Turn();
    co_return options.a.value + static_cast<int>(options.text.size());
}

Task<int> by_reference(const Options& options) {
    co_await Turn();
    co_return options.a.value + static_cast<int>(options.text.size());
}

Task<bool> temporaries_with_a_constructor() {
    const int first = co_await by_value(Options(1, 2, long_text()));
    const int second = co_await by_reference(Options(1, 2, long_text()));
    co_return first == 41 && second == 41;
}

Task<bool> named_arguments() {
    Options options(1, 2, long_text());
    const int first = co_await by_reference(options);
    const int second = co_await by_value(std::move(options));
    co_return first == 41 && second == 41;
}

Options made_by_function() {
    return Options(1, 2, long_text());
}

Task<bool> temporaries_from_a_function() {
    const int first = co_await by_value(made_by_function());
    const int second = co_await by_reference(made_by_function());
    co_return first == 41 && second == 41;
}

Task<bool> task_first_await_later() {
    auto task = by_value(Options(1, 2, long_text()));
    const int result = co_await task;
    co_return result == 41;
}

template <class Call>
Task<int> called(Call call) {
    co_await Turn();
    co_return call();
}

Task<bool> lambda_with_a_reference() {
    const Traced traced(5);
    const int result = co_await called([&traced] { return traced.value; });
    co_return result == 5;
}

Task<bool> lambda_with_a_name() {
    const Traced traced(5);
    auto call = [traced] { return traced.value; };
    const int result = co_await called(std::move(call));
    co_return result == 5;
}

Task<Traced> traced_after_a_turn(int value) {
    co_await Turn();
    co_return Traced(value);
}

Task<int> unwrapped(std::unique_ptr<Traced> traced) {
    co_await Turn();
    co_return traced->value;
}

Task<bool> unique_pointers() {
    auto named = std::make_unique<Traced>(7);
    const int first = co_await unwrapped(std::move(named));
    const int second = co_await unwrapped(std::make_unique<Traced>(8));
    co_return first == 7 && second == 8;
}

Task<int> maybe(std::optional<Traced> traced) {
    co_await Turn();
    co_return traced ? traced->value : 0;
}

Task<bool> optionals() {
    const int some = co_await maybe(Traced(3));
    const int none = co_await maybe(std::nullopt);
    co_return some == 3 && none == 0;
}

Task<std::expected<std::unique_ptr<Traced>, int>> fallible(bool works) {
    co_await Turn();
    if (!works) {
        co_return std::unexpected(3);
    }
    co_return std::make_unique<Traced>(9);
}

Task<bool> expected_results() {
    auto good = co_await fallible(true);
    auto bad = co_await fallible(false);
    co_return good && (*good)->value == 9 && !bad && bad.error() == 3;
}

Task<bool> initialiser_of_an_if() {
    if (auto good = co_await fallible(true); good) {
        co_return (*good)->value == 9;
    }
    co_return false;
}

Task<bool> chosen_by_an_if(bool first) {
    Traced result(0);
    if (first) {
        result = co_await traced_after_a_turn(1);
    } else {
        result = Traced(2);
    }
    co_return result.value == (first ? 1 : 2);
}

Task<bool> if_instead_of_conditional() {
    const bool first = co_await chosen_by_an_if(true);
    const bool second = co_await chosen_by_an_if(false);
    co_return first && second;
}

// An awaitable with a constructor and a non-trivial member.
class Carrier {
public:
    explicit Carrier(int value) : traced_(value) {}
    Carrier(const Carrier&) = delete;
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> h) const noexcept { suspended = h; }
    int await_resume() const noexcept { return traced_.value; }

private:
    Traced traced_;
};

Carrier carrier(int value) {
    return Carrier(value);
}

Task<bool> awaitables_with_a_constructor() {
    const int first = co_await Carrier(6);
    const int second = co_await carrier(7);
    co_return first == 6 && second == 7;
}

class Member {
public:
    explicit Member(int value) : traced_(value) {}
    Task<int> plus(int more) {
        co_await Turn();
        co_return traced_.value + more;
    }

private:
    Traced traced_;
};

Task<bool> member_coroutines() {
    Member member(4);
    const int result = co_await member.plus(2);
    co_return result == 6;
}

class Way {
public:
    virtual ~Way() = default;
    virtual Task<int> go(std::string name) const = 0;
};

class LongWay final : public Way {
public:
    Task<int> go(std::string name) const override {
        co_await Turn();
        co_return static_cast<int>(name.size());
    }
};

Task<bool> virtual_coroutines() {
    const std::unique_ptr<Way> way = std::make_unique<LongWay>();
    const int result = co_await way->go(long_text());
    co_return result == 40;
}

Task<std::tuple<Traced, Traced>> two() {
    co_await Turn();
    co_return std::tuple<Traced, Traced>(1, 2);
}

Task<bool> bindings_to_a_name() {
    int sum = 0;
    for (int i = 0; i < 3; ++i) {
        auto both = co_await two();
        const auto& [first, second] = both;
        co_await Turn();
        sum += first.value + second.value;
    }
    co_return sum == 9;
}

Task<std::vector<Traced>> several() {
    co_await Turn();
    std::vector<Traced> all;
    all.emplace_back(1);
    all.emplace_back(2);
    co_return all;
}

Task<bool> loop_over_a_name() {
    int sum = 0;
    auto all = co_await several();
    for (const Traced& one : all) {
        co_await Turn();
        sum += one.value;
    }
    co_return sum == 3;
}

Task<int> leaves_early(Traced a, Traced b) {
    const Traced c(3);
    if (a.value > 0) {
        co_return b.value + c.value;
    }
    co_await Turn();
    co_return 0;
}

Task<bool> early_returns() {
    const int result = co_await leaves_early(Traced(1), Traced(2));
    co_return result == 5;
}

Task<int> passed_on() {
    co_return co_await by_value(Options(1, 2, long_text()));
}

Task<bool> returns_of_awaits() {
    const int result = co_await passed_on();
    co_return result == 41;
}

Task<bool> side_by_side() {
    auto ends = co_await io::both(traced_after_a_turn(1), leaves_early(Traced(1), Traced(2)));
    co_return ends.first.value == 1 && ends.second == 5;
}

struct Form {
    const char* name;
    Task<bool> (*run)();
};

constexpr Form kForms[] = {
    {"temporaries_with_a_constructor", temporaries_with_a_constructor},
    {"named_arguments", named_arguments},
    {"temporaries_from_a_function", temporaries_from_a_function},
    {"task_first_await_later", task_first_await_later},
    {"lambda_with_a_reference", lambda_with_a_reference},
    {"lambda_with_a_name", lambda_with_a_name},
    {"unique_pointers", unique_pointers},
    {"optionals", optionals},
    {"expected_results", expected_results},
    {"initialiser_of_an_if", initialiser_of_an_if},
    {"if_instead_of_conditional", if_instead_of_conditional},
    {"awaitables_with_a_constructor", awaitables_with_a_constructor},
    {"member_coroutines", member_coroutines},
    {"virtual_coroutines", virtual_coroutines},
    {"bindings_to_a_name", bindings_to_a_name},
    {"loop_over_a_name", loop_over_a_name},
    {"early_returns", early_returns},
    {"returns_of_awaits", returns_of_awaits},
    {"side_by_side", side_by_side},
};

class CompilerForms : public testing::TestWithParam<Form> {};
INSTANTIATE_TEST_SUITE_P(Safe, CompilerForms, testing::ValuesIn(kForms),
                         [](const auto& form) { return std::string(form.param.name); });

TEST_P(CompilerForms, DestroysEverythingOnce) {
    expect_sound(GetParam().run);
}

}  // namespace

}  // namespace ferry::test
