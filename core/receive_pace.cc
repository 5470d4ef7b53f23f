#include "core/receive_pace.h"

#include <utility>

#include "core/run_buffer.h"

namespace ferry::core {

bool ReceivePace::learn(std::size_t slot_bytes, std::size_t room_bytes,
                        std::size_t got_bytes) noexcept {
    const bool is_bulk = slot_bytes == kBulkBytes;
    if (got_bytes >= room_bytes) {
        step_ = slot_bytes < kRunBytes ? Step::busy : Step::bulk;
        meagre_ = 0;
        return false;
    }
    if (is_quiet() || got_bytes >= (is_bulk ? kRunBytes : kInSlotBytes) / 2) {
        meagre_ = 0;
        return false;
    }
    // The burst is over, and small receives belong into small slots.
    if (++meagre_ < 2) {
        return false;
    }
    step_ = is_bulk ? Step::busy : Step::quiet;
    meagre_ = 0;
    return true;
}

namespace {

// May somebody who has a buffer of `own_bytes` go on in a bulk buffer?
bool has_room_for_bulk(const Pools& pools, std::size_t own_bytes) noexcept {
    const std::size_t used = pools.run.used_slots() * kRunBytes +
                             pools.bulk.used_slots() * kBulkBytes -
                             (own_bytes == kRunBytes ? kRunBytes : 0);
    return used + kBulkBytes <= kBusyBytes;
}

}  // namespace

io::Buffer ReceivePace::larger_buffer(Pools& pools, std::size_t slot_bytes, std::size_t need_bytes,
                                      std::size_t bound) const noexcept {
    io::Buffer larger;
    if (step_ == Step::bulk && bound >= kBulkBytes && slot_bytes < kBulkBytes &&
        has_room_for_bulk(pools, slot_bytes)) {
        larger = pools.bulk.try_take();
    }
    const bool may_be_busy = !is_quiet() && bound >= kRunBytes;
    const bool must_grow = slot_bytes > 0 && need_bytes > slot_bytes;
    if (!larger && (may_be_busy || must_grow) && slot_bytes < kRunBytes) {
        larger = pools.run.try_take();
    }
    return larger;
}

void step_down(io::Buffer& in, Pools& pools) noexcept {
    if (in.slot_bytes() != kBulkBytes || in.data().size() > kRunBytes) {
        return;
    }
    if (io::Buffer smaller = pools.run.try_take()) {
        go_on_in(in, std::move(smaller));
    }
}

}  // namespace ferry::core
