#include "perf/load/options.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace ferry::load {

namespace vmess = proto::vmess;

namespace {

template <class T>
struct Word {
    std::string_view text;
    T value;
};

constexpr auto kModes = std::to_array<Word<Mode>>({
    {"up", Mode::up},
    {"down", Mode::down},
    {"connections", Mode::connections},
    {"requests", Mode::requests},
    {"rate", Mode::rate},
    {"idle", Mode::idle},
    {"datagrams", Mode::datagrams},
});

constexpr auto kSpeeches = std::to_array<Word<Speech>>({
    {"plain", Speech::plain},
    {"vmess", Speech::vmess},
});

constexpr auto kSecurities = std::to_array<Word<vmess::BodyChoice>>({
    {"aes-128-gcm", vmess::BodyChoice::aes128_gcm},
    {"chacha20-poly1305", vmess::BodyChoice::chacha20_poly1305},
    {"none", vmess::BodyChoice::none},
    {"zero", vmess::BodyChoice::zero},
});

constexpr auto kOpenings = std::to_array<Word<Opening>>({
    {"on", Opening::on},
    {"off", Opening::off},
});

constexpr auto kEngines = std::to_array<Word<Engine>>({
    {"uring", Engine::uring},
    {"epoll", Engine::epoll},
});

using Problem = std::optional<std::string>;

template <class T>
Problem read_word(std::span<const Word<T>> words, std::string_view text, T& to) {
    const auto found = std::ranges::find(words, text, &Word<T>::text);
    if (found != words.end()) {
        to = found->value;
        return std::nullopt;
    }
    std::string known;
    for (const Word<T>& word : words) {
        known += fmt::format("{}{}", known.empty() ? "" : ", ", word.text);
    }
    return fmt::format("not one of {}", known);
}

template <class T>
std::string_view text_of(std::span<const Word<T>> words, T value) noexcept {
    const auto found = std::ranges::find(words, value, &Word<T>::value);
    return found == words.end() ? "" : found->text;
}

struct Range {
    std::uint32_t least;
    std::uint32_t most;
};

Problem read_number(std::string_view text, Range range, std::uint32_t& to) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), to);
    const bool is_number = error == std::errc() && end == text.data() + text.size();
    if (is_number && range.least <= to && to <= range.most) {
        return std::nullopt;
    }
    return fmt::format("not a number from {} to {}", range.least, range.most);
}

Problem read_time(std::string_view text, std::chrono::milliseconds& to) {
    constexpr double kSecondsMax = 3600;
    double seconds = 0;
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), seconds, std::chars_format::fixed);
    const bool is_number = error == std::errc() && end == text.data() + text.size();
    if (!is_number || !(0.01 <= seconds && seconds <= kSecondsMax)) {
        return "not a number of seconds from 0.01 to 3600";
    }
    to = std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
    return std::nullopt;
}

// "127.0.0.1:80" or "[::1]:80".
Problem read_endpoint(std::string_view text, std::uint32_t least_port, io::Endpoint& to) {
    const std::size_t colon = text.rfind(':');
    std::uint32_t port = 0;
    if (colon == std::string_view::npos ||
        read_number(text.substr(colon + 1), {least_port, 65'535}, port)) {
        return "not ADDRESS:PORT";
    }
    std::string_view host = text.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) {
        host = host.substr(1, host.size() - 2);
    }
    const auto endpoint = io::Endpoint::from_literal(host, static_cast<std::uint16_t>(port));
    if (!endpoint) {
        return "not ADDRESS:PORT";
    }
    if (!is_loopback(*endpoint)) {
        return "not a loopback address, and no other machine is to be loaded";
    }
    to = *endpoint;
    return std::nullopt;
}

Problem read_id(std::string_view text, std::optional<vmess::UserId>& to) {
    const auto id = vmess::parse_uuid(text);
    if (!id) {
        return "not a UUID";
    }
    to = *id;
    return std::nullopt;
}

Problem read_path(std::string_view text, std::string& to) {
    to = text;
    return text.empty() ? Problem("no name of a file") : std::nullopt;
}

using Read = Problem (*)(Options&, std::string_view);

struct Option {
    std::string_view name;
    Read read;
};

// One row per option: the name and where its value goes.
constexpr auto kOptions = std::to_array<Option>({
    {"connect", [](Options& o, std::string_view v) { return read_endpoint(v, 1, o.connect); }},
    {"listen", [](Options& o, std::string_view v) { return read_endpoint(v, 0, o.listen); }},
    {"speak",
     [](Options& o, std::string_view v) { return read_word<Speech>(kSpeeches, v, o.speak); }},
    {"hear",
     [](Options& o, std::string_view v) { return read_word<Speech>(kSpeeches, v, o.hear); }},
    {"security",
     [](Options& o, std::string_view v) {
         return read_word<vmess::BodyChoice>(kSecurities, v, o.security);
     }},
    {"id", [](Options& o, std::string_view v) { return read_id(v, o.users.id); }},
    {"ids", [](Options& o, std::string_view v) { return read_path(v, o.users.path); }},
    {"users",
     [](Options& o, std::string_view v) { return read_number(v, {1, 1'000'000}, o.users.count); }},
    {"seed", [](Options& o,
                std::string_view v) { return read_number(v, {0, 4'294'967'295}, o.users.seed); }},
    {"connections",
     [](Options& o, std::string_view v) {
         return read_number(v, {1, kConnectionsMax}, o.connections);
     }},
    {"seconds", [](Options& o, std::string_view v) { return read_time(v, o.time); }},
    {"chunk",
     [](Options& o, std::string_view v) {
         return read_number(v, {1, vmess::kPayloadBytesMax}, o.chunk_bytes);
     }},
    {"request",
     [](Options& o, std::string_view v) { return read_number(v, {1, 1 << 20}, o.request_bytes); }},
    {"answer",
     [](Options& o, std::string_view v) { return read_number(v, {1, 1 << 20}, o.answer_bytes); }},
    {"rate", [](Options& o, std::string_view v) { return read_number(v, {1, 1'000'000}, o.rate); }},
    {"window", [](Options& o, std::string_view v) { return read_number(v, {1, 1024}, o.window); }},
    {"open",
     [](Options& o, std::string_view v) { return read_word<Opening>(kOpenings, v, o.open); }},
    {"backend",
     [](Options& o, std::string_view v) { return read_word<Engine>(kEngines, v, o.engine); }},
});

// "--name=value".
Problem read_option(Options& options, std::string_view word) {
    const std::size_t sign = word.find('=');
    if (!word.starts_with("--") || sign == std::string_view::npos) {
        return fmt::format("{}: an option is --NAME=VALUE", word);
    }
    const auto found = std::ranges::find(kOptions, word.substr(2, sign - 2), &Option::name);
    if (found == kOptions.end()) {
        return fmt::format("{}: there is no such option", word);
    }
    const auto problem = found->read(options, word.substr(sign + 1));
    return problem ? Problem(fmt::format("{}: {}", word, *problem)) : std::nullopt;
}

Problem contradiction_of_datagrams(const Options& options) {
    constexpr std::uint32_t kBytesMax = 65'507;  // what IPv4 carries
    if (options.speak == Speech::vmess || options.hear == Speech::vmess) {
        return "datagrams come and go without VMess: give --speak=plain";
    }
    if (options.request_bytes < kDatagramBytesMin || options.request_bytes > kBytesMax) {
        return fmt::format("a datagram has {} to {} bytes: see --request", kDatagramBytesMin,
                           kBytesMax);
    }
    if (options.connections > kStreamsMax) {
        return fmt::format("at most {} associations", kStreamsMax);
    }
    return std::nullopt;
}

// What no option can tell alone.
Problem contradiction(const Options& options) {
    const Users& users = options.users;
    const int sources = (users.id ? 1 : 0) + (users.path.empty() ? 0 : 1) + (users.count ? 1 : 0);
    const bool is_vmess = options.speak == Speech::vmess || options.hear == Speech::vmess;
    const bool is_bulk = options.mode == Mode::up || options.mode == Mode::down;
    if (options.connect.family() == io::Endpoint::Family::none) {
        return "--connect is missing: where does the program under test listen?";
    }
    if (is_vmess && sources != 1) {
        return "who are the users? Give one of --id, --ids and --users";
    }
    if (!is_vmess && sources != 0) {
        return "no end speaks VMess, so that there are no users";
    }
    if (is_bulk && options.connections > kStreamsMax) {
        return fmt::format("at most {} connections can move bytes", kStreamsMax);
    }
    if (options.mode == Mode::datagrams) {
        return contradiction_of_datagrams(options);
    }
    if (options.open == Opening::off &&
        (options.mode != Mode::down || options.speak != Speech::vmess)) {
        return "--open=off is for what comes down over VMess";
    }
    return std::nullopt;
}

}  // namespace

std::expected<Options, std::string> options_from(std::span<const std::string_view> words) {
    Options options;
    if (words.empty()) {
        return std::unexpected("the mode is missing");
    }
    if (const auto problem = read_word<Mode>(kModes, words.front(), options.mode)) {
        return std::unexpected(fmt::format("{}: {}", words.front(), *problem));
    }
    for (const std::string_view word : words.subspan(1)) {
        if (auto problem = read_option(options, word)) {
            return std::unexpected(std::move(*problem));
        }
    }
    if (auto problem = contradiction(options)) {
        return std::unexpected(std::move(*problem));
    }
    return options;
}

bool is_loopback(const io::Endpoint& endpoint) noexcept {
    constexpr std::uint8_t kLoopbackNetwork = 127;
    const io::Endpoint plain = endpoint.unmapped();  // owns what is looked at
    const auto ip = plain.ip();
    if (ip.size() == 4) {
        return ip[0] == kLoopbackNetwork;
    }
    const auto zeros = ip.size() == 16 ? std::ranges::count(ip.first(15), 0) : 0;
    return zeros == 15 && ip[15] == 1;
}

std::string_view name_of(Mode mode) noexcept {
    return text_of<Mode>(kModes, mode);
}

std::string_view name_of(Speech speech) noexcept {
    return text_of<Speech>(kSpeeches, speech);
}

std::string_view name_of(vmess::BodyChoice security) noexcept {
    return text_of<vmess::BodyChoice>(kSecurities, security);
}

std::string_view usage() noexcept {
    return "perf_load MODE --connect=ADDRESS:PORT [--NAME=VALUE ...]\n"
           "  MODE          up, down, connections, requests, rate, idle,\n"
           "                datagrams\n"
           "  --connect     where the program under test listens; loopback addresses only\n"
           "  --listen      where our far end listens, 127.0.0.1:0\n"
           "  --speak       what our near end speaks: vmess (default), plain\n"
           "  --hear        what our far end is spoken to: plain (default), vmess\n"
           "  --security    aes-128-gcm (default), chacha20-poly1305, none, zero\n"
           "  --id          the user, a UUID; or\n"
           "  --ids         a file with the users' ids, one a line; or\n"
           "  --users       so many users, made from --seed (1)\n"
           "  --connections at a time, 4\n"
           "  --seconds     of load, 5; with idle, of holding\n"
           "  --chunk       payload of each chunk that we seal, 15808\n"
           "  --request     bytes, 64\n"
           "  --answer      bytes, 1024\n"
           "  --rate        requests per second with rate, 1000\n"
           "  --window      datagrams of each association on their way with datagrams, 8\n"
           "  --open        on (default); off: with down, count what is received without opening "
           "it\n"
           "  --backend     uring, epoll; by default what there is\n";
}

}  // namespace ferry::load
