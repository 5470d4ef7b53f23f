#include "core/log.h"

#include <fmt/format.h>

#include <array>
#include <cassert>
#include <iterator>
#include <utility>

namespace ferry::core {

namespace {

// What may stand in a line as it is.
enum class Escape : std::uint8_t {
    words,  // everything but what controls a terminal or ends a line
    token,  // visible ASCII: a blank in a name could pretend to be the next field
};

// How many bytes at the front of `text` are one harmless character; 0 if its first byte is not.
std::size_t harmless_bytes(std::string_view text, Escape escape);
void append_escaped(std::string& line, std::string_view text, Escape escape);
void append_tags(std::string& line, const AccessLine& access, LogStyle style);
std::string_view route_text(AccessLine::Route route);
std::string_view level_text(LogLevel level);
void cut(std::string& line);

}  // namespace

LogFilter filter_of(const config::Log& settings, LogStyle style) {
    const bool off = settings.level == LogLevel::none;
    LogFilter filter;
    filter.style = style;
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

void append_escaped(std::string& line, std::string_view text, Escape escape) {
    // A message may be as long as a peer likes; what is going to be cut need not be escaped.
    while (!text.empty() && line.size() <= kLogLineBytesMax) {
        const std::size_t bytes = harmless_bytes(text, escape);
        if (bytes == 0) {
            const auto byte = static_cast<std::uint8_t>(text.front());
            fmt::format_to(std::back_inserter(line), "\\x{:02x}", byte);
            text.remove_prefix(1);
            continue;
        }
        line += text.substr(0, bytes);
        text.remove_prefix(bytes);
    }
}

// How many continuation bytes the first byte of a UTF-8 sequence announces; 0 if it is not one.
std::size_t continuation_bytes(std::uint8_t first) {
    if (first >= 0xc2 && first <= 0xdf) {
        return 1;
    }
    if (first >= 0xe0 && first <= 0xef) {
        return 2;
    }
    if (first >= 0xf0 && first <= 0xf4) {
        return 3;
    }
    return 0;
}

// Overlong forms, surrogates and what lies beyond Unicode show in the second byte.
bool is_second_byte(std::uint8_t first, std::uint8_t second) {
    switch (first) {
        case 0xe0:
            return second >= 0xa0 && second <= 0xbf;
        case 0xed:
            return second >= 0x80 && second <= 0x9f;
        case 0xf0:
            return second >= 0x90 && second <= 0xbf;
        case 0xf4:
            return second >= 0x80 && second <= 0x8f;
        default:
            return second >= 0x80 && second <= 0xbf;
    }
}

// C1 controls drive terminals; U+2028 and U+2029 end lines; U+202A to U+202E and U+2066 to U+2069
// change the order in which a line is read; U+200E and U+200F do so for their neighbours.
bool is_treacherous(std::string_view character) {
    const auto byte = [&](std::size_t index) {
        return static_cast<std::uint8_t>(character[index]);
    };
    if (character.size() == 2) {
        return byte(0) == 0xc2 && byte(1) <= 0x9f;
    }
    if (character.size() != 3 || byte(0) != 0xe2) {
        return false;
    }
    if (byte(1) == 0x80) {
        return byte(2) == 0x8e || byte(2) == 0x8f || (byte(2) >= 0xa8 && byte(2) <= 0xae);
    }
    return byte(1) == 0x81 && byte(2) >= 0xa6 && byte(2) <= 0xa9;
}

std::size_t harmless_bytes(std::string_view text, Escape escape) {
    const auto first = static_cast<std::uint8_t>(text.front());
    if (first < 0x80) {
        const bool visible = first > 0x20 && first != 0x7f;
        const bool blank = first == 0x20 && escape == Escape::words;
        return visible || blank ? 1 : 0;
    }
    const std::size_t more = continuation_bytes(first);
    if (escape == Escape::token || more == 0 || text.size() <= more) {
        return 0;
    }
    const std::string_view character = text.substr(0, 1 + more);
    if (!is_second_byte(first, static_cast<std::uint8_t>(character[1]))) {
        return 0;
    }
    for (const char rest : character.substr(2)) {
        if ((static_cast<std::uint8_t>(rest) & 0xc0) != 0x80) {
            return 0;
        }
    }
    return is_treacherous(character) ? 0 : character.size();
}

// Leaves room for the time and the newline, so that a whole line fits into one write to a pipe.
void cut(std::string& line) {
    constexpr std::size_t kTextBytesMax = kLogLineBytesMax - 32;
    constexpr std::string_view kMark = "...";
    if (line.size() <= kTextBytesMax) {
        return;
    }
    std::size_t end = kTextBytesMax - kMark.size();
    while ((static_cast<std::uint8_t>(line[end]) & 0xc0) == 0x80) {
        --end;  // not in the middle of a character
    }
    line.resize(end);
    line += kMark;
}

}  // namespace

}  // namespace ferry::core
