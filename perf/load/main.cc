// perf_load: a load generator on the program's own engine and codecs.
//
//   perf_load MODE --connect=ADDRESS:PORT [--NAME=VALUE ...]
//
// Its near end connects to the program under test, its far end is what that one connects to; either
// speaks VMess or nothing at all. One JSON object on standard output tells what came of it. Exit
// code 0; 1 if a connection failed or nothing was done; 2 if it could not begin.
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <cstdio>
#include <vector>

#include "io/epoll.h"
#include "io/listener.h"
#include "io/uring.h"
#include "perf/load/report.h"
#include "perf/load/users.h"

namespace ferry::load {

namespace {

constexpr std::uint32_t kSlots = 2048;

int refuse(std::string_view why) {
    fmt::print(stderr, "perf_load: {}\n", why);
    return 2;
}

// Two descriptors for each connection, which has two ends here.
bool has_descriptors(const Options& options) {
    constexpr rlim_t kOthers = 64;
    const rlim_t wanted = 2 * rlim_t{options.connections} + kOthers;
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    return wanted <= limit.rlim_cur;
}

io::Result<std::unique_ptr<io::Backend>> make_backend(Engine engine) {
    const bool has_uring = io::uring_missing().empty();
    const bool is_uring = engine == Engine::uring || (engine == Engine::automatic && has_uring);
    return is_uring ? io::make_uring() : io::make_epoll();
}

// Turns the loop until the run is over, and lets requests go when they are due.
void drive(Run& run) {
    // Epoll sleeps whole milliseconds; the last one before a request is due is spent awake.
    constexpr io::Duration kEpollTick = std::chrono::milliseconds(1);
    const bool is_exact = run.options.engine != Engine::epoll && io::uring_missing().empty();
    const io::Duration early = is_exact ? io::Duration::zero() : kEpollTick;
    while (!run.root.empty()) {
        const io::TimePoint next = run.pacer.next();
        run.rig.loop.turn(next == io::kNever ? next : next - early);
        run.pacer.release(run.now());
    }
    run.rig.loop.run(run.root);
}

void print_report(const Run& run) {
    fmt::print("{}", json_of(run));
    std::fflush(stdout);
}

bool is_fine(const Tally& tally) {
    return tally.failed == 0 && (tally.opened > 0 || tally.done > 0);
}

int run_with(const Options& options, const crypto::Dispatch& dispatch,
             std::span<const proto::vmess::UserId> ids) {
    auto backend = make_backend(options.engine);
    if (!backend) {
        return refuse(std::make_error_code(backend.error()).message());
    }
    io::BufferPool in(kSlotBytes, kSlots);
    io::BufferPool out(kSlotBytes, kSlots);
    io::Loop loop(**backend, in);
    io::Scope root(loop);
    crypto::Random random(crypto::system_seed());
    std::vector<core::User> users;
    for (const proto::vmess::UserId& id : ids) {
        users.push_back({.id = id});
    }
    const core::UserTable table(dispatch, users);
    auto listener = io::Listener::open(root, options.listen, io::Sharing::first);
    if (!listener) {
        return refuse(fmt::format("--listen={}: {}", options.listen.text(),
                                  std::make_error_code(listener.error()).message()));
    }
    Run run{.options = options,
            .rig = {loop, out, dispatch, random},
            .root = root,
            .ids = ids,
            .table = table,
            .far_end = listener->local()};
    root.spawn(accept_all(run, *listener));
    root.spawn(conduct(run, print_report));
    drive(run);
    return is_fine(run.tally) ? 0 : 1;
}

int run_program(std::span<const std::string_view> words) {
    const auto options = options_from(words);
    if (!options) {
        return refuse(fmt::format("{}\n{}", options.error(), usage()));
    }
    if (!has_descriptors(*options)) {
        return refuse("the limit of open files is too low for so many connections");
    }
    const crypto::Dispatch dispatch = crypto::choose(crypto::detect());
    const auto ids = ids_of(options->users, dispatch);
    if (!ids) {
        return refuse(ids.error());
    }
    // A timer of the kernel may be late by 50 us otherwise, which every request would be charged.
    prctl(PR_SET_TIMERSLACK, 1UL);
    return run_with(*options, dispatch, *ids);
}

}  // namespace

}  // namespace ferry::load

int main(int count, char** arguments) {
    const std::vector<std::string_view> words(arguments + 1, arguments + count);
    return ferry::load::run_program(words);
}
