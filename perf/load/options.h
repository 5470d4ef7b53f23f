// The options of perf_load: what is loaded, how, and how much of it.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "io/endpoint.h"
#include "proto/vmess/keys.h"
#include "proto/vmess/limits.h"
#include "proto/vmess/request.h"

namespace ferry::load {

enum class Mode : std::uint8_t {
    up,           // bytes towards the far end, as many as will go
    down,         // bytes from the far end
    connections,  // a new connection, one request and its answer, over and over
    requests,     // requests on connections that stay, one after the other
    rate,         // requests by the clock, whatever has become of those before
    idle,         // connections that are open and silent
    datagrams,    // datagrams that come back, so many on their way at a time
};

enum class Speech : std::uint8_t { plain, vmess };
enum class Opening : std::uint8_t { on, off };
enum class Engine : std::uint8_t { automatic, uring, epoll };

// Who the client is.
struct Users {
    std::optional<proto::vmess::UserId> id;  // one, by its id
    std::string path;                        // or those of a file, one id a line
    std::uint32_t count = 0;                 // or so many of seed_user()
    std::uint32_t seed = 1;
};

struct Options {
    Mode mode = Mode::up;
    io::Endpoint connect;                            // where the program under test listens
    io::Endpoint listen = io::Endpoint::loopback();  // where the far end does
    Speech speak = Speech::vmess;                    // the near end
    Speech hear = Speech::plain;                     // the far end
    proto::vmess::BodyChoice security = proto::vmess::BodyChoice::aes128_gcm;
    Users users;
    std::uint32_t connections = 4;
    std::chrono::milliseconds time{5000};
    std::uint32_t chunk_bytes = proto::vmess::kPayloadBytesMax;
    std::uint32_t request_bytes = 64;
    std::uint32_t answer_bytes = 1024;
    std::uint32_t rate = 1000;  // requests per second
    std::uint32_t window = 8;   // datagrams of one association that are on their way
    // Off: what comes down is counted as it is, so that this end costs less than the server's.
    Opening open = Opening::on;
    Engine engine = Engine::automatic;
};

inline constexpr std::uint32_t kConnectionsMax = 20'000;  // as many as one pair of addresses has
inline constexpr std::uint32_t kStreamsMax = 512;         // that move bytes: each holds buffers

// Every datagram says which association it is of.
inline constexpr std::uint32_t kDatagramBytesMin = 4;

// Reads the command line, without the name of the program.
//
//   gives  or what is wrong, in words
std::expected<Options, std::string> options_from(std::span<const std::string_view> words);

// Is it an address that no packet leaves the machine for?
bool is_loopback(const io::Endpoint& endpoint) noexcept;

std::string_view name_of(Mode mode) noexcept;
std::string_view name_of(Speech speech) noexcept;
std::string_view name_of(proto::vmess::BodyChoice security) noexcept;
std::string_view usage() noexcept;

}  // namespace ferry::load
