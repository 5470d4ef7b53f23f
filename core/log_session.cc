// The line that a session leaves when it ends, for people or for programs.
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <iterator>

#include "core/log.h"
#include "core/log_text.h"

namespace ferry::core {

namespace {

// Appends `"name":"text",`. What the other lines escape is escaped here first, so what is left to
// JSON are quotes and backslashes.
void append_member(std::string& line, std::string_view name, std::string_view text) {
    std::string harmless;
    append_escaped(harmless, text, Escape::words);
    fmt::format_to(std::back_inserter(line), "\"{}\":\"", name);
    for (const char letter : harmless) {
        if (letter == '"' || letter == '\\') {
            line += '\\';
        }
        line += letter;
    }
    line += "\",";
}

}  // namespace

std::string session_text(const SessionLine& session) {
    std::string line;
    append_escaped(line, session.from, Escape::token);
    fmt::format_to(std::back_inserter(line), " {} ", session.outcome);
    append_escaped(line, session.target, Escape::token);
    line += " [";
    append_escaped(line, session.inbound_tag, Escape::words);
    line += " -> ";
    append_escaped(line, session.outbound_tag, Escape::words);
    fmt::format_to(std::back_inserter(line), "] {:.3f} s, {} up, {} down",
                   std::chrono::duration<double>(session.lasted).count(), session.up_bytes,
                   session.down_bytes);
    if (!session.reason.empty()) {
        line += ", ";
        append_escaped(line, session.reason, Escape::words);
    }
    // The e-mail is last, as in the access log.
    if (!session.email.empty()) {
        line += " email: ";
        append_escaped(line, session.email, Escape::words);
    }
    cut(line);
    return line;
}

std::string session_json(const SessionLine& session, WallTime time) {
    const auto ms = std::chrono::floor<std::chrono::milliseconds>(time);
    const auto seconds = std::chrono::floor<std::chrono::seconds>(ms);
    std::string line = fmt::format("{{\"time\":\"{:%Y-%m-%dT%H:%M:%S}.{:03}Z\",\"id\":{},",
                                   fmt::gmtime(std::chrono::system_clock::to_time_t(seconds)),
                                   (ms - seconds).count(), session.id);
    append_member(line, "from", session.from);
    append_member(line, "outcome", session.outcome);
    append_member(line, "target", session.target);
    append_member(line, "inbound", session.inbound_tag);
    append_member(line, "outbound", session.outbound_tag);
    append_member(line, "email", session.email);
    append_member(line, "reason", session.reason);
    fmt::format_to(std::back_inserter(line), "\"seconds\":{:.3f},\"up\":{},\"down\":{}}}",
                   std::chrono::duration<double>(session.lasted).count(), session.up_bytes,
                   session.down_bytes);
    return line;  // not cut: half an object is none; its parts are bounded by the configuration
}

}  // namespace ferry::core
