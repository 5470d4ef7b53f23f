#include "core/command_line.h"

#include <fmt/format.h>

#include <charconv>

namespace ferry::core {
namespace {

constexpr unsigned kCoresMax = 1024;
constexpr unsigned kGraceSecondsMax = 3600;

// The arguments, one after the other.
class Arguments {
public:
    explicit Arguments(std::span<const char* const> all) : rest_(all) {}

    bool next(std::string_view& argument) {
        if (rest_.empty()) {
            return false;
        }
        argument = rest_.front();
        rest_ = rest_.subspan(1);
        return true;
    }

private:
    std::span<const char* const> rest_;
};

// "-name", "--name", "-name=value".
struct Flag {
    std::string_view name;
    std::optional<std::string_view> value;
};

std::optional<Flag> flag_of(std::string_view argument) {
    if (argument.size() < 2 || argument.front() != '-') {
        return std::nullopt;
    }
    argument.remove_prefix(argument.starts_with("--") ? 2 : 1);
    const std::size_t equals = argument.find('=');
    if (equals == std::string_view::npos) {
        return Flag{argument, std::nullopt};
    }
    return Flag{argument.substr(0, equals), argument.substr(equals + 1)};
}

std::optional<CommandLine::Action> action_of(std::string_view word) {
    if (word == "run") {
        return CommandLine::Action::run;
    }
    if (word == "test") {
        return CommandLine::Action::test;
    }
    if (word == "version") {
        return CommandLine::Action::version;
    }
    if (word == "uuid") {
        return CommandLine::Action::uuid;
    }
    if (word == "help") {
        return CommandLine::Action::help;
    }
    return std::nullopt;
}

using Read = std::expected<void, std::string>;

Read read_number(std::string_view flag, std::string_view text, unsigned least, unsigned most,
                 unsigned& number) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size() || number < least ||
        number > most) {
        return std::unexpected(
            fmt::format("-{} takes a number from {} to {}, not \"{}\"", flag, least, most, text));
    }
    return {};
}

// Flags without a value.
bool take_switch(std::string_view name, CommandLine& line) {
    if (name == "test") {
        line.action = CommandLine::Action::test;
    } else if (name == "version") {
        line.action = CommandLine::Action::version;
    } else if (name == "help" || name == "h") {
        line.action = CommandLine::Action::help;
    } else if (name == "default") {
        line.embedded = true;
    } else if (name == "v") {
        line.verbose = true;
    } else {
        return false;
    }
    return true;
}

bool takes_value(std::string_view name) {
    for (const std::string_view known : {"c", "config", "confdir", "format", "cores", "backend",
                                         "grace", "forbid-rows", "state"}) {
        if (name == known) {
            return true;
        }
    }
    return false;
}

Read take_value(std::string_view name, std::string_view value, CommandLine& line) {
    if (name == "c" || name == "config") {
        line.where.files.emplace_back(value);
        return {};
    }
    if (name == "confdir") {
        line.where.directory = value;
        return {};
    }
    if (name == "format") {
        if (value != "json") {
            return std::unexpected(
                fmt::format("-format {}: the only format is json; convert the file to it", value));
        }
        return {};
    }
    if (name == "cores") {
        return read_number(name, value, 1, kCoresMax, line.options.cores);
    }
    if (name == "grace") {
        unsigned seconds = 0;
        Read read = read_number(name, value, 0, kGraceSecondsMax, seconds);
        line.options.grace = std::chrono::seconds(seconds);
        return read;
    }
    if (name == "forbid-rows") {
        line.options.forbidden_rows = value;
        return {};
    }
    if (name == "state") {
        if (value.empty()) {
            return std::unexpected("-state needs a folder");
        }
        line.options.state_directory = value;
        return {};
    }
    if (value == "uring" || value == "io_uring") {
        line.options.backend = BackendKind::uring;
        return {};
    }
    if (value == "epoll") {
        line.options.backend = BackendKind::epoll;
        return {};
    }
    return std::unexpected(fmt::format("-backend takes uring or epoll, not \"{}\"", value));
}

}  // namespace

std::expected<CommandLine, std::string> parse_command_line(std::span<const char* const> arguments) {
    CommandLine line;
    Arguments rest(arguments);
    std::string_view argument;
    bool first = true;
    while (rest.next(argument)) {
        const bool may_be_command = std::exchange(first, false);
        const auto flag = flag_of(argument);
        if (!flag) {
            const auto action = may_be_command ? action_of(argument) : std::nullopt;
            if (!action) {
                return std::unexpected(fmt::format(
                    "there is no command \"{}\"; `ringferry help` lists them", argument));
            }
            line.action = *action;
            continue;
        }
        if (!flag->value && take_switch(flag->name, line)) {
            continue;
        }
        if (!takes_value(flag->name)) {
            return std::unexpected(
                fmt::format("there is no flag -{}; `ringferry help` lists them", flag->name));
        }
        std::string_view value = flag->value.value_or(std::string_view());
        if (!flag->value && !rest.next(value)) {
            return std::unexpected(fmt::format("-{} needs a value", flag->name));
        }
        Read read = take_value(flag->name, value, line);
        if (!read) {
            return std::unexpected(read.error());
        }
    }
    return line;
}

std::string state_directory(const CommandLine& line, const config::Environment& environment) {
    if (!line.options.state_directory.empty()) {
        return line.options.state_directory;
    }
    // A unit may name several folders; systemd joins them with colons.
    const std::string all = environment("STATE_DIRECTORY").value_or(std::string());
    return all.substr(0, all.find(':'));
}

std::string_view help_text() noexcept {
    return R"(Ringferry, a VMess relay. It reads V2Ray's JSON configuration.

Usage: ringferry [COMMAND] [FLAGS]

Commands
  run       run the configuration; what happens without a command
  test      check the configuration, print "Configuration OK." or every mistake
  version   print the version; with -v, every cryptographic implementation of this build
  uuid      print a fresh user id
  help      print this text

Where the configuration is (the first that is there)
  -c, -config FILE   may be given several times; "stdin:" is standard input
  -confdir DIR       every .json file of a folder, by name
                     then ./config.json, $V2RAY_LOCATION_CONFIG/config.json, standard input
  -default           none: a VMess server and a local proxy through it, on loopback

How to run
  -cores N           threads, one per core; as many as the process may use
  -backend NAME      uring or epoll; the ring where the kernel has it
  -grace SECONDS     how long open connections may go on after SIGTERM; 10
  -state DIR         where to remember used handshakes, so that a restart does not let a replay
                     in; $STATE_DIRECTORY, which systemd sets, or else nothing is written
  -forbid-rows LIST  cryptographic implementations not to use, such as "aes128gcm.boring,sha*"

V2Ray's old flags -test, -version, -help and -format json are understood, with one dash or two.
Exit codes: 0, 23 for a mistake in the configuration, 255 if it could not start.
)";
}

}  // namespace ferry::core
