// MuxCarrier: a connection with many streams inside, on either side of it.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>

#include "core/intake.h"
#include "core/mux_stream.h"
#include "core/session.h"
#include "io/condition.h"
#include "io/list.h"
#include "io/task.h"
#include "proto/mux/frame.h"

namespace ferry::core {

// A Mux.Cool connection. One coroutine reads its frames and puts what is in them into the inboxes
// of the streams; another one takes what the streams want to send, in turns, and seals it.
//
// The protocol has no windows, so what one stream does not take stops all of them once it is more
// than its inbox may hold. That is bounded in time too: a stream owes the time for which it has
// kept others waiting, what it takes pays that back, and one that owes Limits::mux_patience is torn
// down. A stream that is alone owes nothing; at a server, which cannot see who wants in behind it,
// it may keep the connection waiting for as long without taking anything.
//
//   lifetime  shared by the coroutine that runs it and by the streams; once run() has returned,
//             every stream has failed and no operation is in flight. What lies in the inbox of a
//             stream by then can still be read
//   thread    one core only
class MuxCarrier {
public:
    // What becomes of a stream that the peer wants to open; it is in the table already. Null: the
    // peer may open none.
    using Opened = std::function<void(std::shared_ptr<MuxStream>)>;

    MuxCarrier(Core& core, Opened opened) : core_(core), opened_(std::move(opened)) {}
    MuxCarrier(const MuxCarrier&) = delete;

    static constexpr std::size_t kInboxBytesMax = 256 * 1024;
    static constexpr std::size_t kAnswersMax = 256;  // heads that wait to be written

    // Runs the connection at one end of a session until it is over.
    io::Task<Outcome> run(Session& session, End& end, io::Buffer early);

    // A client's new stream, not opened yet.
    std::uint16_t next_id() const noexcept { return static_cast<std::uint16_t>(made_ + 1); }
    std::shared_ptr<MuxStream> make_stream(proto::mux::Network network, std::uint16_t id,
                                           const proto::Address& target, std::size_t limit);

    bool alive() const noexcept { return alive_; }
    bool opens_streams() const noexcept { return !opened_; }
    std::size_t open_streams() const noexcept { return streams_.size(); }
    std::uint32_t streams_made() const noexcept { return made_; }
    io::Condition& streams_changed() noexcept { return streams_changed_; }

    // For the streams.
    //
    // Waits until all of `write` is taken; on a stream that has failed, until its reader knows.
    //   errors  operation_canceled, connection_reset
    io::Task<io::Result<void>> write(io::Scope& scope, MuxWrite& write);
    void open(MuxStream& stream);  // without data
    void end(MuxStream& stream, io::Farewell farewell);
    void release(MuxStream& stream, io::Farewell farewell) noexcept;
    void taken(MuxStream& stream, std::size_t bytes) noexcept;  // out of its inbox

private:
    // The connection while it runs. Its scope ends with it, and not what reads its streams.
    struct Wire {
        Wire(Session& its_session, End& its_end) noexcept
            : session(its_session),
              end(its_end),
              scope(its_session.core.loop, &its_session.scope) {}

        Session& session;
        End& end;
        io::Scope scope;
    };

    io::Task<Outcome> read(Wire& wire, Intake& intake);
    io::Task<Outcome> read_frames(Wire& wire, Intake& intake);
    io::Task<Step<void>> deliver(Wire& wire, ByteView plain);
    io::Task<Step<void>> put_piece(Wire& wire, ByteView piece);
    io::Task<bool> wait_for(Wire& wire, MuxStream& slow);
    io::Task<void> wait_for_slot(Wire& wire, MuxStream& stream);
    ByteView put_at_once(ByteView piece);
    io::Buffer slot_for(const MuxStream& stream) noexcept;
    bool takes_too_much() const noexcept;
    std::shared_ptr<MuxStream> slowest(std::shared_ptr<MuxStream> otherwise) const noexcept;
    void take_packet_piece(ByteView piece, bool last);
    void take_head(Session& session);
    void take_open(Session& session);
    void fail(MuxStream& stream) noexcept;
    void drop(MuxStream& stream);
    Outcome failed(const Wire& wire, std::errc error) const noexcept;
    Outcome lost() const noexcept {
        return opens_streams() ? Outcome::target_lost : Outcome::client_lost;
    }

    io::Task<Outcome> write_all(Wire& wire);
    io::Task<io::Result<void>> send_batch(Wire& wire);
    void fill(io::Buffer& plain);
    bool fill_bytes(MuxWrite& write, io::Buffer& plain);
    bool fill_packets(MuxWrite& write, io::Buffer& plain);
    void answer(std::uint16_t id, bool error);
    proto::mux::Frame frame_of(const MuxStream& stream) const;

    Core& core_;
    Opened opened_;
    bool alive_ = true;
    std::map<std::uint16_t, std::shared_ptr<MuxStream>> streams_;
    std::uint32_t made_ = 0;
    io::Condition streams_changed_;
    io::Condition room_;  // in the inbox of some stream; or there is another stream

    proto::mux::FrameReader frames_;
    std::shared_ptr<MuxStream> current_;  // whose data is coming in; null: nobody's
    io::Buffer gathered_;                 // a datagram that did not come in one piece

    std::deque<proto::mux::Frame> heads_;  // without data
    io::List<MuxWrite, InMuxQueue> writes_;
    bool overfull_ = false;  // more waited than the last batch had room for
    io::Condition more_;     // to write
    io::Condition fewer_;    // heads
};

}  // namespace ferry::core
