#include "tests/sim/connection.h"

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <utility>

#include "tests/sim/world.h"

namespace ferry::sim {

Connection::Connection(World& world, const io::Endpoint& dialer, const io::Endpoint& listener)
    : world_(world) {
    end(Side::dialer).at = dialer;
    end(Side::listener).at = listener;
    for (End& one : ends_) {
        const Weather& weather = world.weather();
        const std::size_t span = weather.buffer_bytes_most - weather.buffer_bytes_least;
        one.buffer_bytes = weather.buffer_bytes_least + world.random().below(span + 1);
    }
}

bool Connection::readable(Side side) const noexcept {
    const End& mine = end(side);
    return !mine.arrived.empty() || mine.error != 0 || mine.ended || mine.dead;
}

bool Connection::writable(Side side) const noexcept {
    const End& mine = end(side);
    return mine.error != 0 || mine.dead || mine.finished || room_towards(other(side)) > 0;
}

// What arrived before a reset can still be received, and the error is told once: Linux does so.
Connection::Answer Connection::receive(Side side, std::span<std::uint8_t> to) {
    End& mine = end(side);
    assert(!mine.closed);
    if (!mine.arrived.empty()) {
        std::size_t bytes = std::min(to.size(), mine.arrived.size());
        if (bytes > 1 && world_.random().chance(world_.weather().split)) {
            bytes = 1 + world_.random().below(bytes);
        }
        const auto last = mine.arrived.begin() + static_cast<std::ptrdiff_t>(bytes);
        std::copy(mine.arrived.begin(), last, to.begin());
        mine.arrived.erase(mine.arrived.begin(), last);
        return static_cast<std::int32_t>(bytes);
    }
    if (mine.error != 0) {
        return -std::exchange(mine.error, 0);
    }
    if (mine.ended || mine.dead) {
        return 0;
    }
    return std::nullopt;
}

Connection::Answer Connection::send(Side side, std::span<const std::uint8_t> from) {
    End& mine = end(side);
    assert(!mine.closed);
    if (mine.error != 0) {
        return -std::exchange(mine.error, 0);
    }
    if (mine.dead || mine.finished) {
        return -EPIPE;
    }
    const std::size_t taken = std::min(from.size(), room_towards(other(side)));
    if (taken == 0 && !from.empty()) {
        return std::nullopt;
    }
    auto left = from.first(taken);
    while (!left.empty()) {
        std::size_t bytes = left.size();
        if (world_.random().chance(world_.weather().split)) {
            bytes = 1 + world_.random().below(bytes);
        }
        const auto part = left.first(bytes);
        fly(other(side), Segment::Kind::bytes, {part.begin(), part.end()});
        left = left.subspan(bytes);
    }
    return static_cast<std::int32_t>(taken);
}

std::int32_t Connection::shutdown(Side side) {
    End& mine = end(side);
    if (mine.dead) {
        return -ENOTCONN;
    }
    if (!mine.finished) {
        mine.finished = true;
        fly(other(side), Segment::Kind::end, {});
    }
    return 0;
}

// Closing with bytes that nobody received tells the peer so, by a reset, as Linux does.
void Connection::close(Side side, io::Farewell farewell) {
    End& mine = end(side);
    assert(!mine.closed);
    mine.closed = true;
    if (mine.dead) {
        return;
    }
    if (farewell == io::Farewell::reset || !mine.arrived.empty()) {
        reset_towards(other(side));
    } else if (!mine.finished) {
        mine.finished = true;
        fly(other(side), Segment::Kind::end, {});
    }
}

std::size_t Connection::room_towards(Side side) const noexcept {
    const End& theirs = end(side);
    const std::size_t used = theirs.flying_bytes + theirs.arrived.size();
    return theirs.buffer_bytes > used ? theirs.buffer_bytes - used : 0;
}

void Connection::fly(Side to, Segment::Kind kind, std::vector<std::uint8_t> bytes) {
    End& theirs = end(to);
    io::TimePoint when = world_.now() + world_.some_delay();
    if (!theirs.flying.empty()) {
        when = std::max(when, theirs.flying.back().when);  // a stream keeps its order
    }
    theirs.flying_bytes += bytes.size();
    theirs.flying.push_back({kind, when, std::move(bytes)});
    world_.at(when, [self = weak_from_this(), to] {
        if (const auto alive = self.lock()) {
            alive->arrive(to);
        }
    });
}

void Connection::arrive(Side to) {
    End& mine = end(to);
    while (!mine.flying.empty() && mine.flying.front().when <= world_.now()) {
        Segment segment = std::move(mine.flying.front());
        mine.flying.pop_front();
        mine.flying_bytes -= segment.bytes.size();
        deliver(to, segment);
    }
}

void Connection::deliver(Side to, Segment& segment) {
    End& mine = end(to);
    if (mine.dead) {
        return;
    }
    switch (segment.kind) {
        case Segment::Kind::bytes:
            if (mine.closed) {
                // Nobody is there to receive them.
                mine.dead = true;
                reset_towards(other(to));
            } else if (world_.random().chance(world_.weather().reset)) {
                mine.dead = true;
                mine.error = ECONNRESET;
                reset_towards(other(to));
            } else {
                mine.arrived.insert(mine.arrived.end(), segment.bytes.begin(), segment.bytes.end());
            }
            break;
        case Segment::Kind::end:
            mine.ended = true;
            break;
        case Segment::Kind::reset:
            mine.dead = true;
            mine.error = ECONNRESET;
            break;
    }
}

// A reset overtakes what waits to be sent, and some of what is on the way.
void Connection::reset_towards(Side to) {
    End& theirs = end(to);
    const std::size_t kept = world_.random().below(theirs.flying.size() + 1);
    while (theirs.flying.size() > kept) {
        theirs.flying_bytes -= theirs.flying.back().bytes.size();
        theirs.flying.pop_back();
    }
    fly(to, Segment::Kind::reset, {});
}

}  // namespace ferry::sim
