#include "core/xudp_packets.h"

#include <utility>

#include "core/session.h"

namespace ferry::core {

XudpPackets::XudpPackets(Session& session, std::shared_ptr<MuxPackets> first, Dial dial)
    : session_(session),
      present_(std::move(first)),
      dial_(std::move(dial)),
      since_(session.core.loop.now()) {}

io::Task<Step<void>> XudpPackets::receive(Packets& into) {
    for (;;) {
        auto received = co_await present_->receive(into);
        if (received || session_.scope.stopping()) {
            co_return received;
        }
        auto gone_on = co_await go_on();
        if (!gone_on) {
            co_return gone_on;
        }
    }
}

// The carrier is gone. A server that lets nobody stay is not asked all the time.
io::Task<Step<void>> XudpPackets::go_on() {
    auto paused = co_await session_.core.loop.sleep_until(session_.scope, since_ + kPause);
    if (!paused) {
        co_return std::unexpected(
            failure(session_, paused.error(), Outcome::idle, Outcome::target_lost));
    }
    auto dialed = co_await dial_();
    if (!dialed) {
        co_return std::unexpected(dialed.error());
    }
    session_.core.stats.xudp_moves.add();
    present_ = std::move(*dialed);
    since_ = session_.core.loop.now();
    co_return {};
}

io::Task<Step<void>> XudpPackets::send(std::span<const Packet> all) {
    const std::shared_ptr<MuxPackets> through = present_;
    auto sent = co_await through->send(all);
    if (!sent && !session_.scope.stopping()) {
        session_.core.stats.datagrams_unsent.add(all.size());
        co_return {};  // whoever receives finds another carrier
    }
    co_return sent;
}

io::Task<void> XudpPackets::end() {
    const std::shared_ptr<MuxPackets> through = present_;
    co_await through->end();
}

}  // namespace ferry::core
