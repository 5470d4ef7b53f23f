// Policy: the times and sizes of one level.
#pragma once

#include <chrono>
#include <cstdint>

#include "io/result.h"

namespace ferry::core {

// The times and sizes of one level. Defaults: config.md section 3.
struct Policy {
    io::Duration handshake = std::chrono::seconds(60);     // first byte to complete request
    io::Duration dial = std::chrono::seconds(16);          // name lookup and one connect
    io::Duration idle = std::chrono::seconds(300);         // no byte in either direction
    io::Duration uplink_only = std::chrono::seconds(2);    // the target has finished sending
    io::Duration downlink_only = std::chrono::seconds(5);  // the client has finished sending
};

}  // namespace ferry::core
