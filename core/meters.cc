#include "core/meters.h"

namespace ferry::core {
namespace {

std::string_view name_of(Meters::Kind kind) {
    switch (kind) {
        case Meters::Kind::user:
            return "user";
        case Meters::Kind::inbound:
            return "inbound";
        case Meters::Kind::outbound:
            return "outbound";
    }
    return "";
}

}  // namespace

Meter Meters::of(Kind kind, std::string_view name, Counted counted) {
    Meter meter;
    if (name.empty() || (!counted.up && !counted.down)) {
        return meter;
    }
    // Panels split at ">>>" and expect four parts (config.md 1.7).
    std::string path(name_of(kind));
    path += ">>>";
    path += name;
    path += ">>>traffic>>>";
    const std::lock_guard guard(lock_);
    if (counted.up) {
        meter.up = counter(path + "uplink");
    }
    if (counted.down) {
        meter.down = counter(path + "downlink");
    }
    return meter;
}

Counter* Meters::counter(const std::string& name) {
    auto found = counters_.find(name);
    if (found == counters_.end()) {
        found = counters_.emplace(name, std::make_unique<OwnLine>()).first;
    }
    return &found->second->counter;
}

void Meters::add_to(Sums& sums) const {
    const std::lock_guard guard(lock_);
    for (const auto& [name, line] : counters_) {
        sums[name] += line->counter.read();
    }
}

}  // namespace ferry::core
