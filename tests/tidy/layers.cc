// Who may include whom: the table of architecture.md, section 2.
#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <string_view>

#include "tests/tidy/rules.h"

namespace ferry::tidy {
namespace {

struct Include {
    std::string_view path;
    bool is_quoted;
};

// What may stand where: a header whose path starts with `header`, in a file whose path starts with
// one of `places`.
struct Permit {
    std::string_view header;
    std::string_view places;  // with blanks between them
};

constexpr auto kFolders = std::to_array<Permit>({
    {"crypto/", "crypto/ proto/ core/ tests/ perf/"},
    {"proto/", "proto/ core/ tests/ perf/"},
    {"io/", "io/ core/ tests/ perf/"},
    {"core/", "core/ tests/ perf/"},
    {"tests/", "tests/ perf/"},
    {"perf/", "perf/ tests/perf/"},
});

constexpr auto kPackages = std::to_array<Permit>({
    {"ares", "core/resolver"},
    {"arm_acle.h", "crypto/arm64/"},
    {"arm_neon.h", "crypto/arm64/"},
    {"benchmark/", "perf/"},
    {"cpuid.h", "crypto/cpu.cc"},
    {"fmt/", "core/ tests/ perf/"},
    {"gmock/", "tests/"},
    {"google/protobuf/", "core/grpc.cc core/api.cc"},
    {"gtest/", "tests/"},
    {"immintrin.h", "crypto/amd64/"},
    {"liburing.h",
     "io/uring.cc io/uring_open.cc io/uring_parameters.h io/uring_probe.cc io/uring_send.cc "
     "perf/ring/"},
    {"nghttp2/", "core/grpc.cc core/api.cc"},
    {"openssl/", "crypto/boring/ tests/crypto/ perf/"},
    {"sanitizer/", "io/ tests/"},
    {"simdjson.h", "core/config"},
    {"valgrind/", "tests/"},
    {"vecintrin.h", "crypto/s390x/"},
});

// The system: sockets and files. The pure folders ask it three things: what the processor can do,
// where chance comes from, and how an address is written.
constexpr auto kSystemHeaders = std::to_array<Permit>({
    {"dlfcn.h", "perf/"},
    {"cxxabi.h", "tests/"},
    {"elf.h", "tests/"},
    {"link.h", "tests/"},
    {"arpa/inet.h", "io/ core/ tests/ perf/ proto/address.cc"},
    {"sys/auxv.h", "io/ core/ tests/ perf/ crypto/cpu.cc"},
    {"sys/random.h", "io/ core/ tests/ perf/ crypto/random.cc"},
    {"arpa/", "io/ core/ tests/ perf/"},
    {"asm/", "io/ core/ tests/ perf/ crypto/cpu.cc"},
    {"linux/", "io/ core/ tests/ perf/"},
    {"net/", "io/ core/ tests/ perf/"},
    {"netinet/", "io/ core/ tests/ perf/"},
    {"sys/", "io/ core/ tests/ perf/"},
});

// Without a folder and with ".h": the system's older headers.
constexpr auto kPlainSystemHeaders = std::to_array<std::string_view>({
    "dirent.h",
    "errno.h",
    "fcntl.h",
    "grp.h",
    "malloc.h",
    "netdb.h",
    "poll.h",
    "pthread.h",
    "pwd.h",
    "sched.h",
    "signal.h",
    "spawn.h",
    "stdlib.h",
    "syslog.h",
    "time.h",
    "unistd.h",
});

// What the pure folders must not know of the standard library: waiting, clocks, threads, files.
constexpr auto kImpure = std::to_array<std::string_view>(
    {"barrier", "chrono", "condition_variable", "coroutine", "ctime", "filesystem", "fstream",
     "future", "iostream", "istream", "latch", "mutex", "ostream", "semaphore", "shared_mutex",
     "stop_token", "thread"});

std::optional<Include> include_of(std::string_view line) {
    constexpr std::string_view kDirective = "#include ";
    if (!line.starts_with(kDirective)) {
        return std::nullopt;
    }
    line.remove_prefix(kDirective.size());
    const bool is_quoted = line.starts_with('"');
    const std::size_t end = line.find(is_quoted ? '"' : '>', 1);
    if (end == std::string_view::npos) {
        return std::nullopt;
    }
    return Include{.path = line.substr(1, end - 1), .is_quoted = is_quoted};
}

bool is_permitted(std::string_view places, const Source& source) {
    while (!places.empty()) {
        const std::size_t end = std::min(places.find(' '), places.size());
        if (source.is_under(places.substr(0, end))) {
            return true;
        }
        places.remove_prefix(std::min(end + 1, places.size()));
    }
    return false;
}

// The first row that names the header decides.
std::optional<bool> judged(std::span<const Permit> table, std::string_view header,
                           const Source& source) {
    const auto row = std::ranges::find_if(
        table, [header](const Permit& permit) { return header.starts_with(permit.header); });
    return row == table.end() ? std::nullopt : std::optional(is_permitted(row->places, source));
}

bool is_pure(const Source& source) {
    return source.is_under("crypto/") || source.is_under("proto/");
}

bool is_allowed(const Include& include, const Source& source) {
    if (include.is_quoted) {
        return judged(kFolders, include.path, source).value_or(false);
    }
    if (const auto verdict = judged(kPackages, include.path, source)) {
        return *verdict;
    }
    if (const auto verdict = judged(kSystemHeaders, include.path, source)) {
        return *verdict;
    }
    if (std::ranges::find(kPlainSystemHeaders, include.path) != kPlainSystemHeaders.end()) {
        return !is_pure(source);
    }
    // What is left must be the standard library, whose names have neither a dot nor a slash.
    const bool is_standard = include.path.find_first_of("./") == std::string_view::npos;
    const bool is_impure = std::ranges::find(kImpure, include.path) != kImpure.end();
    return is_standard && !(is_impure && is_pure(source));
}

// On S390x only the files for the vector facility are built with instruction flags: the
// instructions of message-security assist are written as numbers.
bool is_kernel(const Source& source) {
    const bool is_machine_folder =
        source.is_under("crypto/amd64/") || source.is_under("crypto/arm64/") ||
        (source.is_under("crypto/s390x/") && source.path.ends_with("_vx.cc"));
    // These two are built without instruction flags.
    const bool is_list = source.path.ends_with("/rows.cc") || source.path.ends_with("/usable.cc");
    return is_machine_folder && source.path.ends_with(".cc") && !is_list;
}

bool is_allowed_in_kernel(const Include& include, const Source& source) {
    if (!include.is_quoted) {
        constexpr auto kAllowed = std::to_array<std::string_view>(
            {"cstddef", "cstdint", "arm_acle.h", "arm_neon.h", "immintrin.h", "vecintrin.h"});
        return std::ranges::find(kAllowed, include.path) != kAllowed.end();
    }
    const std::string_view folder =
        std::string_view(source.path).substr(0, source.path.rfind('/') + 1);
    return include.path == "crypto/kernel.h" || include.path.starts_with(folder);
}

void check(const Source& source, Findings& findings, std::string_view what,
           bool (*is_fine)(const Include&, const Source&)) {
    if (!source.is_cpp()) {
        return;
    }
    for (std::size_t i = 0; i < source.lines.size(); ++i) {
        const auto include = include_of(source.lines[i]);
        if (include && !is_fine(*include, source)) {
            findings.push_back(
                {source.path, i + 1, std::string(what) + std::string(include->path)});
        }
    }
}

}  // namespace

void check_includes(const Source& source, Findings& findings) {
    check(source, findings, "must not include ", is_allowed);
}

// A kernel file is built for instructions that the machine may not have. The linker could take an
// inline function out of it for everybody, so it must not see any.
void check_kernel_includes(const Source& source, Findings& findings) {
    if (is_kernel(source)) {
        check(source, findings, "a kernel must not include ", is_allowed_in_kernel);
    }
}

}  // namespace ferry::tidy
