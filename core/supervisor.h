// Supervisor: the process. Threads, signals, start and stop.
#pragma once

#include <string>
#include <vector>

#include "core/config.h"
#include "core/worker.h"
#include "crypto/dispatch.h"

namespace ferry::core {

inline constexpr int kExitOk = 0;
inline constexpr int kExitConfig = 23;  // what V2Ray's unit file knows: RestartPreventExitStatus
inline constexpr int kExitStart = 255;  // could not start, for example a port in use

struct RunOptions {
    unsigned cores = 0;  // 0: as many as this process may use
    std::optional<BackendKind> backend;
    io::Duration grace = std::chrono::seconds(10);
    std::string forbidden_rows;   // see crypto::choose()
    std::string state_directory;  // see ReplayStore; empty: nothing outlives the process
    // Called once everything listens; the endpoints are in the order of the configuration's ports.
    std::function<void(const std::vector<io::Endpoint>&)> started;
};

// Runs a configuration until SIGINT or SIGTERM. A second signal skips the grace period. SIGUSR1
// opens the log files anew.
//
//   config  taken over, so that its memory can be given back before anybody is served
//   gives   an exit code
//   thread  the main one, before any other exists: it blocks the signals that it waits for
int run(config::Config config, const std::vector<config::Mistake>& warnings,
        const RunOptions& options);

}  // namespace ferry::core
