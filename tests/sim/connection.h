// Connection: two ends and the bytes between them, as TCP on Linux behaves towards its users.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "io/backend.h"
#include "io/endpoint.h"
#include "io/result.h"

namespace ferry::sim {

class World;

// Which end of a connection: the one that dialed, or the one that was accepted.
enum class Side : std::uint8_t { dialer, listener };

constexpr Side other(Side side) {
    return side == Side::dialer ? Side::listener : Side::dialer;
}

// Bytes in order, each at its own time, and then an end or a reset.
class Connection : public std::enable_shared_from_this<Connection> {
public:
    Connection(World& world, const io::Endpoint& dialer, const io::Endpoint& listener);
    Connection(const Connection&) = delete;

    // An answer as the kernel would give it, or nothing: it would block.
    using Answer = std::optional<std::int32_t>;

    bool readable(Side side) const noexcept;
    bool writable(Side side) const noexcept;
    bool has_bytes(Side side) const noexcept { return !end(side).arrived.empty(); }

    Answer receive(Side side, std::span<std::uint8_t> to);
    Answer send(Side side, std::span<const std::uint8_t> from);
    std::int32_t shutdown(Side side);
    void close(Side side, io::Farewell farewell);

    bool was_reset(Side side) const noexcept { return end(side).dead; }
    const io::Endpoint& endpoint(Side side) const noexcept { return end(side).at; }

private:
    struct Segment {
        enum class Kind : std::uint8_t { bytes, end, reset };
        Kind kind;
        io::TimePoint when;
        std::vector<std::uint8_t> bytes;
    };
    struct End {
        io::Endpoint at;
        std::size_t buffer_bytes = 0;
        std::size_t flying_bytes = 0;
        std::deque<Segment> flying;        // on the way to this end
        std::deque<std::uint8_t> arrived;  // not yet received
        std::int32_t error = 0;            // told once, as the kernel does
        bool ended = false;                // the peer sends no more
        bool dead = false;                 // reset
        bool finished = false;             // this end sends no more
        bool closed = false;
    };

    End& end(Side side) noexcept { return ends_[static_cast<std::size_t>(side)]; }
    const End& end(Side side) const noexcept { return ends_[static_cast<std::size_t>(side)]; }
    std::size_t room_towards(Side side) const noexcept;
    void fly(Side to, Segment::Kind kind, std::vector<std::uint8_t> bytes);
    void arrive(Side to);
    void deliver(Side to, Segment& segment);
    void reset_towards(Side to);

    World& world_;
    std::array<End, 2> ends_;
};

}  // namespace ferry::sim
