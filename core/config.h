// Config: everything that the configuration says, read and checked.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "proto/account.h"
#include "proto/address.h"
#include "proto/vmess/keys.h"

// The types here are plain values without behaviour: whoever holds a Config needs to check nothing
// again. What each key of the text means, and what is refused, stands in the config_*.cc file of
// its section.
namespace ferry::core::config {

using proto::Account;
using proto::vmess::UserId;
using Seconds = std::chrono::seconds;

// Where in the text something stands; lines and columns count from 1, columns in bytes.
struct Place {
    std::string file;
    std::uint32_t line = 0;  // 0: the file as a whole
    std::uint32_t column = 0;
};

// ---- log

struct LogTarget {
    enum class Kind : std::uint8_t { off, standard_output, file };
    Kind kind = Kind::off;
    std::string path;  // file: appended to

    friend bool operator==(const LogTarget&, const LogTarget&) = default;
};

enum class LogLevel : std::uint8_t { debug, info, warning, error, none };

enum class SessionFormat : std::uint8_t { text, json };

struct Log {
    LogTarget access;
    LogTarget error{LogTarget::Kind::standard_output, {}};
    LogTarget sessions;  // one line when a session ends; V2Ray has no such log
    SessionFormat session_format = SessionFormat::text;
    LogLevel level = LogLevel::warning;  // none: both targets are off
};

// ---- inbounds

// first <= last; a port of 0 lets the kernel choose.
struct PortRange {
    std::uint16_t first = 0;
    std::uint16_t last = 0;

    friend bool operator==(const PortRange&, const PortRange&) = default;
};

// Of clients with the same id, the last one counts.
struct VmessClient {
    UserId id;
    std::uint16_t alter_id = 0;  // alternative ids for the older header; 0: the newer one only
    std::uint32_t level = 0;
    std::string email;  // empty, or unique within the inbound, ignoring case
};

struct VmessInbound {
    std::vector<VmessClient> clients;
    bool disable_insecure = false;  // end connections whose body security is none or aes-128-cfb
    // The older header is served to everybody, signed by the main id, whatever alterId says.
    bool older_header_for_all = false;
    std::string detour;  // the tag of the inbound that clients are told to go on to
    // Of the accounts that are made up for those who were told to come here.
    std::uint8_t default_level = 0;
    std::uint16_t default_alter_id = 0;
};

struct SocksInbound {
    enum class Auth : std::uint8_t { none, password };
    Auth auth = Auth::none;
    std::vector<Account> accounts;  // password: nobody passes if it is empty
    bool udp = false;  // serves UDP ASSOCIATE
    // Where clients are told to send datagrams; nothing: the address that they have connected to.
    std::optional<proto::Address> udp_ip;
    std::uint32_t level = 0;
    std::optional<Seconds> idle;  // in place of the policy's
};

struct HttpInbound {
    std::vector<Account> accounts;  // empty: everybody passes
    bool allow_transparent = false;
    std::uint32_t level = 0;
    std::optional<Seconds> idle;  // in place of the policy's
};

// What an inbound listens for: connections, datagrams, or both.
struct Networks {
    bool tcp = true;
    bool udp = false;
};

// Whoever connects is taken to one fixed place.
struct DokodemoInbound {
    proto::Address target;
    Networks networks;
    std::uint32_t level = 0;
    std::optional<Seconds> idle;  // in place of the policy's
};

// Which ports of an inbound's range listen: all, or some, which others replace after a while.
struct Allocate {
    enum class Strategy : std::uint8_t { always, random };
    Strategy strategy = Strategy::always;
    std::uint32_t refresh_minutes = 5;  // each port listens for twice that
    std::uint32_t concurrency = 3;      // new ports per refresh
};

struct Inbound {
    std::string tag;  // empty, or unique among the inbounds
    Place place;
    // An IP with port 0; nothing means every address of both families, which is also what
    // "0.0.0.0" and "::" mean to V2Ray.
    std::optional<proto::Address> listen;
    PortRange ports;
    Allocate allocate;
    std::variant<VmessInbound, SocksInbound, HttpInbound, DokodemoInbound> settings;
};

// ---- outbounds

enum class Security : std::uint8_t { automatic, aes_128_gcm, chacha20_poly1305, none, zero };

struct VmessAccount {
    UserId id;
    std::uint16_t alter_id =
        0;  // 0: the newer header; else the older one, signed by one of so many
    std::uint32_t level = 0;
    std::string email;
    Security security = Security::automatic;
    bool authenticated_length = false;   // send option 0x10 with the AEAD securities
    bool no_termination_signal = false;  // end the stream without its empty chunk
};

// How datagrams of one association that go to many targets are carried.
enum class PacketEncoding : std::uint8_t {
    none,    // a connection for each target
    packet,  // one for all of them: each datagram has its address in front
    xudp,    // likewise in frames of Mux.Cool, and it can go on in another connection
};

struct VmessServer {
    proto::Address address;
    std::vector<VmessAccount> users;  // at least one; one is picked at random per connection
};

struct VmessOutbound {
    std::vector<VmessServer> servers;  // at least one; taken in turns
    PacketEncoding packet_encoding = PacketEncoding::none;
};

struct FreedomOutbound {
    enum class DomainStrategy : std::uint8_t { as_is, use_ip, use_ipv4, use_ipv6 };
    DomainStrategy strategy = DomainStrategy::as_is;
    // Where everything goes instead; kind none keeps the host that was asked for, port 0 the port.
    std::optional<proto::Address> redirect;
    std::uint32_t level = 0;
};

struct BlackholeOutbound {
    enum class Response : std::uint8_t { none, http };
    Response response = Response::none;
};

// Many streams in one connection (Mux.Cool).
struct Mux {
    // What becomes of datagrams to port 443: many clients fall back to TCP where they are refused.
    enum class Quic : std::uint8_t { allow, refuse, outside };

    std::uint16_t streams = 0;  // of a connection at a time; 0: each has a connection of its own
    // The same of associations: XUDP, in connections apart. Nothing: they are among the streams,
    // if those share connections.
    std::optional<std::uint16_t> associations;
    Quic quic = Quic::allow;
};

struct Outbound {
    std::string tag;  // may be empty
    Place place;
    std::optional<proto::Address>
        send_through;  // an IP with port 0: the local end of what is dialled
    std::variant<VmessOutbound, FreedomOutbound, BlackholeOutbound> settings;
    Mux mux = {};
};

// ---- routing

struct Rule {
    std::vector<std::string> inbound_tags;  // at least one; any of them matches
    std::size_t outbound = 0;               // index into Config::outbounds
};

struct Routing {
    enum class DomainStrategy : std::uint8_t { as_is, use_ip, ip_if_non_match, ip_on_demand };
    DomainStrategy strategy = DomainStrategy::as_is;
    std::vector<Rule> rules;  // the first match wins; no match takes outbound 0
};

// ---- policy

// The times, sizes and counters of one level.
struct Level {
    Seconds handshake{60};     // the whole request header; always level 0's value
    Seconds idle{300};         // no byte in either direction
    Seconds uplink_only{2};    // the target has finished sending
    Seconds downlink_only{5};  // the client has finished sending
    // Bytes that may wait between both ends, per direction; negative: no limit; nothing: as the
    // program likes.
    std::optional<std::int64_t> buffer_bytes;
    bool stats_user_uplink = false;
    bool stats_user_downlink = false;
};

struct Policy {
    std::map<std::uint32_t, Level> levels;  // those written down; any other is Level{}
    bool stats_inbound_uplink = false;
    bool stats_inbound_downlink = false;
    bool stats_outbound_uplink = false;
    bool stats_outbound_downlink = false;
};

Level level_of(const Policy& policy, std::uint32_t level);

// ---- engine

// Switches of io_uring; see io::UringSwitches. V2Ray has no such section.
struct Engine {
    bool zero_copy_send = false;
    std::uint32_t busy_poll_microseconds = 0;  // 0: off
    bool submission_polling = false;
};

// ---- all of it

struct Config {
    Log log;
    std::vector<Inbound> inbounds;
    std::vector<Outbound>
        outbounds;  // the first one is the default; never empty if inbounds are not
    Routing routing;
    Policy policy;
    bool stats = false;
    Engine engine;
};

// One thing that is wrong, or (as a warning) that does less than its author may think.
struct Mistake {
    Place place;
    std::string path;    // "inbounds[0].settings.clients[1].id"; empty for the file itself
    std::string what;    // what is wrong
    std::string remedy;  // what to do about it; may be empty
};

// "FILE:LINE:COLUMN: PATH: what is wrong; remedy", without a newline.
std::string text(const Mistake& mistake);

// One file, or what stands for one.
struct Source {
    std::string name;  // as it appears in messages; "tail" in it matters, see config_merge.h
    std::string text;
};

struct Loaded {
    std::optional<Config> config;  // present exactly if there are no mistakes
    std::vector<Mistake> mistakes;
    std::vector<Mistake> warnings;
};

// Gives the value of an environment variable, if it is set.
using Environment = std::function<std::optional<std::string>(std::string_view name)>;
Environment system_environment();

inline constexpr std::size_t kMistakesMax = 50;  // of each list; a last entry says how many more

// Reads one configuration, which may be spread over several sources.
//
//   sources      in the order of the command line; none at all is an empty configuration
//   environment  asked for ports written as "env:NAME"
//   gives        all mistakes and warnings, in the order of the text, up to kMistakesMax of each;
//                a user's id or a password never appears in them
Loaded load(std::span<const Source> sources, const Environment& environment);

}  // namespace ferry::core::config
