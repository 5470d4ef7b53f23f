// "log": where lines go, and which.
#include <array>
#include <utility>

#include "core/config_sections.h"
#include "core/config_words.h"

namespace ferry::core::config {
namespace {

struct NamedLevel {
    std::string_view name;
    LogLevel level;
};
constexpr std::array<NamedLevel, 5> kLevels{{
    {"debug", LogLevel::debug},
    {"info", LogLevel::info},
    {"warning", LogLevel::warning},
    {"error", LogLevel::error},
    {"none", LogLevel::none},
}};

// Nothing means standard output, "none" means nothing.
LogTarget read_target(Section& section, std::string_view key) {
    const auto path = section.text_at(key);
    if (!path || path->text.empty()) {
        return {LogTarget::Kind::standard_output, {}};
    }
    if (path->text == "none") {
        return {LogTarget::Kind::off, {}};
    }
    if (equal_ignoring_case(path->text, "none")) {
        section.report().warning(path->at, "this is the name of a file",
                                 "write \"none\" in small letters to switch the log off");
    }
    return {LogTarget::Kind::file, std::string(path->text)};
}

LogLevel read_level(Section& section) {
    const auto name = section.text_at("loglevel");
    if (!name || name->text.empty()) {
        return LogLevel::warning;
    }
    std::array<std::string_view, kLevels.size()> names;
    for (std::size_t index = 0; index < kLevels.size(); ++index) {
        if (equal_ignoring_case(name->text, kLevels[index].name)) {
            return kLevels[index].level;
        }
        names[index] = kLevels[index].name;
    }
    section.report().warning(
        name->at, shown(name->text) + " is not a level; \"warning\" is used",
        suggestion(name->text, names, "use debug, info, warning, error or none"));
    return LogLevel::warning;
}

// "sessions" and "sessionsFormat" are ours; off unless a file is named, or "" for standard output.
void read_sessions(Section& section, Log& log) {
    if (section.text_at("sessions")) {
        log.sessions = read_target(section, "sessions");
    }
    const auto format = section.text_at("sessionsFormat");
    if (!format || equal_ignoring_case(format->text, "text")) {
        return;
    }
    if (equal_ignoring_case(format->text, "json")) {
        log.session_format = SessionFormat::json;
        return;
    }
    section.report().warning(format->at, shown(format->text) + " is not a format; \"text\" is used",
                             "use text or json");
}

}  // namespace

Log read_log(Report& report, std::optional<Value> value) {
    if (!value) {
        return {};  // without a section: no access log, unlike with an empty one
    }
    Section section(report, *value);
    Log log;
    log.access = read_target(section, "access");
    log.error = read_target(section, "error");
    log.level = read_level(section);
    read_sessions(section, log);
    if (log.level == LogLevel::none) {
        log.access = {LogTarget::Kind::off, {}};
        log.error = {LogTarget::Kind::off, {}};
        log.sessions = {LogTarget::Kind::off, {}};
    }
    section.finish();
    return log;
}

}  // namespace ferry::core::config
