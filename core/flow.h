// Flow: what one direction of a session holds between two waits, and the part of the pump that
// never waits.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "core/pump.h"
#include "core/receive_pace.h"
#include "core/session.h"
#include "io/buffer.h"

namespace ferry::core {

// What is to be done once everything that is ready has been sent.
enum class Then : std::uint8_t {
    receive,  // more input is needed
    again,    // there is more to do with the input at hand
    hold,     // an end that later data may take back; then receive
    end,      // the stream has ended
};

// Opened units that leave in one vectored send.
inline constexpr std::size_t kPiecesMax = 64;

// One direction. Opening happens in place, in `in`; sealing goes from there into `out`. What is
// ready to be sent is either `out`, or pieces of `in` and of the session's prologue; where a sealer
// keeps the payload as it is, with pieces of `out` between them.
struct Flow {
    Flow(Session& its_session, Way its_way) noexcept;

    // Opens and seals as much as fits. Nothing else is called between this and sent().
    //
    //   before  if the direction seals, `out` is a buffer
    //   gives   a Fault of the stream; what was opened before it is dropped with the session
    proto::Parsed<Then> transform();

    bool seals() const noexcept { return to.sealer != nullptr; }
    // Is there something to seal and nothing to seal it into?
    bool lacks_out() const noexcept;
    // What is ready: bytes of `out`, or of `in`.
    std::size_t ready_bytes() const noexcept;
    io::OpAwait<io::Result<void>> send() noexcept;
    // Everything that was ready has been sent.
    void sent() noexcept;

    // Makes room for a receive: an empty `in` lets the kernel pick the slot.
    //
    //   gives  false: what is there fills its slot, and no larger one is free
    bool prepare_receive();
    // Learns from what a receive brought how large the next one should be.
    void received(std::size_t room_bytes, std::size_t got_bytes) noexcept;
    // Lets go of what an idle direction must not hold.
    void rest() noexcept;

    Session& session;
    End& from;
    End& to;
    const Way way;
    io::Buffer in;
    io::Buffer out;
    ByteView pending;  // plaintext on its way to the sealer, or to the pieces
    std::vector<iovec> pieces;
    std::size_t passed_bytes = 0;  // of plaintext, since sent() was called last
    bool silent = true;            // nothing has been passed yet
    std::size_t done_bytes = 0;    // of `in`: finished with once the pieces have been sent
    std::size_t need_bytes = 1;    // of `in`: what the opener wants in total
    ReceivePace pace;

private:
    bool pass_pending();
    void seal_pending();
    void seal_around_pending();
    void add_piece(ByteView bytes);
};

// Around a send. A peer that is slow to take what it was sent is not quiet: while a send is in
// flight, the longer of the two idle times holds.
void begin_send(Session& session) noexcept;
void end_send(Session& session) noexcept;

}  // namespace ferry::core
