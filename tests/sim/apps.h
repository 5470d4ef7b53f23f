// Apps: the programs at both ends of a relay, in the simulator.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "io/listener.h"
#include "io/loop.h"
#include "io/scope.h"
#include "io/socket.h"
#include "io/task.h"
#include "tests/sim/sim_backend.h"
#include "tests/sim/world.h"

namespace ferry::sim {

using Bytes = std::vector<std::uint8_t>;

// Bytes that no shift of themselves resembles.
Bytes pattern(std::uint64_t seed, std::size_t bytes);

// A machine with a loop, for programs that are not ours.
class Host {
public:
    Host(World& world, const io::Endpoint& at);
    ~Host();

    World& world;
    SimBackend backend;
    io::BufferPool in;
    io::Loop loop;
    io::Scope root;
};

// How an end reads: so many bytes, then nothing for a while. All at once, where there is no pause.
struct Pace {
    std::size_t bytes = 0;
    io::Duration pause{};
};

// What two programs tell each other.
struct Talk {
    Bytes up;                   // from the client
    Bytes down;                 // from the target
    bool target_waits = false;  // the target answers after it has heard everything
    // How long each end does not read at first.
    io::Duration client_deaf{};
    io::Duration target_deaf{};
    Pace client_pace{};
    Pace target_pace{};
};

// What one end has heard, and how it ended.
struct Heard {
    Bytes bytes;
    bool ended = false;  // by an end, not by an error
    bool over = false;   // nothing more will come
    std::errc error{};
};

// A target that holds one talk with everybody who connects.
class Target {
public:
    Target(Host& host, const io::Endpoint& at, Talk talk);

    const io::Endpoint& at() const noexcept { return listener_.local(); }
    const std::vector<std::unique_ptr<Heard>>& heard() const noexcept { return heard_; }
    void close() { scope_.stop(io::Stop::shutdown); }
    bool closed() const { return scope_.empty(); }

private:
    io::Task<void> accept();
    io::Task<void> converse(io::Accepted accepted);

    Talk talk_;
    io::Scope scope_;
    io::Listener listener_;
    std::vector<std::unique_ptr<Heard>> heard_;
};

// A client's part of a talk, through a proxy that listens at `at`.
//
//   hello  sent first, answered by `hello_answer_bytes` bytes that are not part of the talk
io::Task<void> speak(Host& host, io::Endpoint at, const Talk& talk, Bytes hello,
                     std::size_t hello_answer_bytes, Heard& heard);

// A client that asks, and does not say that this was all, as most do not; it looks away for a while
// and then reads to the end.
io::Task<void> ask(Host& host, io::Endpoint at, Bytes question, io::Duration deaf, Heard& heard);

}  // namespace ferry::sim
