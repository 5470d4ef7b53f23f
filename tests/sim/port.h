// Port: one end of the simulated datagrams.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "io/endpoint.h"
#include "io/result.h"

namespace ferry::sim {

// A datagram on its way.
struct Letter {
    io::Endpoint from;
    io::Endpoint to;
    std::vector<std::uint8_t> bytes;
};

// The two queues of a datagram socket: what has arrived, and what has not left yet.
class Port {
public:
    // What the queue of arrivals holds, in the kernel's way of counting: 208 KiB, doubled, where a
    // datagram counts for 768 bytes more than it has. What does not fit is lost.
    static constexpr std::size_t kQueueBytes = 425'984;
    static constexpr std::size_t kOverheadBytes = 768;
    // So many may be on the way out; few, so that senders wait often.
    static constexpr std::size_t kLeavingMax = 40;

    bool readable() const noexcept { return !arrived_.empty(); }
    bool may_send() const noexcept { return leaving_ < kLeavingMax; }
    // Later than may_send(), as the kernel does it: whoever waits can then send several.
    bool writable() const noexcept { return leaving_ <= kLeavingMax / 2; }

    void begin_sending() noexcept { ++leaving_; }
    void end_sending() noexcept { --leaving_; }
    // When the one before arrives: the next one does not, without luck, arrive earlier.
    io::TimePoint last_arrival;

    void arrive(const Letter& letter) {
        const std::size_t bytes = letter.bytes.size() + kOverheadBytes;
        if (bytes <= kQueueBytes - queued_bytes_) {
            queued_bytes_ += bytes;
            arrived_.push_back(letter);
        }
    }
    const Letter* next() const noexcept { return arrived_.empty() ? nullptr : &arrived_.front(); }
    std::optional<Letter> take() {
        if (arrived_.empty()) {
            return std::nullopt;
        }
        Letter first = std::move(arrived_.front());
        arrived_.pop_front();
        queued_bytes_ -= first.bytes.size() + kOverheadBytes;
        return first;
    }

private:
    std::deque<Letter> arrived_;
    std::size_t queued_bytes_ = 0;
    std::size_t leaving_ = 0;
};

}  // namespace ferry::sim
