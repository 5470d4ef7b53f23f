// Session: one connection, from the first byte to the last counter.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "core/core.h"
#include "core/link.h"
#include "core/outcome.h"
#include "core/packets.h"
#include "core/policy.h"
#include "core/users.h"
#include "io/endpoint.h"
#include "io/list.h"
#include "io/listener.h"
#include "io/scope.h"
#include "io/socket.h"
#include "io/task.h"
#include "proto/address.h"
#include "proto/codec.h"
#include "proto/mux/frame.h"

namespace ferry::core {

class Inbound;
class Outbound;
struct Snapshot;

// Up is from the client to the target.
enum class Way : std::uint8_t { up, down };

// What a session carries.
enum class Network : std::uint8_t {
    tcp,
    udp,  // datagrams: the near end is Session::packets
    mux,  // many streams and associations inside this connection
};

// What the end of the bytes from an end means.
enum class AtEnd : std::uint8_t {
    pass_on,  // there will be no more: the other side is told
    keep,     // an exchange is complete; the connection may carry another one
};

// One end of a session: a socket, or a link in its place, and the codec spoken on it. Without an
// opener or a sealer that direction is a plain one.
struct End {
    explicit End(io::Socket its_socket) noexcept : socket(std::move(its_socket)) {}
    End(io::Scope& scope, std::unique_ptr<Link> its_link) noexcept
        : socket(scope, io::Descriptor()), link(std::move(its_link)) {}

    void close(io::Farewell farewell) noexcept {
        if (link) {
            link->close(farewell);
        } else {
            socket.close(farewell);
        }
    }
    bool was_reset() const noexcept { return link ? link->was_reset() : socket.was_reset(); }

    void count_received(std::size_t bytes) const noexcept {
        if (received != nullptr) {
            received->add(bytes);
        }
    }
    void count_sent(std::size_t bytes) const noexcept {
        if (sent != nullptr) {
            sent->add(bytes);
        }
    }

    io::Socket socket;
    std::unique_ptr<Link> link;
    Counter* received = nullptr;  // bytes on the socket, where they are counted
    Counter* sent = nullptr;
    std::unique_ptr<proto::Opener> opener;
    std::unique_ptr<proto::Sealer> sealer;
    AtEnd at_end = AtEnd::pass_on;
    bool mark_end = true;  // false: a stream ends by closing, without the sealer's mark
    // How long the sealer's header may wait for payload to travel with; zero: for as long as it
    // takes.
    io::Duration header_wait{};
};

// What an inbound remembers of one connection between its steps.
class Dialogue {
public:
    virtual ~Dialogue() = default;
};

struct InServer;

// What is known of one connection. Made by the server, filled by the inbound and the outbound.
//
//   lifetime  lives in the frame that runs it; outlives its two ends and everything in its scope
struct Session : io::Hook<InServer> {
    Session(Core& its_core, io::Scope& parent, const Inbound& its_inbound, io::Accepted accepted);
    // An association, begun by a datagram from `from` and known to be allowed in; its `packets` and
    // where they go come later.
    Session(Core& its_core, io::Scope& parent, const Inbound& its_inbound,
            const io::Endpoint& from);
    // A session inside another one: of the same user, come in the same way. Its near end is a link,
    // or null where it has `packets`.
    Session(const Session& outer, io::Scope& parent, std::unique_ptr<Link> link);
    Session(const Session&) = delete;
    ~Session();

    // Each end has a timer of its own, so the shorter time holds.
    io::Duration idle()
        const noexcept;  // the inbound's own in place of its policy's, if it has one
    io::Duration quiet_after(Way ended) const noexcept;
    std::uint64_t buffer_bytes() const noexcept;

    Core& core;
    io::Scope scope;
    std::shared_ptr<const Snapshot> snapshot;
    const Inbound& inbound;
    const Policy* policy;                // level 0's until a user is known
    const Policy* far_policy = nullptr;  // of the level of whoever we are at the outbound
    std::uint32_t id;                    // shared by the log lines of one connection
    io::Endpoint peer;
    End client;
    std::optional<End> target;

    Network network = Network::tcp;
    std::optional<proto::mux::GlobalId> global_id;  // of an association that can move
    std::unique_ptr<PacketEnd> packets;  // the client's, of an association
    std::unique_ptr<Dialogue> dialogue;
    proto::Address address;                       // where the client wants to go
    std::string source;                           // the peer, as the access log writes it
    UserRef user;                                 // of VMess, from their auth id on
    std::shared_ptr<const UserTable> made_users;  // has `user`, if they were sent here by a detour
    std::string email;                            // of the user, for the log; may be empty
    Meter meter;                                  // of the user's payload
    std::string reason;                           // what was wrong, for the log
    std::string prologue;  // plaintext for the target in front of what the client sends
    io::Buffer early;      // bytes that arrived with the request
    std::string epilogue;  // plaintext for the client if there is no target
    // Of the present exchange, for the log of sessions.
    io::TimePoint began{};
    std::uint64_t up_bytes = 0;
    std::uint64_t down_bytes = 0;
    const Outbound* outbound = nullptr;
    const bool is_inner = false;  // one of many inside another session
    bool in_handshake = true;
    bool up_ended = false;      // the target has been told that the client's bytes have ended
    bool down_ended = false;    // the client has been told that the target's bytes have ended
    bool over = false;          // it has ended between two exchanges
    bool is_resting = false;    // between two exchanges: nothing is lost if it ends now
    io::Duration quiet{};       // how long one direction may be quiet after the other has ended
    std::uint8_t sends = 0;     // in flight
    bool request_done = false;  // of an exchange: its last byte has gone to the target

private:
    void count_wire();
};

// Runs one connection to its end: greet, route, dial, answer, pump; again if the inbound says so.
io::Task<Outcome> run(Session& session);

// Runs a session of which is known already where it goes: one inside another one, or an association
// on a port of its own. Counts its outcome.
io::Task<void> run_inner(Session& session);

// The way out.
const Outbound& way_out(const Session& session);
// Finds the way out, and tells the access log of it.
const Outbound& route(Session& session);
// What the log says of a session that has gone wrong.
void log_failure(Session& session, std::string_view component, Outcome outcome);

// Is the session's user not a user of the core's snapshot any more?
bool is_removed(const Session& session);

// The words of a fault on the wire; counts it.
std::unexpected<Outcome> faulted(Session& session, proto::Fault fault, Outcome outcome);

// The reason why an operation of the session's scope failed: what stopped it, or `otherwise`.
Outcome failure(const Session& session, std::errc error, Outcome deadline, Outcome otherwise);

// How an association ends when an operation of one of its ends fails: `lost`, or, where the session
// was stopped, for that reason.
Outcome ended_by(const Session& session, std::errc error, Outcome lost);

// The counters of what goes over the wire at the session's way out.
Meter wire_of(const Session& session);

}  // namespace ferry::core
