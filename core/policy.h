// Policy: the times and sizes of one level.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>

#include "core/meters.h"
#include "io/result.h"

namespace ferry::core {

// The times and sizes of one level. Defaults: config.md section 3.
struct Policy {
    io::Duration handshake = std::chrono::seconds(60);     // first byte to complete request
    io::Duration dial = std::chrono::seconds(16);          // name lookup and one connect
    io::Duration idle = std::chrono::seconds(300);         // no byte in either direction
    io::Duration uplink_only = std::chrono::seconds(2);    // the target has finished sending
    io::Duration downlink_only = std::chrono::seconds(5);  // the client has finished sending
    // How much may wait between the two ends of a session, per direction. What is below the least
    // that a direction works with, one slot, is taken for that.
    std::uint64_t buffer_bytes = std::numeric_limits<std::uint64_t>::max();
    Counted counted;  // the traffic of users, by their e-mail
};

}  // namespace ferry::core
