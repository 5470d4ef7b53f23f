// TokenKeeper: the thread that keeps tables of time tokens current.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "core/token_table.h"

namespace ferry::core {

// Makes the tokens of the seconds to come, twice a second. At the start it makes whole windows,
// beginning with the present, on as many threads as it may use; the tables can be read meanwhile.
//
//   lifetime  the destructor ends the thread
//   thread    the functions: any
class TokenKeeper {
public:
    using Clock = std::function<std::int64_t()>;  // Unix time; called on the keeper's thread

    TokenKeeper(std::vector<std::shared_ptr<TokenTable>> tables, Clock clock, unsigned threads);
    TokenKeeper(const TokenKeeper&) = delete;
    ~TokenKeeper();

    // Waits until all tables are complete for a time that the clock has shown since the call; not
    // longer than `at_most`.
    void catch_up(std::chrono::milliseconds at_most);

private:
    void run();
    void advance();
    bool is_stopping();

    std::vector<std::shared_ptr<TokenTable>> tables_;
    Clock clock_;
    unsigned threads_;
    std::mutex lock_;
    std::condition_variable changed_;
    std::uint64_t wanted_ = 1;  // rounds that somebody waits for
    std::uint64_t done_ = 0;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace ferry::core
