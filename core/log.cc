#include "core/log.h"

#include <fmt/format.h>

#include <cassert>
#include <iterator>
#include <utility>

#include "core/log_text.h"

namespace ferry::core {

namespace {

void append_tags(std::string& line, const AccessLine& access, LogStyle style);
std::string_view route_text(AccessLine::Route route);
std::string_view level_text(LogLevel level);

}  // namespace

LogFilter filter_of(const config::Log& settings, LogStyle style) {
    const bool off = settings.level == LogLevel::none;
    LogFilter filter;
    filter.style = style;
    filter.sessions = !off && settings.sessions.kind != config::LogTarget::Kind::off;
    filter.session_format = settings.session_format;
    filter.access = !off && settings.access.kind != config::LogTarget::Kind::off;
    filter.level =
        settings.error.kind == config::LogTarget::Kind::off ? LogLevel::none : settings.level;
    return filter;
}

CoreLog::CoreLog(LogQueue& queue, LogFilter filter, WallClock clock)
    : queue_(queue), filter_(filter), clock_(std::move(clock)) {}

void CoreLog::access(const AccessLine& line) {
    if (!filter_.access) {
        return;
    }
    queue_.push({LogStream::access, clock_(), access_text(line, filter_.style)});
}

void CoreLog::session(const SessionLine& line) {
    if (!filter_.sessions) {
        return;
    }
    const WallTime now = clock_();
    if (filter_.session_format == config::SessionFormat::json) {
        queue_.push({LogStream::sessions, now, session_json(line, now), Stamp::no});
    } else {
        queue_.push({LogStream::sessions, now, session_text(line)});
    }
}

void CoreLog::error(LogLevel level, std::uint32_t session_id, std::string_view component,
                    std::string_view message) {
    if (!wants(level)) {
        return;
    }
    queue_.push({LogStream::error, clock_(), error_text(level, session_id, component, message)});
}

std::string access_text(const AccessLine& access, LogStyle style) {
    std::string line;
    if (style == LogStyle::xray) {
        line += "from ";
    }
    append_escaped(line, access.from, Escape::token);
    line += access.status == AccessLine::Status::accepted ? " accepted " : " rejected ";
    append_escaped(line, access.target, Escape::token);
    append_tags(line, access, style);
    if (!access.reason.empty()) {
        line += ' ';
        append_escaped(line, access.reason, Escape::words);
    }
    // Panels read the e-mail up to the end of the line, so nothing may follow it.
    if (!access.email.empty()) {
        line += " email: ";
        append_escaped(line, access.email, Escape::words);
    }
    cut(line);
    return line;
}

std::string error_text(LogLevel level, std::uint32_t session_id, std::string_view component,
                       std::string_view message) {
    std::string line = fmt::format("[{}] ", level_text(level));
    if (session_id != 0) {
        fmt::format_to(std::back_inserter(line), "[{}] ", session_id);
    }
    append_escaped(line, component, Escape::words);
    line += ": ";
    append_escaped(line, message, Escape::words);
    cut(line);
    return line;
}

namespace {

void append_tags(std::string& line, const AccessLine& access, LogStyle style) {
    if (access.outbound_tag.empty()) {
        return;
    }
    line += " [";
    if (style == LogStyle::xray && !access.inbound_tag.empty()) {
        append_escaped(line, access.inbound_tag, Escape::words);
        line += route_text(access.route);
    }
    append_escaped(line, access.outbound_tag, Escape::words);
    line += ']';
}

std::string_view route_text(AccessLine::Route route) {
    switch (route) {
        case AccessLine::Route::rule:
            return " -> ";
        case AccessLine::Route::standard:
            return " >> ";
        case AccessLine::Route::forced:
            return " ==> ";
    }
    std::unreachable();
}

std::string_view level_text(LogLevel level) {
    switch (level) {
        case LogLevel::debug:
            return "Debug";
        case LogLevel::info:
            return "Info";
        case LogLevel::warning:
            return "Warning";
        case LogLevel::error:
            return "Error";
        case LogLevel::none:
            break;  // a filter's level, never a line's
    }
    assert(false);
    std::unreachable();
}

}  // namespace

}  // namespace ferry::core
