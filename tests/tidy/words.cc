// Words that must not stand in the sources, or only in a few of them.
#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "tests/tidy/rules.h"

namespace ferry::tidy {
namespace {

using Words = std::span<const std::string_view>;

// Where a cast of pointers is inherent: the kernel's interface, and vectors loaded from bytes. Text
// is seen as bytes through proto/text.h.
constexpr auto kCastPlaces = std::to_array<std::string_view>({
    "crypto/amd64/",
    "crypto/arm64/",
    "crypto/s390x/",
    "io/endpoint.cc",
    "io/epoll.cc",
    "io/uring.cc",
    "io/uring_probe.cc",
});

// Who writes where a person or a log collector reads. Supervisor does so while there is no log yet;
// Random and Dispatch say why the program cannot go on, or goes on slower.
constexpr auto kOutputPlaces = std::to_array<std::string_view>({
    "core/command_line",
    "core/log",
    "core/main.cc",
    "core/supervisor.cc",
    "crypto/dispatch.cc",
    "crypto/random.cc",
    "perf/",
    "tests/",
});

constexpr auto kOutputWords = std::to_array<std::string_view>({
    "std::cerr",
    "std::clog",
    "std::cout",
    "fmt::print",
    "fprintf",
    "fputs",
    "perror",
    "printf",
    "putchar",
    "puts",
    "vfprintf",
    "vprintf",
});

// In two halves, so that this file does not name what it looks for.
constexpr auto kStubWords =
    std::to_array<std::string_view>({"TO"
                                     "DO",
                                     "FIX"
                                     "ME",
                                     "XX"
                                     "X"});
constexpr auto kMachinePaths =
    std::to_array<std::string_view>({"/wo"
                                     "rk/",
                                     "/tmp"
                                     "/b-",
                                     "/ro"
                                     "ot/"});

// Does the word stand in the line, and not as a part of a longer one?
bool has_word(std::string_view line, std::string_view word) {
    for (std::size_t at = line.find(word); at != std::string_view::npos;
         at = line.find(word, at + 1)) {
        const bool starts = at == 0 || !is_word(line[at - 1]);
        const bool ends = at + word.size() == line.size() || !is_word(line[at + word.size()]);
        if (starts && ends) {
            return true;
        }
    }
    return false;
}

bool is_under_any(const Source& source, Words places) {
    return std::ranges::any_of(
        places, [&source](std::string_view place) { return source.is_under(place); });
}

void check_words(const Source& source, const std::vector<std::string>& lines, Words words,
                 Findings& findings) {
    for (std::size_t i = 0; i < lines.size(); ++i) {
        for (const std::string_view word : words) {
            if (has_word(lines[i], word)) {
                findings.push_back({source.path, i + 1, std::string(word)});
            }
        }
    }
}

}  // namespace

void check_casts(const Source& source, Findings& findings) {
    constexpr auto kWords = std::to_array<std::string_view>({"reinterpret_cast"});
    if (!is_under_any(source, kCastPlaces)) {
        check_words(source, source.code, kWords, findings);
    }
}

void check_macros(const Source& source, Findings& findings) {
    constexpr auto kWords = std::to_array<std::string_view>({"#define", "#undef"});
    check_words(source, source.code, kWords, findings);
}

void check_output(const Source& source, Findings& findings) {
    if (!is_under_any(source, kOutputPlaces)) {
        check_words(source, source.code, kOutputWords, findings);
    }
}

void check_paths(const Source& source, Findings& findings) {
    for (std::size_t i = 0; i < source.lines.size(); ++i) {
        for (const std::string_view path : kMachinePaths) {
            if (source.lines[i].find(path) != std::string::npos) {
                findings.push_back({source.path, i + 1, std::string(path)});
            }
        }
    }
}

void check_stubs(const Source& source, Findings& findings) {
    check_words(source, source.lines, kStubWords, findings);
}

void check_using(const Source& source, Findings& findings) {
    // A test may open the namespace that it is about: it is the whole program.
    constexpr auto kWords = std::to_array<std::string_view>({"using namespace"});
    if (!source.path.starts_with("tests/")) {
        check_words(source, source.code, kWords, findings);
    }
}

}  // namespace ferry::tidy
