// The load of perf_ring: plain sockets over loopback TCP, driven by a thread of their own, which
// looks at every byte that comes back.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "io/endpoint.h"
#include "perf/ring/ring.h"

namespace ferry::ring {

// Owns descriptors. Closing is orderly, or by shut_down(), which also ends what a ring still holds.
class Sockets {
public:
    Sockets() = default;
    Sockets(const Sockets&) = delete;
    Sockets& operator=(const Sockets&) = delete;
    ~Sockets();

    void add(int fd) { all_.push_back(fd); }
    std::span<const int> all() const { return all_; }
    void shut_down() const;

private:
    std::vector<int> all_;
};

// Connects so many pairs: what the ring relays, and the load's ends of them.
void connect_pairs(std::uint32_t count, Sockets& relayed, Sockets& loaded);

// A listening socket of 127.0.0.1, as the program makes it, and where it listens.
int listen_on_loopback(io::Endpoint& at);

inline constexpr std::uint32_t kMessageBytes = 200;
inline constexpr std::uint32_t kStreams = 4;  // of bulk

// The loads. Each gives what was wrong, or nothing, and ends all its connections in any case, so
// that the relay ends as well.

// Sends a message on every socket and the next one when its echo is there.
std::string ping(std::span<const int> sockets, std::uint32_t messages);

// Sends so many bytes into every source, 64 KiB at a time, and expects them out of the sink beside
// it.
std::string pour(std::span<const int> sources, std::span<const int> sinks, std::uint64_t bytes);

// Connects so often, many at a time, and expects nothing but an orderly end each time. Shuts the
// listener down where that fails.
std::string visit(const io::Endpoint& at, int listener, std::uint32_t count);

// A load on its thread.
class Load {
public:
    explicit Load(std::function<std::string()> load)
        : thread_([this, load = std::move(load)] { wrong_ = load(); }) {}

    std::string join() {
        thread_.join();
        return wrong_;
    }

private:
    std::string wrong_;
    std::jthread thread_;
};

// What came of a sample.
Outcome outcome_of(const std::optional<Trouble>& trouble, const std::string& wrong,
                   const Cost& cost);

// Bulk through a Relayer, made of `how` and the descriptors it goes between.
template <class Relayer, class... How>
Outcome relay_bulk(const Sizes& sizes, const How&... how) {
    const std::uint64_t bytes = std::uint64_t{sizes.kibibytes} * 1024;
    Sockets relayed;
    Sockets loaded;
    connect_pairs(2 * kStreams, relayed, loaded);
    Relayer relayer(how..., relayed.all().first(kStreams), relayed.all().last(kStreams));
    if (!relayer.prepare()) {
        return std::unexpected(*relayer.trouble());
    }
    Load load(
        [&] { return pour(loaded.all().first(kStreams), loaded.all().last(kStreams), bytes); });
    const Stopwatch watch;
    relayer.run();
    const double seconds = watch.seconds();
    if (relayer.trouble()) {
        relayed.shut_down();
    }
    const std::string wrong = load.join();
    relayed.shut_down();
    return outcome_of(relayer.trouble(), wrong,
                      {.cpu_seconds = seconds,
                       .units = static_cast<double>(kStreams * bytes) / (1 << 30),
                       .enters = static_cast<double>(relayer.enters()),
                       .remark = relayer.remark()});
}

}  // namespace ferry::ring
