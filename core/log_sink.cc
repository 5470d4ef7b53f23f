#include "core/log_sink.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <iterator>
#include <system_error>
#include <utility>

#include "core/log.h"

namespace ferry::core {

LogSink::Opened LogSink::open(const std::string& path) {
    // Non-blocking for the sake of named pipes: without a reader they would hang the start, and
    // with a slow one the writer.
    const int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    const int fd = ::open(path.c_str(), flags, 0600);
    if (fd < 0) {
        const std::string why = std::generic_category().message(errno);
        return std::unexpected(fmt::format("cannot open log file {}: {}", path, why));
    }
    return std::unique_ptr<LogSink>(new LogSink(fd, Owner::us));
}

std::unique_ptr<LogSink> LogSink::share(int fd) {
    return std::unique_ptr<LogSink>(new LogSink(fd, Owner::other));
}

LogSink::LogSink(int fd, Owner owner) noexcept : fd_(fd), owner_(owner), kind_(kind_of(fd)) {}

LogSink::~LogSink() {
    if (owner_ == Owner::us) {
        ::close(fd_);
    }
}

bool LogSink::append(std::string_view time, std::string_view text) {
    if (pending_.size() + time.size() + text.size() + 1 > kLogPendingBytesMax) {
        return false;
    }
    pending_ += time;
    pending_ += text;
    pending_ += '\n';
    return true;
}

LogSink::Written LogSink::write() {
    std::size_t done = 0;
    Written written = Written::all;
    while (done < pending_.size()) {
        if (!ready()) {
            written = Written::stuck;
            break;
        }
        const std::string_view piece(pending_.data() + done, piece_bytes(done));
        const std::ptrdiff_t bytes = write_some(piece);
        if (bytes <= 0) {
            const bool later = bytes < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
            written = later ? Written::stuck : Written::error;
            break;
        }
        done += static_cast<std::size_t>(bytes);
    }
    if (done > 0) {
        torn_ = pending_[done - 1] != '\n';
        pending_.erase(0, done);
    }
    return written;
}

std::uint64_t LogSink::inherit(LogSink& older) {
    std::uint64_t lost = 0;
    std::string lines = std::move(older.pending_);
    older.pending_.clear();
    if (std::exchange(older.torn_, false)) {
        lines.erase(0, lines.find('\n') + 1);
        ++lost;
    }
    if (lines.size() + pending_.size() > kLogPendingBytesMax) {
        return lost + static_cast<std::uint64_t>(std::ranges::count(lines, '\n'));
    }
    assert(!torn_);
    pending_.insert(0, lines);
    return lost;
}

std::uint64_t LogSink::pending_lines() const noexcept {
    return static_cast<std::uint64_t>(std::ranges::count(pending_, '\n'));
}

LogSink::Kind LogSink::kind_of(int fd) noexcept {
    struct stat status = {};
    if (::fstat(fd, &status) != 0 || S_ISREG(status.st_mode)) {
        return Kind::file;
    }
    return S_ISSOCK(status.st_mode) ? Kind::socket : Kind::stream;
}

bool LogSink::ready() const noexcept {
    if (kind_ == Kind::file) {
        return true;
    }
    pollfd wanted = {fd_, POLLOUT, 0};
    // A closed or broken descriptor counts as ready: the write will say what is wrong with it.
    return ::poll(&wanted, 1, 0) > 0;
}

// A shared descriptor must not be made non-blocking: other processes use it too. But a pipe that is
// ready takes PIPE_BUF bytes without blocking, and takes them in one piece; so whole lines are
// sent, as many as fit.
std::size_t LogSink::piece_bytes(std::size_t done) const noexcept {
    const std::size_t left = pending_.size() - done;
    if (kind_ == Kind::file || left <= kLogLineBytesMax) {
        return left;
    }
    const std::string_view most(pending_.data() + done, kLogLineBytesMax);
    const std::size_t newline = most.rfind('\n');
    return newline == std::string_view::npos ? most.size() : newline + 1;
}

std::ptrdiff_t LogSink::write_some(std::string_view text) const noexcept {
    for (;;) {
        const std::ptrdiff_t bytes = kind_ == Kind::socket ? ::send(fd_, text.data(), text.size(),
                                                                    MSG_NOSIGNAL | MSG_DONTWAIT)
                                                           : ::write(fd_, text.data(), text.size());
        if (bytes >= 0 || errno != EINTR) {
            return bytes;
        }
    }
}

std::vector<LogSink*> LogSinks::distinct() const {
    std::vector<LogSink*> all;
    for (const LogStream stream : {LogStream::error, LogStream::access, LogStream::sessions}) {
        LogSink* const sink = at(stream);
        if (sink != nullptr && std::ranges::find(all, sink) == all.end()) {
            all.push_back(sink);
        }
    }
    return all;
}

std::expected<LogSinks, std::string> open_sinks(const config::Log& settings, int standard_output) {
    using Kind = config::LogTarget::Kind;
    LogSinks sinks;
    if (settings.level == config::LogLevel::none) {
        return sinks;
    }
    const std::array<std::pair<LogStream, const config::LogTarget*>, kLogStreams> targets{{
        {LogStream::error, &settings.error},
        {LogStream::access, &settings.access},
        {LogStream::sessions, &settings.sessions},
    }};
    for (auto target = targets.begin(); target != targets.end(); ++target) {
        const auto same = std::find_if(targets.begin(), target, [&](const auto& earlier) {
            return *earlier.second == *target->second;
        });
        std::shared_ptr<LogSink>& sink = sinks.of(target->first);
        if (same != target) {
            sink = sinks.of(same->first);
        } else if (target->second->kind == Kind::standard_output) {
            sink = LogSink::share(standard_output);
        } else if (target->second->kind == Kind::file) {
            auto opened = LogSink::open(target->second->path);
            if (!opened) {
                return std::unexpected(std::move(opened.error()));
            }
            sink = std::move(*opened);
        }
    }
    return sinks;
}

std::string_view LogTime::text(WallTime time) {
    const auto whole = std::chrono::floor<std::chrono::seconds>(time);
    const std::int64_t second = whole.time_since_epoch().count();
    if (text_.empty() || second != second_) {
        second_ = second;
        const auto stamp = static_cast<time_t>(second);
        tm local = {};
        ::localtime_r(&stamp, &local);
        text_ =
            fmt::format("{:04}/{:02}/{:02} {:02}:{:02}:{:02} ", local.tm_year + 1900,
                        local.tm_mon + 1, local.tm_mday, local.tm_hour, local.tm_min, local.tm_sec);
    }
    if (precision_ == Precision::seconds) {
        return text_;
    }
    const auto rest = std::chrono::duration_cast<std::chrono::microseconds>(time - whole);
    text_.resize(kSecondBytes);
    fmt::format_to(std::back_inserter(text_), ".{:06} ", rest.count());
    return text_;
}

}  // namespace ferry::core
