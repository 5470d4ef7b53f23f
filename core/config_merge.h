// Which value of which file counts, when a configuration is spread over several files.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "core/config_check.h"
#include "core/config_json.h"

namespace ferry::core::config {

// The sections of all files together.
struct Merged {
    std::optional<Value> log;
    std::optional<Value> routing;
    std::optional<Value> policy;
    std::optional<Value> stats;
    std::optional<Value> api;
    std::optional<Value> dns;
    std::optional<Value> reverse;
    std::optional<Value> transport;
    std::optional<Value> engine;  // ours
    std::optional<Value> port;    // an old way to write the port of the first inbound
    std::vector<Value> inbounds;  // the old "inbound" and "inboundDetour" come first
    std::vector<Value> outbounds;
};

// Merges as V2Ray 4.34 does.
//
//   sections   a later one replaces an earlier one, as a whole
//   in/out     a file with exactly one entry replaces the entry with the same tag, or adds it: an
//              inbound behind the others, an outbound in front of them, or behind if the name of
//              the file contains "tail". A file with several entries replaces all earlier ones
Merged merge(std::span<const Value> roots, Report& report);

}  // namespace ferry::core::config
