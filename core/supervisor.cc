#include "core/supervisor.h"

#include <fmt/format.h>
#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <set>

#include "core/token_keeper.h"
#include "core/version.h"

namespace ferry::core {
namespace {

constexpr std::size_t kCoresMax = 1024;
// The tokens of the older header take a while where there are many ids. Whoever comes meanwhile
// waits in the listener's queue instead of being taken for a stranger; but not for longer than
// this, because the newer header does not need them.
constexpr auto kTokenPatience = std::chrono::seconds(1);

// The CPUs that this process may run on.
std::vector<int> usable_cpus() {
    std::vector<int> cpus;
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) == 0) {
        for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
            if (CPU_ISSET(static_cast<std::size_t>(cpu), &set)) {
                cpus.push_back(cpu);
            }
        }
    }
    return cpus;
}

// A relay needs two descriptors per session: takes as many as the system lets it have.
void raise_descriptor_limit() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

sigset_t awaited_signals() {
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2}) {
        sigaddset(&set, signal);
    }
    return set;
}

std::int64_t unix_seconds() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::seconds>(now).count();
}

// The process while it serves.
class Supervisor {
public:
    Supervisor(const config::Config& config, const RunOptions& options, Log& log);

    bool start(const std::vector<config::Mistake>& warnings);
    void serve();

private:
    void announce_engines();
    void announce(const std::vector<io::Endpoint>& endpoints);
    bool prepare(std::vector<io::Endpoint>& endpoints);
    void print_counters() const;
    bool take_over();
    // What stands in the way of serving, for whoever has started the program.
    void fail(std::string_view message);
    void error(LogLevel level, std::string_view message) { log_.error(level, 0, "main", message); }

    const RunOptions& options_;
    Log& logs_;
    crypto::Dispatch dispatch_;
    EngineChoice backend_;
    std::unique_ptr<ReplayStore> store_;  // null: nothing outlives the process
    ReplayFilter replay_;
    ReplayFilter session_keys_;
    SkewReports skew_reports_;
    KeptSockets kept_sockets_;
    CoreLog log_;
    Shared shared_;
    std::vector<std::unique_ptr<Worker>> workers_;
    std::unique_ptr<TokenKeeper> keeper_;  // null: nobody uses the older header
};

std::uint64_t replay_seed() {
    const auto seed = crypto::system_seed();
    return crypto::load_be<std::uint64_t>(seed.data());
}

Limits limits_for(const crypto::Dispatch& dispatch) {
    Limits limits;
    limits.trials = rates_for(*dispatch.aes128_trial);
    return limits;
}

Supervisor::Supervisor(const config::Config& config, const RunOptions& options, Log& log)
    : options_(options),
      logs_(log),
      dispatch_(crypto::choose(crypto::detect(), options.forbidden_rows)),
      backend_(choose_engine(options.backend)),
      replay_(replay_seed()),
      session_keys_(replay_seed()),
      log_(log.add_queue(), filter_of(config.log), [] { return std::chrono::system_clock::now(); }),
      shared_{.dispatch = dispatch_,
              .replay = replay_,
              .session_keys = session_keys_,
              .skew_reports = skew_reports_,
              .kept_sockets = kept_sockets_,
              .snapshot = make_snapshot(config, dispatch_),
              .limits = limits_for(dispatch_),
              .backend = backend_.kind,
              .engine = config.engine,
              .log_filter = filter_of(config.log),
              .others = {}} {}

bool Supervisor::prepare(std::vector<io::Endpoint>& endpoints) {
    const std::vector<int> cpus = usable_cpus();
    const std::size_t usable = std::max<std::size_t>(cpus.size(), 1);
    const std::size_t cores =
        std::min(options_.cores == 0 ? usable : std::size_t{options_.cores}, kCoresMax);
    std::vector<Port> ports = shared_.snapshot->ports;
    for (std::size_t index = 0; index < cores; ++index) {
        Place place{.index = static_cast<unsigned>(index),
                    .cpu = {},
                    .sharing = index == 0 ? io::Sharing::first : io::Sharing::joining,
                    .ports = ports,
                    .log = &logs_.add_queue()};
        if (cores > 1 && cores <= cpus.size()) {
            place.cpu = cpus[index];
        }
        workers_.push_back(std::make_unique<Worker>(shared_, std::move(place)));
        auto prepared = workers_.back()->prepare();
        if (!prepared) {
            fail(prepared.error());
            return false;
        }
        if (index == 0) {
            endpoints = *prepared;
            for (std::size_t port = 0; port < ports.size(); ++port) {
                ports[port].at = endpoints[port];  // the others join what the kernel has chosen
            }
        }
    }
    return true;
}

// The engines of all cores are the same, unless the kernel has had enough at some point.
void Supervisor::announce_engines() {
    std::set<std::string> told;
    for (const auto& worker : workers_) {
        for (const std::string& refusal : refusals_of(worker->engine())) {
            if (told.insert(refusal).second) {
                error(LogLevel::warning, refusal);
            }
        }
        const std::string text = text_of(worker->engine());
        if (told.insert(text).second) {
            error(LogLevel::info, text);
        }
    }
}

void Supervisor::announce(const std::vector<io::Endpoint>& endpoints) {
    error(LogLevel::warning,
          fmt::format("engine: {}{}{}, cores: {}, aes-128-gcm: {}, chacha20-poly1305: {}, "
                      "sha-256: {}, shake128: {}, aes-128: {}, user search: {}",
                      backend_.kind == BackendKind::uring ? "io_uring" : "epoll",
                      backend_.why.empty() ? "" : " because ", backend_.why, workers_.size(),
                      dispatch_.aes128_gcm->name, dispatch_.chacha20_poly1305->name,
                      dispatch_.sha256->name, dispatch_.shake128->name, dispatch_.aes128->name,
                      dispatch_.aes128_trial->name));
    announce_engines();
    for (std::size_t index = 0; index < endpoints.size(); ++index) {
        const Inbound& inbound = *shared_.snapshot->ports[index].inbound;
        log_.error(LogLevel::info, 0, inbound.name(),
                   fmt::format("listening on {}", endpoints[index].text()));
    }
    error(LogLevel::warning, fmt::format("Ringferry {} started", kVersion));
}

// One line each, "NAME VALUE", and an empty one at the end: for people, and for scripts until there
// is an API to ask.
void Supervisor::print_counters() const {
    Meters::Sums sums;
    for (const auto& worker : workers_) {
        worker->meters().add_to(sums);
        add_to(sums, worker->stats());
    }
    sums["core.sockets_waiting"] = kept_sockets_.waiting();
    sums["core.sockets_returned"] = kept_sockets_.returned();
    sums["core.sockets_refused"] = kept_sockets_.refused();
    std::string text;
    for (const auto& [name, value] : sums) {
        text += fmt::format("{} {}\n", name, value);
    }
    fmt::print("{}\n", text);
    std::fflush(stdout);
}

void Supervisor::fail(std::string_view message) {
    error(LogLevel::error, message);
    fmt::print(stderr, "ringferry: {}\n", message);
}

// Takes over what the process before this one has accepted.
bool Supervisor::take_over() {
    if (options_.state_directory.empty()) {
        return true;
    }
    auto opened = ReplayStore::open(options_.state_directory);
    if (!opened) {
        fail(opened.error());
        return false;
    }
    store_ = std::move(*opened);
    const ReplayTime time{std::chrono::steady_clock::now(), unix_seconds()};
    std::size_t homeless = 0;
    const ReplayStore::Found found = store_->load(time, [&](const ReplayRecord& record) {
        bool taken = true;
        if (record.kind == ReplayKind::auth_id) {
            taken = replay_.restore(record.token, record.unix_seconds, time.now);
        } else if (record.kind == ReplayKind::session_keys) {
            taken = session_keys_.restore(record.token, record.unix_seconds, time.now);
        }
        homeless += taken ? 0 : 1;
    });
    replay_.keep_in(*store_, ReplayKind::auth_id);
    session_keys_.keep_in(*store_, ReplayKind::session_keys);
    error(LogLevel::info, fmt::format("{}: {} tokens are still in their window, {} are past",
                                      store_->path(), found.live, found.expired));
    if (found.damaged + homeless > 0) {
        error(LogLevel::warning,
              fmt::format("{}: {} damaged records are ignored, and {} for which there is no place",
                          store_->path(), found.damaged, homeless));
    }
    if (const std::string trouble = store_->trouble(); !trouble.empty()) {
        error(LogLevel::error, trouble);
    }
    return true;
}

bool Supervisor::start(const std::vector<config::Mistake>& warnings) {
    for (const config::Mistake& warning : warnings) {
        error(LogLevel::warning, config::text(warning));
    }
    std::vector<io::Endpoint> endpoints;
    if (!take_over() || !prepare(endpoints)) {
        return false;
    }
    announce(endpoints);
    shared_.others.open = [this](const Port& port) {
        for (std::size_t index = 1; index < workers_.size(); ++index) {
            workers_[index]->open(port);
        }
    };
    shared_.others.close = [this](const io::Endpoint& at) {
        for (std::size_t index = 1; index < workers_.size(); ++index) {
            workers_[index]->close(at);
        }
    };
    if (!shared_.snapshot->tokens.empty()) {
        keeper_ = std::make_unique<TokenKeeper>(shared_.snapshot->tokens, unix_seconds,
                                                static_cast<unsigned>(workers_.size()));
        keeper_->catch_up(kTokenPatience);
    }
    for (const auto& worker : workers_) {
        worker->go();
    }
    if (options_.started) {
        options_.started(endpoints);
    }
    return true;
}

void Supervisor::serve() {
    const sigset_t awaited = awaited_signals();
    bool stopping = false;
    while (!stopping) {
        int signal = 0;
        if (sigwait(&awaited, &signal) != 0) {
            continue;
        }
        if (signal == SIGUSR1) {
            auto reopened = logs_.reopen();
            if (!reopened) {
                error(LogLevel::error, reopened.error());
            }
            continue;
        }
        if (signal == SIGUSR2) {
            print_counters();
            continue;
        }
        if (signal == SIGHUP) {
            error(LogLevel::warning,
                  "SIGHUP: this version reads its configuration once; restart it");
            continue;
        }
        stopping = true;
    }
    for (const auto& worker : workers_) {
        worker->stop(options_.grace);
    }
    // The grace period ends early on a second signal, or when the last worker has nothing left.
    std::thread impatient([this, awaited] {
        int signal = 0;
        while (sigwait(&awaited, &signal) == 0 && signal != SIGINT && signal != SIGTERM) {
            continue;  // neither a log to be opened anew nor a reload nor a sum matters any more
        }
        for (const auto& worker : workers_) {
            worker->stop(io::Duration::zero());
        }
    });
    for (const auto& worker : workers_) {
        worker->join();
    }
    pthread_kill(impatient.native_handle(), SIGTERM);
    impatient.join();
    workers_.clear();
}

}  // namespace

int run(config::Config config, const std::vector<config::Mistake>& warnings,
        const RunOptions& options) {
    const sigset_t awaited = awaited_signals();
    pthread_sigmask(SIG_BLOCK, &awaited, nullptr);
    (void)signal(SIGPIPE, SIG_IGN);
    // A file that may not grow any more (LimitFSIZE) is an error where it is written, not the end.
    (void)signal(SIGXFSZ, SIG_IGN);
    raise_descriptor_limit();

    auto log = Log::open(config.log);
    if (!log) {
        fmt::print(stderr, "ringferry: {}\n", log.error());
        return kExitConfig;
    }
    Supervisor supervisor(config, options, **log);
    // What the text and its values have taken is free now, in small pieces between those that stay:
    // with 100 000 users more than what the users themselves need.
    config = {};
    (void)malloc_trim(0);
    if (!supervisor.start(warnings)) {
        return kExitStart;
    }
    supervisor.serve();
    return kExitOk;
}

}  // namespace ferry::core
