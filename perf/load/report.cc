#include "perf/load/report.h"

#include <fmt/format.h>
#include <sys/resource.h>

namespace ferry::load {

namespace {

double seconds_of(io::Duration time) {
    return std::chrono::duration<double>(time).count();
}

double seconds_of(const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

double microseconds_of(Histogram::Time time) {
    return static_cast<double>(time.count()) / 1000;
}

std::string latency_of(const Histogram& latency) {
    return fmt::format(
        R"({{"count": {}, "mean_us": {:.3f}, "p50_us": {:.3f}, "p90_us": {:.3f}, )"
        R"("p99_us": {:.3f}, "p99_9_us": {:.3f}, "max_us": {:.3f}}})",
        latency.count(), microseconds_of(latency.mean()), microseconds_of(latency.quantile(0.5)),
        microseconds_of(latency.quantile(0.9)), microseconds_of(latency.quantile(0.99)),
        microseconds_of(latency.quantile(0.999)), microseconds_of(latency.max()));
}

// What this program itself has used: where it is all of a core, it is the limit.
std::string usage_of_processor() {
    rusage used{};
    getrusage(RUSAGE_SELF, &used);
    return fmt::format(R"("load_user_seconds": {:.3f}, "load_system_seconds": {:.3f})",
                       seconds_of(used.ru_utime), seconds_of(used.ru_stime));
}

}  // namespace

std::string json_of(const Run& run) {
    const Options& options = run.options;
    const Tally& tally = run.tally;
    const double seconds = seconds_of(run.progressed - run.started);
    const auto per_second = [seconds](double count) { return seconds > 0 ? count / seconds : 0; };
    std::string text = fmt::format(
        R"({{"mode": "{}", "speak": "{}", "hear": "{}", "security": "{}", "users": {}, )"
        R"("connections": {}, "opened": {}, "chunk_bytes": {}, "request_bytes": {}, )"
        R"("answer_bytes": {}, "opening_seconds": {:.6f}, "seconds": {:.6f}, )",
        name_of(options.mode), name_of(options.speak), name_of(options.hear),
        name_of(options.security), run.ids.size(), options.connections, tally.opened,
        options.chunk_bytes, options.request_bytes, options.answer_bytes, seconds_of(run.opening),
        seconds);
    text += fmt::format(R"("sent": {}, "received": {}, "gbit_per_second": {:.6f}, )", tally.sent,
                        tally.received, per_second(static_cast<double>(tally.received)) * 8 / 1e9);
    text += fmt::format(R"("done": {}, "per_second": {:.3f}, "latency": {}, )", tally.done,
                        per_second(static_cast<double>(tally.done)), latency_of(tally.latency));
    if (options.mode == Mode::datagrams) {
        text += fmt::format(R"("window": {}, "lost": {}, "strange": {}, )", options.window,
                            tally.lost, tally.strange);
    }
    text +=
        fmt::format(R"("failed": {}, "first_failure": "{}", {}}})", tally.failed,
                    tally.first_failure ? std::make_error_code(*tally.first_failure).message() : "",
                    usage_of_processor());
    return text + "\n";
}

}  // namespace ferry::load
