// Weather: how a simulated network treats its users.
#pragma once

#include <chrono>
#include <cstddef>

#include "io/result.h"

namespace ferry::sim {

// Chances are per thousand; each is drawn from the world's one generator.
struct Weather {
    // How long one delivery, one handshake or one held-back answer takes.
    io::Duration delay_least = std::chrono::microseconds(0);
    io::Duration delay_most = std::chrono::microseconds(0);
    // What one direction of a connection takes before a sender has to wait; drawn per connection.
    std::size_t buffer_bytes_least = 64 * 1024;
    std::size_t buffer_bytes_most = 64 * 1024;
    unsigned split = 0;       // a send is delivered, or a receive is answered, in smaller parts
    unsigned hold = 0;        // an answer that is ready comes later
    unsigned reset = 0;       // a delivery resets the connection instead
    unsigned refuse = 0;      // a connection is refused though somebody listens
    unsigned shortage = 0;    // a receive waits for a slot though there is one
    unsigned win_cancel = 0;  // an operation that could be answered wins against its cancellation

    unsigned loss = 0;       // a datagram does not arrive
    unsigned duplicate = 0;  // a datagram arrives twice
    unsigned overtake = 0;   // a datagram does not wait for those before it

    // Nothing is late and nothing fails.
    static Weather calm() { return {}; }

    // Everything is late, cut and reordered, but nothing is lost: what is sent arrives.
    static Weather windy() {
        Weather made;
        made.delay_most = std::chrono::milliseconds(20);
        made.buffer_bytes_least = 1;
        made.buffer_bytes_most = 100'000;
        made.split = 300;
        made.hold = 200;
        made.shortage = 50;
        made.win_cancel = 500;
        made.overtake = 200;
        return made;
    }

    // And connections break, and datagrams are lost or arrive twice.
    static Weather stormy() {
        Weather made = windy();
        made.reset = 3;
        made.refuse = 30;
        made.loss = 50;
        made.duplicate = 20;
        return made;
    }
};

}  // namespace ferry::sim
