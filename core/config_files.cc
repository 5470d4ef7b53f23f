#include "core/config_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "core/config_words.h"

namespace ferry::core::config {
namespace {

// What is wrong with a file as a whole.
Mistake about(std::string_view file, std::string what, std::string remedy) {
    return {{std::string(file), 0, 0}, {}, std::move(what), std::move(remedy)};
}

// ---- finding

bool is_directory(const std::string& path) {
    std::error_code error;
    return std::filesystem::is_directory(path, error);
}

bool is_file(const std::string& path) {
    std::error_code error;
    return std::filesystem::is_regular_file(path, error);
}

// The files of a directory whose names end in ".json", by name.
std::vector<std::string> files_in(const std::string& directory, std::vector<Mistake>& mistakes) {
    std::vector<std::string> paths;
    std::error_code error;
    std::filesystem::directory_iterator entry(directory, error);
    for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
        if (entry->path().extension() == ".json") {
            paths.push_back(entry->path().string());
        }
    }
    if (error) {
        mistakes.push_back(about(directory,
                                 fmt::format("cannot read the directory: {}", error.message()),
                                 "check the path and its permissions"));
    }
    std::sort(paths.begin(), paths.end());
    return paths;
}

// ---- reading

class File {
public:
    explicit File(const std::string& path)
        : descriptor_(path == kStandardInput ? STDIN_FILENO
                                             : ::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
    File(const File&) = delete;
    ~File() {
        if (descriptor_ > STDIN_FILENO) {
            ::close(descriptor_);
        }
    }

    bool is_open() const { return descriptor_ >= 0; }

    // Reads until the end, or until there is more than kFileBytesMax.
    bool read_all(std::string& to) const {
        struct stat status{};
        if (fstat(descriptor_, &status) == 0 && S_ISREG(status.st_mode)) {
            to.reserve(std::min(static_cast<std::size_t>(status.st_size), kFileBytesMax));
        }
        std::array<char, 16384> piece;
        while (to.size() <= kFileBytesMax) {
            const ssize_t got = ::read(descriptor_, piece.data(), piece.size());
            if (got == 0) {
                return true;
            }
            if (got > 0) {
                to.append(piece.data(), static_cast<std::size_t>(got));
            } else if (errno != EINTR) {
                return false;
            }
        }
        return true;
    }

private:
    int descriptor_;
};

std::string reason(int error) {
    return std::error_code(error, std::generic_category()).message();
}

}  // namespace

std::optional<std::string> variable(const Environment& environment, std::string_view name) {
    std::string upper(name);
    std::transform(upper.begin(), upper.end(), upper.begin(), [](char letter) {
        const bool is_lower = letter >= 'a' && letter <= 'z';
        return letter == '.' ? '_' : is_lower ? static_cast<char>(letter - 'a' + 'A') : letter;
    });
    for (const std::string& full :
         {fmt::format("v2ray.{}", name), "V2RAY_" + upper, "XRAY_" + upper}) {
        const auto value = environment(full);
        if (value && !value->empty()) {
            return value;
        }
    }
    return std::nullopt;
}

Found find_config(const Arguments& arguments, const Environment& environment) {
    Found found;
    found.paths = arguments.files;
    found.note = "from the command line";

    std::string directory = arguments.directory;
    if (directory.empty()) {
        const auto set = variable(environment, "location.confdir");
        // A variable may be set for everybody on a machine; that its directory is missing here is
        // no mistake, while a directory on the command line must exist.
        if (set && is_directory(*set)) {
            directory = *set;
            found.note = fmt::format("from the directory {}, named by the environment", *set);
        }
    }
    if (!directory.empty()) {
        const std::vector<std::string> more = files_in(directory, found.mistakes);
        found.paths.insert(found.paths.end(), more.begin(), more.end());
    }
    if (!found.paths.empty() || !found.mistakes.empty()) {
        return found;
    }

    constexpr std::string_view kUsualName = "config.json";
    if (is_file(std::string(kUsualName))) {
        found.paths.emplace_back(kUsualName);
        found.note = "from the working directory";
        return found;
    }
    const auto location = variable(environment, "location.config");
    const std::string path = fmt::format("{}/{}", location.value_or("."), kUsualName);
    if (location && is_file(path)) {
        found.paths.push_back(path);
        found.note = "from the directory named by the environment";
        return found;
    }
    found.paths.emplace_back(kStandardInput);
    found.note = "from standard input";
    return found;
}

Gathered gather(std::span<const std::string> paths) {
    Gathered gathered;
    for (const std::string& path : paths) {
        const File file(path);
        Source source{path, {}};
        if (!file.is_open() || !file.read_all(source.text)) {
            gathered.mistakes.push_back(about(path,
                                              fmt::format("cannot be read: {}", reason(errno)),
                                              "check the path and its permissions"));
            continue;
        }
        if (source.text.size() > kFileBytesMax) {
            gathered.mistakes.push_back(
                about(path, fmt::format("is larger than {} MiB", kFileBytesMax >> 20),
                      "split it into several files"));
            continue;
        }
        gathered.sources.push_back(std::move(source));
    }
    return gathered;
}

}  // namespace ferry::core::config
