// perf/micro: what every row of the crypto table costs on this machine, and how it compares.
//
//   perf_micro [--ours_only] [--benchmark_filter=REGEX] [--benchmark_min_time=SECONDS] ...
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "perf/micro/groups.h"

namespace ferry::perf {

namespace {

// Prints as google-benchmark does, and remembers the times for the table at the end.
class Recorder : public benchmark::ConsoleReporter {
public:
    void ReportRuns(const std::vector<Run>& runs) override {
        ConsoleReporter::ReportRuns(runs);
        for (const Run& run : runs) {
            if (run.run_type != Run::RT_Iteration || run.error_occurred) {
                continue;
            }
            const std::string name = run.benchmark_name();
            if (!cost_.contains(name)) {
                order_.push_back(name);
                cost_[name] = cost_of(run);
            }
            // With repetitions, the least disturbed one counts.
            cost_[name] = std::min(cost_[name], cost_of(run));
        }
    }

    // Cycles per byte of every row at every size, and how many times as fast as the others it is.
    void print_table() const {
        std::printf("\ncycles are of %.2f GHz, whatever the clock did meanwhile\n", hertz() / 1e9);
        std::printf("%-40s %9s %18s %18s\n", "row/way/bytes", "cycles/B", "BoringSSL takes x",
                    "OpenSSL takes x");
        for (const std::string& name : order_) {
            const std::size_t dot = name.find('.');
            const std::size_t slash = name.find('/');
            if (dot == std::string::npos || slash == std::string::npos) {
                continue;
            }
            const std::string primitive = name.substr(0, dot);
            const std::string rest = name.substr(slash);
            const Cost& ours = cost_.at(name);
            std::printf("%-40s %9s %18s %18s\n", name.c_str(),
                        text(hertz() * ours.seconds / ours.bytes).c_str(),
                        text(ratio(primitive + ".boring" + rest, ours)).c_str(),
                        text(ratio(primitive + ".openssl" + rest, ours)).c_str());
        }
    }

private:
    // Of one call. Bytes are 0 where the benchmark counts none.
    struct Cost {
        double seconds;
        double bytes;
        bool operator<(const Cost& other) const { return seconds < other.seconds; }
    };

    static double hertz() { return benchmark::CPUInfo::Get().cycles_per_second; }

    // Time on the processor, not on the clock: the machine may be shared.
    static Cost cost_of(const Run& run) {
        const double seconds = run.cpu_accumulated_time / static_cast<double>(run.iterations);
        const auto rate = run.counters.find("bytes_per_second");
        return {seconds, rate == run.counters.end() ? 0 : rate->second.value * seconds};
    }

    double ratio(const std::string& other, const Cost& ours) const {
        const auto found = cost_.find(other);
        return found == cost_.end() ? 0 : found->second.seconds / ours.seconds;
    }

    static std::string text(double number) {
        char digits[32];
        std::snprintf(digits, sizeof digits, "%.3f", number);
        return std::isfinite(number) && number > 0 ? digits : "-";
    }

    std::vector<std::string> order_;
    std::map<std::string, Cost> cost_;
};

// Takes our own option off the list. Is it there?
bool take_option(int& count, char** arguments, std::string_view option) {
    const auto end = std::remove_if(arguments + 1, arguments + count,
                                    [option](const char* given) { return option == given; });
    const bool found = end != arguments + count;
    count = static_cast<int>(end - arguments);
    return found;
}

}  // namespace

}  // namespace ferry::perf

int main(int count, char** arguments) {
    namespace perf = ferry::perf;
    const bool ours_only = perf::take_option(count, arguments, "--ours_only");
    benchmark::Initialize(&count, arguments);
    if (benchmark::ReportUnrecognizedArguments(count, arguments)) {
        return 2;
    }
    perf::add_aeads(ours_only ? perf::Others::none : perf::Others::openssl);
    perf::add_keys();
    perf::add_trials();
    perf::add_hashes();
    perf::add_headers();
    perf::add_users();
    perf::Recorder recorder;
    benchmark::RunSpecifiedBenchmarks(&recorder);
    recorder.print_table();
    return 0;
}
