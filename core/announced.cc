#include "core/announced.h"

#include <algorithm>

namespace ferry::core {

void Announced::set(std::vector<std::uint16_t> ports) {
    const std::lock_guard guard(lock_);
    ports_ = std::move(ports);
    since_.reset();
}

void Announced::set(std::vector<std::uint16_t> ports, io::TimePoint now,
                    std::chrono::minutes refresh) {
    const std::lock_guard guard(lock_);
    ports_ = std::move(ports);
    since_ = now;
    refresh_ = refresh;
}

std::optional<Announced::Port> Announced::pick(crypto::Random& random, io::TimePoint now) const {
    const std::lock_guard guard(lock_);
    if (ports_.empty()) {
        return std::nullopt;
    }
    const std::uint16_t number = ports_[random.below(ports_.size())];
    if (!since_) {
        return Port{number, kValidMinutesMost};
    }
    // As V2Ray counts: the refresh, less the whole minutes since the last one (config.md 1.5).
    const auto passed = std::chrono::floor<std::chrono::minutes>(now - *since_);
    const auto left = std::clamp<std::int64_t>((refresh_ - passed).count(), 0, kValidMinutesMost);
    return Port{number, static_cast<std::uint8_t>(left)};
}

}  // namespace ferry::core
