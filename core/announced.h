// Announced: which ports of an inbound clients may be told of now, and for how long.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

#include "core/config.h"
#include "crypto/random.h"
#include "io/result.h"

namespace ferry::core {

inline constexpr std::uint8_t kValidMinutesMost = 255;  // what the instruction's one byte can say

// The ports of one inbound that were opened last.
//
//   thread  any; one short lock per request that is answered with an instruction
class Announced {
public:
    struct Port {
        std::uint16_t number;
        std::uint8_t valid_minutes;
    };

    // Ports that stay.
    void set(std::vector<std::uint16_t> ports);
    // Ports that others follow after `refresh`.
    void set(std::vector<std::uint16_t> ports, io::TimePoint now, std::chrono::minutes refresh);

    // One of them at random, and the whole minutes until others follow; nothing while none is open.
    std::optional<Port> pick(crypto::Random& random, io::TimePoint now) const;

private:
    mutable std::mutex lock_;
    std::vector<std::uint16_t> ports_;
    std::optional<io::TimePoint> since_;  // nothing: they stay
    std::chrono::minutes refresh_{};
};

}  // namespace ferry::core
