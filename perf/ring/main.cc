// perf_ring: what each way to use a ring costs, beside the one that io/uring.cc has.
//
//   perf_ring [--rounds=N] [--messages=N] [--kibibytes=N] [--visits=N] [--only=WORD]
//             [--forbid=ring]
//
// The variants of a question take turns, every second round in reverse, so that a slow minute of
// the machine hits all of them; samples are short, so that some are not disturbed at all. The table
// on standard output has the lowest and the median value. Exit code 0, also where the kernel
// refuses variants; 1 if bytes or connections went wrong; 2 if it could not begin.
#include <fmt/format.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <optional>
#include <span>
#include <string_view>

#include "perf/ring/variant.h"

namespace ferry::ring {

namespace {

struct Options {
    Sizes sizes;
    std::uint32_t rounds = 21;
    std::string_view only;  // a word of the question or of the variant
    bool is_forbidden = false;
};

constexpr std::string_view kToday = "as today";

// What became of one variant.
struct Record {
    Variant variant;
    std::vector<Cost> costs = {};
    std::optional<Trouble> trouble = std::nullopt;

    std::vector<double> per_unit() const {
        std::vector<double> all;
        for (const Cost& cost : costs) {
            all.push_back(cost.cpu_seconds / cost.units * variant.units_per_second);
        }
        return all;
    }
};

double median_of(std::vector<double> values) {
    std::ranges::sort(values);
    const std::size_t middle = values.size() / 2;
    return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

std::optional<Options> options_from(std::span<char*> words) {
    Options options;
    struct Number {
        std::string_view name;
        std::uint32_t& to;
    };
    const auto numbers = std::to_array<Number>({{"--rounds=", options.rounds},
                                                {"--messages=", options.sizes.messages},
                                                {"--kibibytes=", options.sizes.kibibytes},
                                                {"--visits=", options.sizes.visits}});
    for (const std::string_view word : words) {
        const auto number = std::ranges::find_if(
            numbers, [word](const Number& each) { return word.starts_with(each.name); });
        constexpr std::string_view kOnly = "--only=";
        if (number != numbers.end()) {
            const std::string_view text = word.substr(number->name.size());
            const auto [end, error] =
                std::from_chars(text.data(), text.data() + text.size(), number->to);
            if (error != std::errc() || end != text.data() + text.size() || number->to == 0) {
                return std::nullopt;
            }
        } else if (word.starts_with(kOnly)) {
            options.only = word.substr(kOnly.size());
        } else if (word == "--forbid=ring") {
            options.is_forbidden = true;
        } else {
            return std::nullopt;
        }
    }
    return options;
}

// From now on this process cannot make a ring, as where a container's profile forbids it.
bool forbid_rings() {
    auto program = std::to_array<sock_filter>({
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    });
    const sock_fprog filter = {.len = program.size(), .filter = program.data()};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

std::vector<Record> chosen_by(std::string_view only) {
    std::vector<Variant> variants;
    add_messages(variants);
    for (const std::size_t kibibytes : {256, 1024}) {
        add_bulk(variants, kibibytes);
        add_bundles(variants, kibibytes);
    }
    add_accepts(variants);
    const auto is_asked_for = [only](const Variant& variant) {
        return variant.question.contains(only) || variant.name.contains(only);
    };
    std::vector<Record> records;
    for (const Variant& variant : variants) {
        // What others are compared with stands beside them.
        const bool is_base = std::ranges::any_of(variants, [&](const Variant& other) {
            return is_asked_for(other) && other.question == variant.question &&
                   variant.name == kToday;
        });
        if (is_asked_for(variant) || is_base) {
            records.push_back({.variant = variant});
        }
    }
    return records;
}

void sample(Record& record, const Sizes& sizes) {
    if (record.trouble) {
        return;  // it will not go better in the next round
    }
    auto outcome = record.variant.run(sizes);
    if (outcome) {
        record.costs.push_back(*outcome);
    } else {
        record.trouble = outcome.error();
    }
}

void sample_question(std::span<Record> records, const Options& options) {
    for (std::uint32_t round = 0; round < options.rounds; ++round) {
        for (std::size_t i = 0; i < records.size(); ++i) {
            sample(records[round % 2 == 0 ? i : records.size() - 1 - i], options.sizes);
        }
    }
}

// One row. The ratios are to `today`: of the lowest values, and the median of those of one round.
void print_row(const Record& record, const Record& today) {
    const Variant& variant = record.variant;
    fmt::print("| {} | {} | {} |", variant.question, variant.name, variant.unit);
    if (record.trouble) {
        const bool is_refusal = record.trouble->kind == Trouble::Kind::refused;
        fmt::print(" | | | | | {}: {} |\n", is_refusal ? "refused" : "WRONG",
                   record.trouble->words);
        return;
    }
    const std::vector<double> values = record.per_unit();
    const std::vector<double> base = today.per_unit();
    const double lowest = std::ranges::min(values);
    std::string ratios = " | ";
    if (!today.trouble) {
        std::vector<double> pairs;
        for (std::size_t i = 0; i < values.size(); ++i) {
            pairs.push_back(values[i] / base[i]);
        }
        ratios = fmt::format("{:.3f} | {:.3f}", lowest / std::ranges::min(base), median_of(pairs));
    }
    const Cost& last = record.costs.back();
    fmt::print(" {:.3f} | {:.3f} | {} | {:.3f} | {} |\n", lowest, median_of(values), ratios,
               last.enters / last.units, last.remark);
}

void print_table(const std::vector<Record>& records) {
    fmt::print("| question | variant | unit | lowest | median | x lowest | x in one round |");
    fmt::print(" enters per unit | |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n");
    const Record* today = nullptr;
    for (const Record& record : records) {
        if (today == nullptr || today->variant.question != record.variant.question) {
            today = &record;
        }
        print_row(record, *today);
    }
}

int run_program(const Options& options) {
    if (options.is_forbidden && !forbid_rings()) {
        fmt::print(stderr, "perf_ring: this kernel does not let a process forbid itself rings\n");
        return 2;
    }
    // Writes of registered buffers have no flag against it.
    std::signal(SIGPIPE, SIG_IGN);
    std::vector<Record> records = chosen_by(options.only);
    for (auto question = records.begin(); question != records.end();) {
        const auto end = std::find_if(question, records.end(), [question](const Record& record) {
            return record.variant.question != question->variant.question;
        });
        fmt::print(stderr, "{}\n", question->variant.question);
        sample_question({question, end}, options);
        question = end;
    }
    print_table(records);
    const bool is_fine = std::ranges::all_of(records, [&options](const Record& record) {
        const bool is_refused = record.trouble && record.trouble->kind == Trouble::Kind::refused;
        return options.is_forbidden ? is_refused : is_refused || !record.trouble;
    });
    return is_fine ? 0 : 1;
}

}  // namespace

}  // namespace ferry::ring

int main(int count, char** arguments) {
    const auto options =
        ferry::ring::options_from(std::span(arguments, static_cast<std::size_t>(count)).subspan(1));
    if (!options) {
        fmt::print(stderr,
                   "perf_ring [--rounds=N] [--messages=N] [--kibibytes=N] [--visits=N]\n"
                   "          [--only=WORD] [--forbid=ring]\n");
        return 2;
    }
    return ferry::ring::run_program(*options);
}
