// Log: the thread that writes what all cores have queued.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/config.h"
#include "core/log.h"
#include "core/log_queue.h"
#include "core/log_sink.h"

namespace ferry::core {

inline constexpr std::size_t kLogQueueLinesMax = 4096;  // of one core
inline constexpr std::chrono::milliseconds kLogCloseMax{2000};

// Owns the queues of all cores, the places that lines go to, and the thread between them.
//
//   errors   a place that cannot be written to (full disk, closed pipe) never stops anything: up to
//            kLogPendingBytesMax are kept and tried again with later lines; beyond that, lines are
//            dropped and counted. "N lines lost" goes to the error log once there is room again.
//   signals  the thread blocks them all, SIGPIPE included
//   thread   any, except where a row says otherwise
class Log {
public:
    struct Options {
        LogStyle style = LogStyle::v2ray;
        std::size_t queue_lines = kLogQueueLinesMax;
        int standard_output = 1;  // the descriptor behind config's standard_output
    };
    struct Counters {
        std::uint64_t lost_lines = 0;    // dropped by a full queue or because a place is stuck
        std::uint64_t write_errors = 0;  // answers of the kernel other than "try again"
    };
    using Opened = std::expected<std::unique_ptr<Log>, std::string>;

    // Opens the files and starts the thread.
    //
    //   errors  words for a file that cannot be opened; main() turns them into exit code 23
    static Opened open(const config::Log& settings, Options options);
    static Opened open(const config::Log& settings) { return open(settings, Options{}); }

    // Closes with kLogCloseMax.
    ~Log();
    Log(const Log&) = delete;

    // The queue of one more core (or of the supervisor); it lives as long as this Log.
    LogQueue& add_queue();

    // Opens the files anew, because the old ones have been moved away, or other ones because of a
    // reload. Lines pushed after the return go to the new places only. Where one cannot be opened,
    // nothing changes.
    //
    //   thread  one at a time
    std::expected<void, std::string> reopen();
    std::expected<void, std::string> change(const config::Log& settings);

    // Waits until all that was queued before the call is written.
    //
    //   gives  false if that takes longer than `limit`
    bool flush(std::chrono::milliseconds limit);

    // Writes what is queued and ends the thread; what a pipe or a terminal has not taken after
    // `limit` is lost. Later lines are queued and never written.
    //
    //   thread  one at a time
    void close(std::chrono::milliseconds limit);

    Counters counters() const;

private:
    using Clock = std::chrono::steady_clock;

    // What other threads want from the writer.
    struct Wishes {
        std::unique_ptr<LogSinks> sinks;
        std::uint64_t flushes = 0;
        bool closing = false;
        Clock::time_point close_by;
    };
    // What became of one turn of the writer.
    struct Turn {
        bool busy = false;             // there were lines
        std::vector<LogSink*> stuck;   // take no more for now
        std::vector<LogSink*> failed;  // the kernel said no

        bool refused_by(const LogSink* sink) const;
    };

    Log(const config::Log& settings, Options options, LogSinks sinks, int wake_fd);
    void start();
    void wake() noexcept;

    // The writer's thread.
    void run();
    Turn turn();
    void adopt(LogSinks next);
    void pass_on(LogSink* from, LogSink* to);
    void take_lines(Turn& turn);
    void append(LogSink* sink, const LogRecord& record, Turn& turn);
    void report_lost(const Turn& turn);
    void write(LogSink* sink, Turn& turn);
    bool all_written() const noexcept;
    bool may_end(const Turn& turn) const;
    void wait(const Turn& turn);
    void give_up();
    std::uint64_t lost_lines() const;

    const Options options_;
    const int wake_fd_;
    config::Log settings_;  // of the caller of reopen() and change()
    std::thread thread_;
    std::atomic<bool> asleep_{false};
    std::atomic<std::uint64_t> sink_lost_{0};
    std::atomic<std::uint64_t> write_errors_{0};

    mutable std::mutex mutex_;  // guards the next four
    std::condition_variable flushed_;
    Wishes wishes_;
    std::uint64_t flushes_done_ = 0;
    std::vector<std::unique_ptr<LogQueue>> queues_;

    // The rest belongs to the writer's thread.
    LogSinks sinks_;
    LogTime time_;
    std::vector<LogQueue*> readers_;
    std::vector<LogRecord> batch_;
    std::uint64_t reported_ = 0;
    Clock::time_point reported_at_;
    bool closing_ = false;
    Clock::time_point close_by_;
};

}  // namespace ferry::core
