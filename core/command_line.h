// CommandLine: what the arguments ask for, in V2Ray's old spelling (flags) and its new one (words).
#pragma once

#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/config_files.h"
#include "core/supervisor.h"

namespace ferry::core {

struct CommandLine {
    enum class Action : std::uint8_t { run, test, version, uuid, help };

    Action action = Action::run;
    config::Arguments where;  // of the configuration
    bool embedded = false;    // run the embedded default, whatever else is there
    bool verbose = false;     // version: with every row of the cryptographic table
    RunOptions options;
};

// Reads the arguments behind the program's name. Flags begin with one dash or two, and take their
// value as the next argument or behind '='.
//
//   errors  words for standard error
std::expected<CommandLine, std::string> parse_command_line(std::span<const char* const> arguments);

// Where the process keeps what is to outlive it: -state, or the first folder of STATE_DIRECTORY,
// which systemd sets for a unit with StateDirectory=. Empty: nowhere.
std::string state_directory(const CommandLine& line, const config::Environment& environment);

// What `ringferry help` prints.
std::string_view help_text() noexcept;

}  // namespace ferry::core
