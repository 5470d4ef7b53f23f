// "policy": times, sizes and counters, by user level and for the whole system.
#include <charconv>

#include "core/config_sections.h"

namespace ferry::core::config {
namespace {

constexpr std::int64_t kBufferUnitBytes = 1024;

// A level's name is its number.
std::optional<std::uint32_t> level_number(Report& report, Value entry) {
    const std::string_view key = entry.key();
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), number);
    if (error != std::errc{} || end != key.data() + key.size()) {
        report.mistake(entry, "the name of a level is a whole number from 0 to 4294967295",
                       "write for example \"0\": { ... }");
        return std::nullopt;
    }
    return number;
}

void read_seconds(Section& section, std::string_view key, Seconds& to) {
    if (const auto seconds = section.number<std::uint32_t>(key)) {
        to = Seconds(*seconds);
    }
}

void warn_of_zero(Section& section, std::string_view key, Seconds seconds, std::string what) {
    const auto value = section.find(key);
    if (value && seconds == Seconds(0)) {
        section.report().warning(*value, std::move(what), "write a number of seconds above 0");
    }
}

Level read_level(Report& report, Value value) {
    Section section(report, value);
    Level level;
    read_seconds(section, "handshake", level.handshake);
    read_seconds(section, "connIdle", level.idle);
    read_seconds(section, "uplinkOnly", level.uplink_only);
    read_seconds(section, "downlinkOnly", level.downlink_only);
    warn_of_zero(section, "handshake", level.handshake, "with 0, every client is refused");
    warn_of_zero(section, "connIdle", level.idle, "with 0, every connection ends at once");
    if (const auto units = section.number<std::int32_t>("bufferSize")) {
        level.buffer_bytes = *units < 0 ? -1 : *units * kBufferUnitBytes;
    }
    level.stats_user_uplink = section.flag("statsUserUplink");
    level.stats_user_downlink = section.flag("statsUserDownlink");
    section.warn_of("statsUserOnline", "who is online is not counted", "remove it");
    section.finish();
    return level;
}

void read_system(Section& parent, Policy& policy) {
    Section section(parent, "system");
    policy.stats_inbound_uplink = section.flag("statsInboundUplink");
    policy.stats_inbound_downlink = section.flag("statsInboundDownlink");
    policy.stats_outbound_uplink = section.flag("statsOutboundUplink");
    policy.stats_outbound_downlink = section.flag("statsOutboundDownlink");
    section.warn_of("overrideAccessLogDest", "the access log shows the place asked for",
                    "remove it");
    section.finish();
}

}  // namespace

Policy read_policy(Report& report, std::optional<Value> value) {
    Policy policy;
    if (!value) {
        return policy;
    }
    Section section(report, *value);
    if (const auto levels = section.object("levels")) {
        for (const Value entry : levels->children()) {
            const auto number = level_number(report, entry);
            if (!number) {
                continue;
            }
            if (policy.levels.contains(*number)) {
                report.key_warning(entry, "this level stands here twice; the last one counts",
                                   "remove one of them");
            }
            policy.levels[*number] = read_level(report, entry);
        }
    }
    read_system(section, policy);
    section.finish();
    return policy;
}

Level level_of(const Policy& policy, std::uint32_t level) {
    const auto found = policy.levels.find(level);
    return found == policy.levels.end() ? Level{} : found->second;
}

}  // namespace ferry::core::config
