// ReceivePace: how much a direction has been bringing, and so what it should receive into.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/core.h"
#include "io/buffer.h"

namespace ferry::core {

// Grows with receives that fill all of their room: the kernel's slot, a run buffer, a bulk buffer.
// Two meagre ones in a row step down.
class ReceivePace {
public:
    bool is_quiet() const noexcept { return step_ == Step::quiet; }
    void rest() noexcept { step_ = Step::quiet; }

    // Learns from what a receive brought into a buffer of `slot_bytes`.
    //
    //   gives  true if that is larger than the pace is worth from now on
    bool learn(std::size_t slot_bytes, std::size_t room_bytes, std::size_t got_bytes) noexcept;

    // What the next receive goes into if that is larger than `slot_bytes`, which is what there is;
    // nothing if it is not, or if none is free.
    //
    //   need_bytes  of a unit that has to fit, whatever the policy says
    //   bound       the policy's: of bytes that a direction may hold
    io::Buffer larger_buffer(Pools& pools, std::size_t slot_bytes, std::size_t need_bytes,
                             std::size_t bound) const noexcept;

private:
    enum class Step : std::uint8_t { quiet, busy, bulk };

    Step step_ = Step::quiet;
    std::uint8_t meagre_ = 0;  // receives in a row that left most of the buffer empty
};

// Goes on in a run buffer with what lies in a bulk buffer; stays there where none is free, or where
// it would not fit.
void step_down(io::Buffer& in, Pools& pools) noexcept;

}  // namespace ferry::core
