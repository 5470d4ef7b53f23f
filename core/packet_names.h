// PacketNames: where the datagrams of one association go that are for a name.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>

#include "core/packet_queue.h"
#include "core/packets.h"
#include "core/resolver.h"
#include "core/session.h"
#include "io/scope.h"
#include "io/task.h"
#include "proto/address.h"

namespace ferry::core {

// Remembers where names are. While one is being asked for, the datagrams for it wait here, so that
// those for everybody else need not: a name whose server is silent is silent for many seconds.
//
//   limits    kAskedMax names at a time, a PacketQueue of datagrams for each, and none unless more
//             than a quarter of the slots for them is free; Policy::dial for each question;
//             kKnownMax answers are remembered
//   order     of the datagrams for one name is kept
//   lifetime  end() comes before the destructor
class PacketNames {
public:
    static constexpr std::size_t kAskedMax = 8;
    static constexpr std::size_t kKnownMax = 64;

    // Sends datagrams for one name, which is at `at`, or nowhere; each says for which port it is.
    //
    //   scope  whoever waits does it in here
    using Send = std::function<io::Task<void>(io::Scope& scope, std::span<const Packet> all,
                                              io::Endpoint at)>;

    PacketNames(Session& session, Families families, Send send);
    PacketNames(const PacketNames&) = delete;

    // Where a name is, with the port of `asked`; nowhere, if there is no such name. Nothing: what
    // is for it is to be put aside.
    std::optional<io::Endpoint> find(const proto::Address& asked);

    // Keeps a copy of a datagram for a name that find() did not know, until it is known; counts
    // what is lost for it.
    void put_aside(const Packet& packet);

    // Nobody wants to know any more. What has waited is lost.
    io::Task<void> end();

private:
    struct Known {
        io::Endpoint at;  // nowhere: there is no such name
        io::TimePoint until;
    };
    using Asked = std::map<std::string, PacketQueue>;

    const Known* known(const std::string& name) const;
    void remember(const std::string& name, const Known& answer);
    io::Task<void> look_up(Asked::iterator asked);
    io::Task<Known> ask(std::string name);

    Session& session_;
    const Families families_;
    const Send send_;
    io::Scope scope_;
    Asked asked_;
    std::map<std::string, Known> known_;
};

}  // namespace ferry::core
