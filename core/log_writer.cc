#include "core/log_writer.h"

#include <fmt/format.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

namespace ferry::core {

namespace {

// While lines are being lost all the time, the log says so this often.
constexpr std::chrono::seconds kReportEvery{1};

LogTime::Precision precision_of(LogStyle style) {
    switch (style) {
        case LogStyle::v2ray:
            return LogTime::Precision::seconds;
        case LogStyle::xray:
            return LogTime::Precision::microseconds;
    }
    std::unreachable();
}

}  // namespace

Log::Opened Log::open(const config::Log& settings, Options options) {
    auto sinks = open_sinks(settings, options.standard_output);
    if (!sinks) {
        return std::unexpected(std::move(sinks.error()));
    }
    const int wake_fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wake_fd < 0) {
        const std::string why = std::generic_category().message(errno);
        return std::unexpected(fmt::format("cannot start the log: {}", why));
    }
    std::unique_ptr<Log> log(new Log(settings, options, std::move(*sinks), wake_fd));
    log->start();
    return log;
}

Log::Log(const config::Log& settings, Options options, LogSinks sinks, int wake_fd)
    : options_(options),
      wake_fd_(wake_fd),
      settings_(settings),
      sinks_(std::move(sinks)),
      time_(precision_of(options.style)) {}

Log::~Log() {
    close(kLogCloseMax);
    ::close(wake_fd_);
}

void Log::start() {
    // The new thread inherits the mask, so no signal meant for the supervisor ever lands on it.
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    thread_ = std::thread([this] { run(); });
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    ::pthread_setname_np(thread_.native_handle(), "ferry-log");
}

LogQueue& Log::add_queue() {
    auto queue = std::make_unique<LogQueue>(options_.queue_lines, [this] { wake(); });
    const std::lock_guard lock(mutex_);
    return *queues_.emplace_back(std::move(queue));
}

std::expected<void, std::string> Log::reopen() {
    return change(config::Log(settings_));
}

std::expected<void, std::string> Log::change(const config::Log& settings) {
    auto sinks = open_sinks(settings, options_.standard_output);
    if (!sinks) {
        return std::unexpected(std::move(sinks.error()));
    }
    settings_ = settings;
    {
        const std::lock_guard lock(mutex_);
        wishes_.sinks = std::make_unique<LogSinks>(std::move(*sinks));
    }
    wake();
    return {};
}

bool Log::flush(std::chrono::milliseconds limit) {
    std::unique_lock lock(mutex_);
    const std::uint64_t mine = ++wishes_.flushes;
    wake();
    return flushed_.wait_for(lock, limit, [&] { return flushes_done_ >= mine; });
}

void Log::close(std::chrono::milliseconds limit) {
    if (!thread_.joinable()) {
        return;
    }
    {
        const std::lock_guard lock(mutex_);
        wishes_.closing = true;
        wishes_.close_by = Clock::now() + limit;
    }
    wake();
    thread_.join();
}

Log::Counters Log::counters() const {
    return {lost_lines(), write_errors_.load(std::memory_order_relaxed)};
}

std::uint64_t Log::lost_lines() const {
    std::uint64_t lost = sink_lost_.load(std::memory_order_relaxed);
    const std::lock_guard lock(mutex_);
    for (const auto& queue : queues_) {
        lost += queue->lost();
    }
    return lost;
}

// Only the first of many pushes finds the writer asleep and pays for a system call.
void Log::wake() noexcept {
    if (asleep_.exchange(false)) {
        // It cannot fail: the writer empties the counter each time that it wakes.
        [[maybe_unused]] const int answer = ::eventfd_write(wake_fd_, 1);
    }
}

void Log::run() {
    for (;;) {
        asleep_.store(false);
        Turn now = turn();
        if (!now.busy) {
            // From here on a push rings the bell. What was pushed before is found by the second
            // turn: either its lock comes before ours and we see the line, or after, and it sees
            // the flag.
            asleep_.store(true);
            now = turn();
        }
        if (may_end(now)) {
            break;
        }
        if (!now.busy) {
            wait(now);
        }
    }
    give_up();
}

Log::Turn Log::turn() {
    Turn turn;
    std::unique_ptr<LogSinks> next;
    std::uint64_t flushes = 0;
    {
        const std::lock_guard lock(mutex_);
        next = std::move(wishes_.sinks);
        flushes = wishes_.flushes;
        closing_ = wishes_.closing;
        close_by_ = wishes_.close_by;
        for (std::size_t index = readers_.size(); index < queues_.size(); ++index) {
            readers_.push_back(queues_[index].get());
        }
    }
    if (next) {
        adopt(std::move(*next));
    }
    take_lines(turn);
    report_lost(turn);
    for (LogSink* sink : sinks_.distinct()) {
        write(sink, turn);
    }
    if (all_written()) {
        const std::lock_guard lock(mutex_);
        flushes_done_ = flushes;
        flushed_.notify_all();
    }
    return turn;
}

void Log::adopt(LogSinks next) {
    // What a stream still holds goes to its new place, or to any that there is.
    const std::vector<LogSink*> places = next.distinct();
    LogSink* const any = places.empty() ? nullptr : places.front();
    for (LogSink* from : sinks_.distinct()) {
        LogSink* to = any;
        for (const LogStream stream : {LogStream::error, LogStream::access, LogStream::sessions}) {
            if (sinks_.at(stream) == from && next.at(stream) != nullptr) {
                to = next.at(stream);
                break;
            }
        }
        pass_on(from, to);
    }
    sinks_ = std::move(next);
}

void Log::pass_on(LogSink* from, LogSink* to) {
    Turn last;
    write(from, last);
    const std::uint64_t lost = to == nullptr ? from->pending_lines() : to->inherit(*from);
    sink_lost_.fetch_add(lost, std::memory_order_relaxed);
}

void Log::take_lines(Turn& turn) {
    for (LogQueue* queue : readers_) {
        queue->take(batch_);
        turn.busy = turn.busy || !batch_.empty();
        for (const LogRecord& record : batch_) {
            append(sinks_.at(record.stream), record, turn);
        }
    }
}

void Log::append(LogSink* sink, const LogRecord& record, Turn& turn) {
    if (sink == nullptr) {
        return;
    }
    const std::string_view time = record.stamp == Stamp::yes ? time_.text(record.time) : "";
    if (sink->append(time, record.text)) {
        return;
    }
    // A burst can be larger than what a sink keeps, also of one that is well.
    write(sink, turn);
    if (!sink->append(time, record.text)) {
        sink_lost_.fetch_add(1, std::memory_order_relaxed);
    }
}

void Log::report_lost(const Turn& turn) {
    const std::uint64_t lost = lost_lines();
    LogSink* const errors = sinks_.at(LogStream::error);
    if (lost == reported_ || errors == nullptr) {
        return;
    }
    const Clock::time_point now = Clock::now();
    if (turn.busy && now - reported_at_ < kReportEvery) {
        return;
    }
    const std::string text =
        error_text(LogLevel::warning, 0, "log", fmt::format("{} lines lost", lost - reported_));
    if (errors->append(time_.text(std::chrono::system_clock::now()), text)) {
        reported_ = lost;
        reported_at_ = now;
    }
}

void Log::write(LogSink* sink, Turn& turn) {
    if (sink == nullptr || sink->empty() || turn.refused_by(sink)) {
        return;
    }
    switch (sink->write()) {
        case LogSink::Written::all:
            break;
        case LogSink::Written::stuck:
            turn.stuck.push_back(sink);
            break;
        case LogSink::Written::error:
            turn.failed.push_back(sink);
            write_errors_.fetch_add(1, std::memory_order_relaxed);
            break;
    }
}

bool Log::Turn::refused_by(const LogSink* sink) const {
    return std::ranges::find(stuck, sink) != stuck.end() ||
           std::ranges::find(failed, sink) != failed.end();
}

bool Log::all_written() const noexcept {
    return std::ranges::all_of(sinks_.distinct(),
                               [](const LogSink* sink) { return sink->empty(); });
}

bool Log::may_end(const Turn& turn) const {
    if (!closing_) {
        return false;
    }
    if (Clock::now() >= close_by_) {
        return true;
    }
    // A place that has failed is not waited for: it will not change its mind during the last
    // second.
    return !turn.busy && turn.stuck.empty();
}

void Log::wait(const Turn& turn) {
    std::vector<pollfd> wanted = {{wake_fd_, POLLIN, 0}};
    for (const LogSink* sink : turn.stuck) {
        wanted.push_back({sink->fd(), POLLOUT, 0});
    }
    int timeout_ms = -1;
    if (closing_) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(close_by_ - Clock::now());
        timeout_ms = std::max(0, static_cast<int>(left.count()));
    }
    ::poll(wanted.data(), wanted.size(), timeout_ms);
    eventfd_t ignored = 0;
    ::eventfd_read(wake_fd_, &ignored);
}

void Log::give_up() {
    std::uint64_t lost = 0;
    for (const LogSink* sink : sinks_.distinct()) {
        lost += sink->pending_lines();
    }
    sink_lost_.fetch_add(lost, std::memory_order_relaxed);
}

}  // namespace ferry::core
