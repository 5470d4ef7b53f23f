// Intake: what has come in at an end and has not been opened yet.
#pragma once

#include <cstddef>

#include "core/receive_pace.h"
#include "core/session.h"
#include "io/buffer.h"
#include "io/task.h"
#include "proto/codec.h"

namespace ferry::core {

// The units of a sealed end, one after the other. It holds no slot while it waits for the first
// byte of a quiet end, and a run buffer while much comes in.
class Intake {
public:
    // `end` has an opener, and belongs to the session; `scope` is the session's, or one inside it.
    // `early` is what has come in already.
    Intake(Session& session, io::Scope& scope, End& end, io::Buffer early) noexcept
        : session_(session), scope_(scope), end_(end), in_(std::move(early)) {}

    // Opens the next unit; its data stays valid until receive().
    //
    //   gives  need: there is no whole unit; receive() brings more
    proto::Parsed<proto::Opened> next();

    // Receives more; all that next() gave is finished with.
    //
    //   gives  0 at the end of the bytes
    io::Task<io::Result<std::size_t>> receive();

    // Lets go of what a quiet end must not hold.
    void rest() noexcept;

    bool may_end() const noexcept {
        return end_.opener->may_end() && in_.data().size() == done_bytes_;
    }

private:
    io::Task<io::Result<void>> make_room();
    void received(std::size_t room, const io::Result<std::size_t>& got) noexcept;

    Session& session_;
    io::Scope& scope_;
    End& end_;
    io::Buffer in_;
    std::size_t done_bytes_ = 0;  // of in_: opened and given
    std::size_t need_bytes_ = 1;  // of in_, behind those: what the opener wants in total
    ReceivePace pace_;
};

}  // namespace ferry::core
