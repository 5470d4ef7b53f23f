// Resolver: names to addresses.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "io/endpoint.h"
#include "io/result.h"
#include "io/scope.h"
#include "io/task.h"

namespace ferry::core {

// Which addresses are wanted.
enum class Families : std::uint8_t { any, ipv4, ipv6 };

// In the order in which they are to be tried.
using Endpoints = std::vector<io::Endpoint>;

inline constexpr std::size_t kAddressesMax = 16;  // of one name; further ones are not used

// Finds the addresses of a name without blocking its loop.
//
//   thread  one core's
class Resolver {
public:
    virtual ~Resolver() = default;

    // Resolves a name, or reads an address that is written as one ("192.0.2.1", "::1", "[::1]").
    //
    //   scope   the waiter's; when it is stopped, only this waiter goes away
    //   gives   1 to kAddressesMax endpoints with `port`, sorted as getaddrinfo does it and then
    //           interleaved: the best one first, its family and the other one in turns
    //   errors  no_such_device_or_address   there is no such name, or it has no such address
    //           invalid_argument            this cannot be a name
    //           timed_out                   no server has answered in time
    //           network_unreachable         no server could be asked, or none gave a useful answer
    //           operation_canceled          the scope, or that of the resolver, was stopped
    virtual io::Task<io::Result<Endpoints>> resolve(io::Scope& scope, std::string name,
                                                    std::uint16_t port, Families families) = 0;
};

// Where answers come from when none is remembered.
//
//   thread  one core's
class NameSource {
public:
    struct Answer {
        io::Result<Endpoints> addresses;  // best first; the ports mean nothing; errors as above
        std::chrono::seconds lifetime{};  // of addresses that were found
    };
    using Done = std::move_only_function<void(Answer answer)>;

    virtual ~NameSource() = default;

    // Asks for the addresses of a name; calls `done` exactly once, maybe before it returns.
    virtual void ask(const std::string& name, Families families, Done done) = 0;

    // Looks at its own configuration again, whatever its age; for a reload.
    virtual void refresh() = 0;
};

// How the system's name servers are asked.
struct NameServers {
    Endpoints servers = {};  // in place of those that resolv_conf names
    // Names the servers and the search domains; empty: there are none of either but `servers`.
    std::string resolv_conf = "/etc/resolv.conf";
    std::chrono::milliseconds resolv_conf_max_age{5000};
    // Of the first try; it doubles with each further one. Together they stay within the dial time.
    std::chrono::milliseconds timeout{2000};
    int tries = 3;
};

// Asks /etc/hosts, then the name servers: over UDP, or over TCP where the answer is long.
//
//   home     the waits for sockets run in here; when it is stopped, every question is answered with
//            operation_canceled. It outlives the source and is empty of it when nothing is asked.
//   changes  /etc/hosts is read for each question. resolv_conf is looked at again with the first
//            question after resolv_conf_max_age, and by refresh(); questions already asked keep the
//            servers that they have.
std::unique_ptr<NameSource> ask_name_servers(io::Scope& home, NameServers how);

}  // namespace ferry::core
