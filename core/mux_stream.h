// MuxStream: one stream or association inside a Mux.Cool connection, as both of its sides see it.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <memory>
#include <span>

#include "core/link.h"
#include "core/mux_inbox.h"
#include "core/packets.h"
#include "io/condition.h"
#include "io/list.h"
#include "proto/mux/frame.h"

namespace ferry::core {

class MuxCarrier;
struct MuxStream;
struct InMuxQueue;

// Something that a stream wants to send: bytes cut into frames as there is room, or datagrams, of
// which each is a frame. It waits in the queue of its connection until all is taken.
//
//   lifetime  lives in the frame that waits; leaves the queue when it dies
struct MuxWrite : io::Hook<InMuxQueue> {
    explicit MuxWrite(MuxStream& its_stream) noexcept : stream(its_stream) {}
    ~MuxWrite() { unlink(); }

    MuxStream& stream;
    std::span<const iovec> pieces;
    std::size_t offset = 0;  // in the first piece
    std::span<const Packet> packets;
    bool done = false;
};

// What the carrier and the one who uses the stream share.
//
//   lifetime  shared by the two: each may be gone before the other
//   thread    one core only
struct MuxStream {
    MuxStream(std::uint16_t its_id, proto::mux::Network its_network, std::size_t limit) noexcept
        : id(its_id), network(its_network), bytes(limit) {}

    const std::uint16_t id;
    const proto::mux::Network network;
    proto::Address target;
    std::optional<proto::mux::GlobalId> global_id;
    bool addressed = false;   // datagrams carry addresses; may turn true while it runs
    bool opened = false;      // its first frame has been written, or read
    bool wants_open = false;  // that frame need not wait for data any more
    bool peer_ended = false;  // the other side will send no more
    bool failed = false;      // torn down: by the other side, the carrier, or a limit
    bool wants_end = false;   // we will send no more, and have not said so yet
    bool ended = false;       // we have said so
    bool cut = false;         // one side has said that both directions are over
    bool released = false;    // nobody reads it any more: what comes is dropped
    enum class Reading : std::uint8_t { not_yet, begun, over };
    Reading reading = Reading::not_yet;  // of a stream; over: the reader knows how it has ended
    io::Duration owed{};                 // for which it has kept others waiting

    ByteInbox bytes;      // of a stream
    PacketInbox packets;  // of an association
    io::Condition arrived;
    io::Condition written;  // a MuxWrite is done, or `reading` is over
};

// A stream as the end of a session.
class MuxLink final : public Link {
public:
    MuxLink(std::shared_ptr<MuxCarrier> carrier, std::shared_ptr<MuxStream> stream) noexcept
        : carrier_(std::move(carrier)), stream_(std::move(stream)) {}
    MuxLink(const MuxLink&) = delete;
    ~MuxLink() override { close(io::Farewell::normal); }

    io::Task<io::Result<std::size_t>> recv(io::Scope& scope, io::Buffer& into) override;
    io::Task<io::Result<void>> send(io::Scope& scope, std::span<const iovec> pieces) override;
    io::Task<io::Result<void>> shutdown_write(io::Scope& scope) override;
    void close(io::Farewell farewell) noexcept override;
    // An end that came before the cut is an end.
    bool was_reset() const noexcept override { return stream_->failed && !stream_->peer_ended; }

private:
    std::shared_ptr<MuxCarrier> carrier_;  // null once closed
    std::shared_ptr<MuxStream> stream_;
};

// An association inside a carrier, as the end of a session.
class MuxPackets final : public PacketEnd {
public:
    MuxPackets(Session& session, Outcome lost, std::shared_ptr<MuxCarrier> carrier,
               std::shared_ptr<MuxStream> stream) noexcept
        : session_(session),
          lost_(lost),
          carrier_(std::move(carrier)),
          stream_(std::move(stream)) {}
    MuxPackets(const MuxPackets&) = delete;
    ~MuxPackets() override;

    io::Task<Step<void>> receive(Packets& into) override;
    io::Task<Step<void>> send(std::span<const Packet> all) override;
    io::Task<void> end() override;
    void rest() noexcept override { stream_->packets.rest(); }
    bool addressed() const noexcept override { return stream_->addressed; }
    bool may_return() const noexcept override;

private:
    Session& session_;
    const Outcome lost_;  // what it is called when the carrier is gone
    std::shared_ptr<MuxCarrier> carrier_;
    std::shared_ptr<MuxStream> stream_;
};

}  // namespace ferry::core
