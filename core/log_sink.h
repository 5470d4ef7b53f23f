// LogSink: one place that lines go to, and what it has not taken yet.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/config.h"
#include "core/log_queue.h"

namespace ferry::core {

// How much of a stuck place's text is kept.
inline constexpr std::size_t kLogPendingBytesMax = std::size_t{256} << 10;

// A file descriptor and the text that waits for it. Nothing here blocks on a pipe, a terminal or a
// socket; a regular file takes as long as its disk takes.
//
//   thread  the writer's
class LogSink {
public:
    // What one attempt to write came to.
    enum class Written : std::uint8_t {
        all,    // nothing is pending
        stuck,  // the place takes no more for now; poll fd() for writing
        error,  // the kernel refused; the text is kept for the next attempt
    };
    using Opened = std::expected<std::unique_ptr<LogSink>, std::string>;

    // Opens a file for appending, with mode 0600 if it is new.
    static Opened open(const std::string& path);
    // Shares a descriptor that somebody else owns, such as standard output.
    static std::unique_ptr<LogSink> share(int fd);

    ~LogSink();
    LogSink(const LogSink&) = delete;

    // Keeps one whole line.
    //
    //   gives  false if that would be more than kLogPendingBytesMax; the line is not kept
    bool append(std::string_view time, std::string_view text);

    // Tries to write what is pending.
    Written write();

    // Moves the lines that `older` still holds in front of this one's; one that `older` has written
    // a part of is given up.
    //
    //   gives  how many lines do not fit, or were cut
    std::uint64_t inherit(LogSink& older);

    bool empty() const noexcept { return pending_.empty(); }
    std::uint64_t pending_lines() const noexcept;
    int fd() const noexcept { return fd_; }

private:
    enum class Kind : std::uint8_t { file, stream, socket };
    enum class Owner : std::uint8_t { us, other };

    LogSink(int fd, Owner owner) noexcept;
    static Kind kind_of(int fd) noexcept;
    bool ready() const noexcept;
    std::size_t piece_bytes(std::size_t done) const noexcept;
    std::ptrdiff_t write_some(std::string_view text) const noexcept;

    const int fd_;
    const Owner owner_;
    const Kind kind_;
    std::string pending_;
    bool torn_ = false;  // pending_ begins inside a line
};

// Where each stream goes; null: nowhere. Streams share a sink if they go to the same place, so that
// their order is kept.
class LogSinks {
public:
    std::shared_ptr<LogSink>& of(LogStream stream) noexcept {
        return sinks_[static_cast<std::size_t>(stream)];
    }
    LogSink* at(LogStream stream) const noexcept {
        return sinks_[static_cast<std::size_t>(stream)].get();
    }

    // Every sink once, that of errors first.
    std::vector<LogSink*> distinct() const;

private:
    std::array<std::shared_ptr<LogSink>, kLogStreams> sinks_;
};

// Opens what the configuration asks for.
std::expected<LogSinks, std::string> open_sinks(const config::Log& settings, int standard_output);

// Turns times into "YYYY/MM/DD hh:mm:ss " in local time; remembers the last second, because one
// call of localtime_r costs more than the rest of the line.
class LogTime {
public:
    enum class Precision : std::uint8_t { seconds, microseconds };

    explicit LogTime(Precision precision) noexcept : precision_(precision) {}

    // Valid until the next call.
    std::string_view text(WallTime time);

private:
    static constexpr std::size_t kSecondBytes = 19;  // "YYYY/MM/DD hh:mm:ss"

    const Precision precision_;
    std::int64_t second_ = 0;
    std::string text_;
};

}  // namespace ferry::core
