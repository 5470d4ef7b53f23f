// PacketEnd: one end of an association that carries datagrams.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "core/outcome.h"
#include "crypto/bytes.h"
#include "io/task.h"
#include "proto/address.h"

namespace ferry::core {

struct Session;

// One datagram on its way: up with the address where it goes, down with the one it comes from.
struct Packet {
    ByteSpan bytes;       // may be empty
    proto::Address peer;  // none: the one that the association is with
};
using Packets = std::vector<Packet>;

// How many datagrams one receive brings at most.
inline constexpr std::size_t kPacketsMax = 64;

// One end of an association: a socket, a stream of chunks, a stream inside a Mux.Cool connection.
//
//   lifetime  lives in the frame that runs the association; outlives what receive() gave
//   at once   at most one receive and one send
class PacketEnd {
public:
    virtual ~PacketEnd() = default;

    // Waits for datagrams and puts them into `into`, which is cleared first. Views: they are valid
    // until the next receive on this end, or rest(). None at all: the peer will send no more.
    //
    //   memory  while it waits for the first byte, the end holds no slot
    //   errors  client_lost or target_lost, whatever stopped the session, or wire_fault
    virtual io::Task<Step<void>> receive(Packets& into) = 0;

    // Sends all of them. One that cannot be carried (too large, no such address) is dropped and
    // counted, as the network would do.
    virtual io::Task<Step<void>> send(std::span<const Packet> all) = 0;

    // No more will be sent: the peer is told, where the framing can tell.
    virtual io::Task<void> end() = 0;

    // Ends what runs in it beside receive() and send(), and waits for that; nobody calls those any
    // more. Comes before the destructor where anything was sent.
    virtual io::Task<void> settle() { co_return; }

    // Lets go of the memory of what receive() gave.
    virtual void rest() noexcept = 0;

    // Can the framing say where each datagram goes or comes from? If not, only those to and from
    // the one target are passed on. Some peers show only later that theirs can.
    virtual bool addressed() const noexcept = 0;

    // Has it gone without a word, so that the same association may come back another way?
    virtual bool may_return() const noexcept { return false; }
};

// Runs an association from routing to its last datagram; the session's `packets` are its near end.
io::Task<Outcome> relay_packets(Session& session);

}  // namespace ferry::core
