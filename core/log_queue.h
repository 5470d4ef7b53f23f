// LogQueue: log lines on their way from one core to the writer.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "core/cache_line.h"

namespace ferry::core {

using WallTime = std::chrono::system_clock::time_point;

enum class LogStream : std::uint8_t { access, error, sessions };
inline constexpr std::size_t kLogStreams = 3;

// Does a line begin with the time of day? A line of JSON has it inside.
enum class Stamp : std::uint8_t { yes, no };

// One line without its stamp and its newline, which the writer adds.
struct LogRecord {
    LogStream stream = LogStream::error;
    WallTime time;
    std::string text;  // escaped already: no newline, no control byte
    Stamp stamp = Stamp::yes;
};

// A bounded queue with one producer and one consumer. When it is full, new lines are dropped and
// counted: traffic never waits for a disk.
//
//   thread  push() from its core, take() from the writer, lost() from any
//   cost    one uncontended lock per line; the consumer takes all lines at once
class alignas(kCacheLineBytes) LogQueue {
public:
    // Tells the consumer that there is something to take; called after each push, outside the lock.
    using Wake = std::function<void()>;

    explicit LogQueue(std::size_t capacity, Wake wake = {});
    LogQueue(const LogQueue&) = delete;

    void push(LogRecord record);

    // Moves everything that is queued into `into`, which is emptied first, in the order of push().
    void take(std::vector<LogRecord>& into);

    // How many lines have been dropped since the beginning.
    std::uint64_t lost() const noexcept { return lost_.load(std::memory_order_relaxed); }

private:
    const std::size_t capacity_;
    const Wake wake_;
    std::mutex mutex_;
    std::vector<LogRecord> records_;
    std::atomic<std::uint64_t> lost_{0};
};
static_assert(kHasOwnLines<LogQueue>);

}  // namespace ferry::core
