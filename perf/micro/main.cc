// perf/micro: what every row of the crypto table costs on this machine, and how it compares.
//
//   perf_micro [--ours_only] [--benchmark_filter=REGEX] [--benchmark_min_time=SECONDS] ...
#include <benchmark/benchmark.h>

#include <algorithm>
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
            if (!times_.contains(name)) {
                order_.push_back(name);
                times_[name] = run.GetAdjustedRealTime();
            }
            // With repetitions, the least disturbed one counts.
            times_[name] = std::min(times_[name], run.GetAdjustedRealTime());
        }
    }

    // How many times as fast as the others each row is, size by size.
    void print_ratios() const {
        std::printf("\n%-44s %14s %14s\n", "times as fast as", "BoringSSL", "OpenSSL 3.0");
        for (const std::string& name : order_) {
            const std::size_t dot = name.find('.');
            const std::size_t slash = name.find('/');
            if (dot == std::string::npos || slash == std::string::npos) {
                continue;
            }
            const std::string_view row = std::string_view(name).substr(dot + 1, slash - dot - 1);
            if (row == "boring" || row == "openssl" || row == "portable") {
                continue;
            }
            const double boring = ratio(name.substr(0, dot) + ".boring" + name.substr(slash), name);
            const double openssl =
                ratio(name.substr(0, dot) + ".openssl" + name.substr(slash), name);
            if (boring > 0 || openssl > 0) {
                std::printf("%-44s %14s %14s\n", name.c_str(), text(boring).c_str(),
                            text(openssl).c_str());
            }
        }
    }

private:
    double ratio(const std::string& other, const std::string& ours) const {
        const auto found = times_.find(other);
        return found == times_.end() ? 0 : found->second / times_.at(ours);
    }

    static std::string text(double ratio) {
        char digits[32];
        std::snprintf(digits, sizeof digits, "%.2f", ratio);
        return ratio > 0 ? digits : "-";
    }

    std::vector<std::string> order_;
    std::map<std::string, double> times_;
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
    std::printf("cycles/B are cycles of %.2f GHz, whatever the clock did meanwhile\n",
                benchmark::CPUInfo::Get().cycles_per_second / 1e9);
    perf::Recorder recorder;
    benchmark::RunSpecifiedBenchmarks(&recorder);
    recorder.print_ratios();
    return 0;
}
