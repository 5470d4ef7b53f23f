#include "core/intake.h"

#include <algorithm>
#include <utility>

#include "core/run_buffer.h"

namespace ferry::core {

proto::Parsed<proto::Opened> Intake::next() {
    const auto opened = end_.opener->open(in_.data().subspan(done_bytes_));
    if (opened) {
        if (opened->kind == proto::Opened::Kind::need) {
            need_bytes_ = opened->count;
        } else {
            done_bytes_ += opened->count;
        }
    }
    return opened;
}

void Intake::rest() noexcept {
    in_.consume(done_bytes_);
    done_bytes_ = 0;
    if (in_.data().empty()) {
        in_.release();
    }
}

// A unit that no slot can hold needs a run buffer; for a busy end there is one if one is free.
io::Task<io::Result<void>> Intake::make_room() {
    const std::size_t slot_bytes = in_ ? in_.slot_bytes() : kInSlotBytes;
    Pools& pools = session_.core.pools;
    io::Buffer larger =
        pace_.larger_buffer(pools, slot_bytes, need_bytes_, session_.buffer_bytes());
    if (!larger && need_bytes_ > slot_bytes) {
        auto taken = co_await pools.run.take(scope_);
        if (!taken) {
            co_return std::unexpected(taken.error());
        }
        larger = std::move(*taken);
    }
    if (larger) {
        go_on_in(in_, std::move(larger));
    }
    if (in_ && in_.room().size() < std::max(need_bytes_, in_.slot_bytes() / 2)) {
        in_.close_up();
    }
    co_return {};
}

io::Task<io::Result<std::size_t>> Intake::receive() {
    rest();
    auto made = co_await make_room();
    if (!made) {
        co_return std::unexpected(made.error());
    }
    const std::size_t room = in_ ? in_.room().size() : kInSlotBytes;
    if (in_ && (in_.data().empty() || in_.slot_bytes() == kBulkBytes)) {
        io::Scope brief(session_.core.loop, &scope_);
        brief.expire_at(session_.core.loop.now() + kRunPatience);
        auto got = co_await end_.socket.recv(brief, in_);
        if (!ran_out(got, brief, scope_)) {
            received(room, got);
            co_return got;
        }
        pace_.rest();
        rest();
        step_down(in_, session_.core.pools);
    }
    auto got = co_await end_.socket.recv(scope_, in_);
    received(room, got);
    co_return got;
}

void Intake::received(std::size_t room, const io::Result<std::size_t>& got) noexcept {
    if (!got) {
        return;
    }
    if (pace_.learn(in_.slot_bytes(), room, *got)) {
        step_down(in_, session_.core.pools);
    }
    end_.count_received(*got);
}

}  // namespace ferry::core
