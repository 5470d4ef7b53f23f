// Worker: one core's thread, with everything that belongs to it.
#pragma once

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "core/allocation.h"
#include "core/core.h"
#include "core/engine.h"
#include "core/log_writer.h"
#include "core/replay.h"
#include "core/snapshot.h"
#include "core/stats.h"
#include "io/mailbox.h"
#include "io/result.h"

namespace ferry::core {

// What all workers share.
struct Shared {
    const crypto::Dispatch& dispatch;
    ReplayFilter& replay;
    ReplayFilter& session_keys;
    SkewReports& skew_reports;
    KeptSockets& kept_sockets;
    std::shared_ptr<const Snapshot> snapshot;
    Limits limits;
    BackendKind backend;
    config::Engine engine;  // what is wanted of it
    LogFilter log_filter;
    OtherCores others;  // those besides the first
};

// What one worker is told at its start.
struct Place {
    unsigned index;
    std::optional<int> cpu;  // to be pinned to
    io::Sharing sharing;
    std::vector<Port> ports;
    LogQueue* log;
};

// A thread that serves on one core. It is made in two steps, so that whatever can fail fails before
// the first byte is served: prepare() sets everything up and opens the listeners, then go().
//
//   thread  the supervisor's, except where the implementation says otherwise
class Worker {
public:
    Worker(Shared& shared, Place place);
    Worker(const Worker&) = delete;
    ~Worker();

    // Starts the thread and waits until it listens, see claim_ports().
    //
    //   gives   the endpoints with the ports that were chosen, in the order of Place::ports
    //   errors  words for the log
    std::expected<std::vector<io::Endpoint>, std::string> prepare();

    void go();
    // See Server::stop(); may be called again with a shorter grace. Before go(), nothing is served.
    void stop(io::Duration grace);
    // Opens or closes a port that the first worker has opened or closed.
    void open(const Port& port);
    void close(const io::Endpoint& at);
    void join();

    // Once prepared.
    const EngineState& engine() const noexcept { return engine_; }
    const StatsShard& stats() const noexcept { return stats_; }
    const Meters& meters() const noexcept { return meters_; }

private:
    using Prepared = std::expected<std::vector<io::Endpoint>, std::string>;
    enum class Order : std::uint8_t { serve, leave };

    void tell(io::Mailbox::Message message);
    void run();
    void run_with(std::unique_ptr<io::Backend> backend);

    Shared& shared_;
    Place place_;
    StatsShard stats_;
    Meters meters_;
    EngineState engine_;
    std::promise<Prepared> prepared_;
    std::promise<Order> order_;
    bool ordered_ = false;
    io::Mailbox* mailbox_ = nullptr;  // guarded by mailbox_lock_: null before and after serving
    std::mutex mailbox_lock_;
    // These run on the worker's own thread.
    std::function<void(io::Duration)> stop_server_;
    std::function<void(const Port&)> open_port_;
    std::function<void(const io::Endpoint&)> close_port_;
    std::thread thread_;
};

}  // namespace ferry::core
