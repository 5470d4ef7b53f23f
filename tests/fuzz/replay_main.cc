// Runs a fuzz target as a plain test: over the files of its corpus, and over a bounded number of
// inputs that are made from them by chance, from seeds that are counted up.
//
//   arguments   --mutations=N, --only=SEED, the folder of the corpus
//   failure     the target ends the program; the input is named first, and --only repeats it
#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <unistd.h>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes);

namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::size_t kInputBytesMax = 8'192;

// What is being run, for the one line that a failing program still writes.
char running[512];

extern "C" void name_input(int) {
    const std::string_view text(running);
    [[maybe_unused]] const auto written = write(STDERR_FILENO, text.data(), text.size());
}

Bytes read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return Bytes(std::istreambuf_iterator<char>(file), {});
}

// The files of a folder, in an order that does not depend on the machine.
std::vector<std::string> files_in(const char* folder) {
    std::error_code error;
    std::vector<std::string> paths;
    for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
        paths.push_back(entry.path().string());
    }
    if (error || paths.empty()) {
        std::fprintf(stderr, "no corpus in %s\n", folder);
        std::exit(2);
    }
    std::ranges::sort(paths);
    return paths;
}

void run(const Bytes& input) {
    // Exactly as large as it is, and never a null pointer.
    const Bytes exact(input);
    const std::uint8_t nothing = 0;
    LLVMFuzzerTestOneInput(exact.empty() ? &nothing : exact.data(), exact.size());
}

std::size_t place_in(const Bytes& input, std::mt19937_64& random) {
    return input.empty() ? 0 : random() % input.size();
}

// One small change.
void change(Bytes& input, const Bytes& other, std::mt19937_64& random) {
    const auto at = input.begin() + static_cast<std::ptrdiff_t>(place_in(input, random));
    switch (random() % 7) {
        case 0:
            if (!input.empty()) {
                *at ^= static_cast<std::uint8_t>(1 << random() % 8);
            }
            break;
        case 1:
            if (!input.empty()) {
                *at = static_cast<std::uint8_t>(random());
            }
            break;
        case 2:
            input.insert(at, 1 + random() % 20, static_cast<std::uint8_t>(random()));
            break;
        case 3:
            input.erase(at, at + static_cast<std::ptrdiff_t>(std::min<std::size_t>(
                                     random() % 20, static_cast<std::size_t>(input.end() - at))));
            break;
        case 4:
            input.resize(place_in(input, random));
            break;
        case 5:
            input.insert(at, other.begin() + static_cast<std::ptrdiff_t>(place_in(other, random)),
                         other.end());
            break;
        default:
            if (!input.empty()) {
                constexpr std::uint8_t kEdges[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
                *at = kEdges[random() % std::size(kEdges)];
            }
            break;
    }
    input.resize(std::min(input.size(), kInputBytesMax));
}

void run_mutation(const std::vector<Bytes>& corpus, std::uint64_t seed) {
    std::snprintf(running, sizeof running, "--only=%llu\n", static_cast<unsigned long long>(seed));
    std::mt19937_64 random(seed);
    Bytes input = corpus[random() % corpus.size()];
    const Bytes& other = corpus[random() % corpus.size()];
    for (std::uint64_t changes = 1 + random() % 8; changes > 0; --changes) {
        change(input, other, random);
    }
    run(input);
}

std::optional<std::uint64_t> number_after(std::string_view argument, std::string_view name) {
    if (!argument.starts_with(name)) {
        return std::nullopt;
    }
    return std::strtoull(argument.data() + name.size(), nullptr, 10);
}

}  // namespace

int main(int count, char** arguments) {
    std::uint64_t mutations = 0;
    std::optional<std::uint64_t> only;
    std::vector<std::string> paths;
    for (int index = 1; index < count; ++index) {
        if (const auto number = number_after(arguments[index], "--mutations=")) {
            mutations = *number;
        } else if (const auto seed = number_after(arguments[index], "--only=")) {
            only = *seed;
        } else {
            paths = files_in(arguments[index]);
        }
    }
    std::signal(SIGABRT, name_input);

    std::vector<Bytes> corpus{Bytes{}};
    for (const std::string& path : paths) {
        corpus.push_back(read_file(path));
    }
    if (only) {
        run_mutation(corpus, *only);
        return 0;
    }
    for (std::size_t index = 0; index < corpus.size(); ++index) {
        std::snprintf(running, sizeof running, "%s\n",
                      index == 0 ? "the empty input" : paths[index - 1].c_str());
        run(corpus[index]);
    }
    for (std::uint64_t seed = 0; seed < mutations; ++seed) {
        run_mutation(corpus, seed);
    }
    std::printf("%zu files and %llu mutations\n", paths.size(),
                static_cast<unsigned long long>(mutations));
    return 0;
}
