// The program: arguments, the configuration's way into memory, and the process's exit code.
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <vector>

#include "core/command_line.h"
#include "core/config.h"
#include "core/config_files.h"
#include "core/default_config.h"
#include "core/share_link.h"
#include "core/supervisor.h"
#include "core/version.h"
#include "crypto/random.h"

namespace ferry::core {
namespace {

// A random UUID of version 4 (RFC 9562).
proto::vmess::UserId fresh_id() {
    crypto::Random random(crypto::system_seed());
    proto::vmess::UserId id{};
    random.fill(id.bytes);
    id.bytes[6] = static_cast<std::uint8_t>((id.bytes[6] & 0x0f) | 0x40);
    id.bytes[8] = static_cast<std::uint8_t>((id.bytes[8] & 0x3f) | 0x80);
    return id;
}

void print(const std::vector<config::Mistake>& mistakes, std::string_view kind) {
    for (const config::Mistake& mistake : mistakes) {
        fmt::print(stderr, "ringferry: {}{}\n", kind, config::text(mistake));
    }
}

// Is something written to standard input for us? A terminal, and what a service manager leaves
// there, is not a configuration.
bool input_is_waiting() {
    struct stat status{};
    return fstat(STDIN_FILENO, &status) == 0 &&
           (S_ISFIFO(status.st_mode) || S_ISREG(status.st_mode));
}

int show_version(const CommandLine& line) {
    fmt::print("Ringferry {} (io_uring VMess relay) {}/{}\n", kVersion, "linux", __VERSION__);
    fmt::print("A fast and safe VMess relay that runs V2Ray's configuration.\n");
    if (!line.verbose) {
        return kExitOk;
    }
    std::vector<crypto::RowReport> report;
    (void)crypto::choose(crypto::detect(), line.options.forbidden_rows, &report);
    for (const crypto::RowReport& row : report) {
        fmt::print("  {:18} {:28} {}\n", row.primitive, row.name,
                   row.chosen      ? "chosen"
                   : row.forbidden ? "forbidden"
                   : !row.usable   ? "not on this machine"
                   : row.passed    ? "usable"
                                   : "failed its self-test");
    }
    return kExitOk;
}

// Reads what the command line points to; mistakes are printed.
std::optional<config::Loaded> load(const CommandLine& line, RunOptions& options) {
    const config::Environment environment = config::system_environment();
    config::Gathered gathered;
    config::Found found = config::find_config(line.where, environment);
    const bool only_input = found.paths.size() == 1 &&
                            found.paths.front() == config::kStandardInput &&
                            line.where.files.empty();
    if (line.embedded || (only_input && !input_is_waiting())) {
        DefaultConfig embedded = make_default_config(fresh_id());
        gathered.sources.push_back(std::move(embedded.source));
        options.started = [greeting = std::move(embedded.greeting)](const auto&) {
            fmt::print("{}", greeting);
            std::fflush(stdout);
        };
    } else {
        print(found.mistakes, "");
        gathered = config::gather(found.paths);
        print(gathered.mistakes, "");
        if (!found.mistakes.empty() || !gathered.mistakes.empty()) {
            return std::nullopt;
        }
    }
    config::Loaded loaded = config::load(gathered.sources, environment);
    print(loaded.mistakes, "");
    if (!loaded.config) {
        return std::nullopt;
    }
    return loaded;
}

// Looks, and creates nothing: a test must not leave a log file behind that the service cannot
// write.
bool log_folders_exist(const config::Log& log) {
    bool exist = true;
    for (const config::LogTarget* target : {&log.access, &log.error}) {
        const auto folder = std::filesystem::path(target->path).parent_path();
        std::error_code none;
        if (target->kind == config::LogTarget::Kind::file && !folder.empty() &&
            !std::filesystem::is_directory(folder, none)) {
            fmt::print(stderr, "ringferry: log: there is no folder {} for {}; create it\n",
                       folder.string(), target->path);
            exist = false;
        }
    }
    return exist;
}

int act(const CommandLine& line) {
    switch (line.action) {
        case CommandLine::Action::help:
            fmt::print("{}", help_text());
            return kExitOk;
        case CommandLine::Action::version:
            return show_version(line);
        case CommandLine::Action::uuid:
            fmt::print("{}\n", proto::vmess::uuid_text(fresh_id()));
            return kExitOk;
        case CommandLine::Action::test:
        case CommandLine::Action::run:
            break;
    }
    RunOptions options = line.options;
    options.state_directory = state_directory(line, config::system_environment());
    auto loaded = load(line, options);
    if (!loaded) {
        return kExitConfig;
    }
    if (!log_folders_exist(loaded->config->log)) {
        return kExitConfig;
    }
    if (line.action == CommandLine::Action::test) {
        print(loaded->warnings, "warning: ");
        fmt::print("Configuration OK.\n");
        return kExitOk;
    }
    return run(std::move(*loaded->config), loaded->warnings, options);
}

}  // namespace
}  // namespace ferry::core

int main(int count, char** arguments) {
    const auto line = ferry::core::parse_command_line(
        std::span<const char* const>(arguments, static_cast<std::size_t>(count)).subspan(1));
    if (!line) {
        fmt::print(stderr, "ringferry: {}\n", line.error());
        return ferry::core::kExitStart;
    }
    return ferry::core::act(*line);
}
