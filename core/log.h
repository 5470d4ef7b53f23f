// CoreLog: what a core has to say, as the lines that existing tools read.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "core/config.h"
#include "core/log_queue.h"

namespace ferry::core {

using config::LogLevel;

// Whose format the lines have: V2Ray's, or Xray's (microseconds, "from", inbound and outbound tag).
enum class LogStyle : std::uint8_t { v2ray, xray };

// What is written at all.
struct LogFilter {
    LogLevel level = LogLevel::warning;  // the least important level that is written; none: nothing
    bool access = false;
    LogStyle style = LogStyle::v2ray;
    bool sessions = false;
    config::SessionFormat session_format = config::SessionFormat::text;
};

// What the configuration's log section asks for.
LogFilter filter_of(const config::Log& settings, LogStyle style = LogStyle::v2ray);

// One connection as the access log shows it. The views need to live for the call only.
struct AccessLine {
    enum class Status : std::uint8_t { accepted, rejected };
    enum class Route : std::uint8_t { rule, standard, forced };  // Xray's "->", ">>" and "==>"

    std::string_view from = {};  // "192.0.2.1:4000"; for SOCKS and in a mux "tcp:192.0.2.1:4000"
    Status status = Status::accepted;
    std::string_view target = {};  // "tcp:example.org:443", "//example.org:443"; empty if rejected
    std::string_view inbound_tag = {};   // Xray's style only
    std::string_view outbound_tag = {};  // may be empty
    Route route = Route::standard;       // Xray's style only
    std::string_view email = {};         // may be empty
    std::string_view reason = {};        // rejected: the cause, chained with " > "
};

// What one session, or one exchange of a kept connection, has come to. The views need to live for
// the call only.
struct SessionLine {
    std::uint32_t id = 0;
    std::string_view from = {};
    std::string_view outcome = {};
    std::string_view target = {};  // empty if no request was understood
    std::string_view inbound_tag = {};
    std::string_view outbound_tag = {};
    std::string_view email = {};
    std::string_view reason = {};
    std::chrono::milliseconds lasted{};
    std::uint64_t up_bytes = 0;  // of payload, from the client
    std::uint64_t down_bytes = 0;
};

// The log of one core: builds lines and queues them.
//
//   safety  whatever a peer sends ends up as one line: control bytes, and in addresses also blanks
//           and everything outside ASCII, are written as \xNN; a line is cut at kLogLineBytesMax
//   thread  the producer of its queue
class CoreLog {
public:
    using WallClock = std::function<WallTime()>;

    CoreLog(LogQueue& queue, LogFilter filter, WallClock clock);

    // Would a line of this level be written? Saves building a message that nobody reads.
    bool wants(LogLevel level) const noexcept {
        return level >= filter_.level && level != LogLevel::none;
    }
    bool wants_access() const noexcept { return filter_.access; }

    bool wants_sessions() const noexcept { return filter_.sessions; }

    void access(const AccessLine& line);
    void session(const SessionLine& line);

    // Writes "[Level] [id] component: message" to the error log.
    //
    //   session_id  a random number shared by the lines of one connection; 0 leaves it out
    //   message     without a newline; causes are chained with " > "
    void error(LogLevel level, std::uint32_t session_id, std::string_view component,
               std::string_view message);

    // Follows a reload.
    void set_filter(LogFilter filter) noexcept { filter_ = filter; }

private:
    LogQueue& queue_;
    LogFilter filter_;
    WallClock clock_;
};

inline constexpr std::size_t kLogLineBytesMax = 4096;  // what a pipe takes in one piece

// The line without its time, exactly as CoreLog queues it.
std::string access_text(const AccessLine& line, LogStyle style);
std::string session_text(const SessionLine& line);
std::string session_json(const SessionLine& line, WallTime time);  // with the time, in UTC
std::string error_text(LogLevel level, std::uint32_t session_id, std::string_view component,
                       std::string_view message);

}  // namespace ferry::core
