// MuxClients: one core's Mux.Cool connections to servers, and the streams that share them.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <optional>

#include "core/core.h"
#include "core/mux_carrier.h"
#include "core/outcome.h"
#include "core/session.h"
#include "io/task.h"

namespace ferry::core {

// Whoever can open a connection that carries frames.
class MuxDialer {
public:
    virtual ~MuxDialer() = default;

    // An end with codecs, for streams. Sets the session's far_policy.
    virtual io::Task<Step<End>> dial_carrier(Session& session) const = 0;
};

// Which connections a stream may share, and with how many others.
struct MuxShare {
    const MuxDialer& dialer;  // part of the session's snapshot
    std::string_view tag;     // of the outbound, for its counters
    bool datagrams = false;   // those for associations are kept apart
    std::uint32_t concurrency = 8;

    // Is it a connection for one association, which is session 0 then (vmess.md 14)?
    bool alone() const noexcept { return datagrams && concurrency == 1; }
};

// A place in a connection.
struct MuxPlace {
    std::shared_ptr<MuxCarrier> carrier;
    std::shared_ptr<MuxStream> stream;
};

// The connections that this core has opened. One takes up to `concurrency` streams at a time and
// kStreamsPerCarrier altogether, and is closed when it has had none for a while.
//
//   lifetime  empty when it is destroyed: stop() and the scope's join come before
class MuxClients {
public:
    static constexpr std::uint32_t kStreamsPerCarrier = 128;
    static constexpr io::Duration kIdle = std::chrono::seconds(16);

    // `scope` has the connections.
    MuxClients(Core& core, io::Scope& scope) noexcept : core_(core), scope_(scope) {}
    MuxClients(const MuxClients&) = delete;

    // A new stream to the session's address, in a connection that is ready.
    //
    //   errors  those of dialling
    io::Task<Step<MuxPlace>> take(Session& session, const MuxShare& share,
                                  proto::mux::Network network);

    std::size_t carriers() const noexcept;

private:
    struct Carrier {
        explicit Carrier(Core& core) : mux(std::make_shared<MuxCarrier>(core, nullptr)) {}

        std::shared_ptr<MuxCarrier> mux;
        bool ready = false;
        std::optional<Outcome> failed;
        std::string reason;
        const Policy* far_policy = nullptr;
        io::Condition changed;
    };
    using Key = std::pair<const MuxDialer*, bool>;
    using Carriers = std::list<std::shared_ptr<Carrier>>;

    std::shared_ptr<Carrier> find(const MuxShare& share, const Session& session);
    io::Task<void> run(std::shared_ptr<Carrier> carrier, const Session& first, MuxShare share);
    io::Task<void> close_when_idle(Session& session, MuxCarrier& mux, bool alone);

    Core& core_;
    io::Scope& scope_;
    std::map<Key, Carriers> open_;
};

}  // namespace ferry::core
