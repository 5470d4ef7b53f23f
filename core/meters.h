// Meters: the traffic of users, inbounds and outbounds, by the names that V2Ray gives the counters.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "core/cache_line.h"
#include "core/stats.h"

namespace ferry::core {

// What one party has sent and received; null where nothing is counted.
struct Meter {
    Counter* up = nullptr;    // from the client
    Counter* down = nullptr;  // to the client

    void add_up(std::uint64_t bytes) const noexcept {
        if (up != nullptr) {
            up->add(bytes);
        }
    }
    void add_down(std::uint64_t bytes) const noexcept {
        if (down != nullptr) {
            down->add(bytes);
        }
    }
};

// Which directions are counted.
struct Counted {
    bool up = false;
    bool down = false;
};

// The counters of one core. A counter comes into being when it is first asked for and stays as long
// as the process; the names come from the configuration, so there are no more of them than it has
// users, inbounds and outbounds.
//
//   thread  of() from its core, which alone adds; add_to() from any
//   cost    of(): one look-up per direction, once per session
class Meters {
public:
    enum class Kind : std::uint8_t { user, inbound, outbound };

    Meters() = default;
    Meters(const Meters&) = delete;

    // The counters of `kind>>>name>>>traffic>>>uplink` and `downlink`, as far as they are wanted. A
    // party without a name has none.
    Meter of(Kind kind, std::string_view name, Counted counted);

    // Adds every counter to the sum of its name.
    using Sums = std::map<std::string, std::uint64_t, std::less<>>;
    void add_to(Sums& sums) const;

private:
    // Written with every send of a core: beside it must not lie what another core uses.
    struct alignas(kCacheLineBytes) OwnLine {
        Counter counter;
    };
    static_assert(kHasOwnLines<OwnLine>);

    Counter* counter(const std::string& name);

    mutable std::mutex lock_;
    std::map<std::string, std::unique_ptr<OwnLine>, std::less<>> counters_;
};

// What is counted besides users: the switches of the policy's `system`.
struct SystemCounted {
    Counted inbounds;
    Counted outbounds;
};

}  // namespace ferry::core
