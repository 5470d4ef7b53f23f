#include "core/token_keeper.h"

#include <pthread.h>
#include <signal.h>

#include <chrono>
#include <utility>

namespace ferry::core {
namespace {

// A second is made kTokenSecondsAhead before it is needed, so it may come late several times.
constexpr auto kPause = std::chrono::milliseconds(500);
// So many seconds at once while a window is being filled: readers get what is there in between.
constexpr std::size_t kGenerationsAtOnce = 16;

}  // namespace

TokenKeeper::TokenKeeper(std::vector<std::shared_ptr<TokenTable>> tables, Clock clock,
                         unsigned threads)
    : tables_(std::move(tables)), clock_(std::move(clock)), threads_(threads) {
    thread_ = std::thread([this] { run(); });
}

TokenKeeper::~TokenKeeper() {
    {
        std::lock_guard guard(lock_);
        stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
}

void TokenKeeper::catch_up(std::chrono::milliseconds at_most) {
    std::unique_lock guard(lock_);
    const std::uint64_t mine = ++wanted_;
    changed_.notify_all();
    changed_.wait_for(guard, at_most, [this, mine] { return done_ >= mine; });
}

void TokenKeeper::run() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);  // signals are the supervisor's
    (void)pthread_setname_np(pthread_self(), "ferry-tokens");
    std::unique_lock guard(lock_);
    while (!stopping_) {
        const std::uint64_t round = wanted_;
        guard.unlock();
        advance();
        guard.lock();
        done_ = round;
        changed_.notify_all();
        changed_.wait_for(guard, kPause, [this] { return stopping_ || wanted_ != done_; });
    }
}

bool TokenKeeper::is_stopping() {
    std::lock_guard guard(lock_);
    return stopping_;
}

void TokenKeeper::advance() {
    const TokenTable::Work work{.generations = kGenerationsAtOnce,
                                .threads = threads_,
                                .may_go_on = [this] { return !is_stopping(); }};
    for (const auto& table : tables_) {
        bool is_complete = false;
        while (!is_complete && !is_stopping()) {
            is_complete = table->advance(clock_(), work);
        }
    }
}

}  // namespace ferry::core
