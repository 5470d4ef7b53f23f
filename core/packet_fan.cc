#include "core/packet_fan.h"

#include <algorithm>
#include <tuple>

namespace ferry::core {

// The near end of one destination.
class PacketFan::LaneEnd final : public PacketEnd {
public:
    LaneEnd(PacketFan& fan, Lane& lane) noexcept : fan_(fan), lane_(lane) {}

    io::Task<Step<void>> receive(Packets& into) override {
        return lane_.queue.receive(lane_.session, into);
    }
    io::Task<Step<void>> send(std::span<const Packet> all) override {
        return fan_.send_to_client(lane_, all, addressed_);
    }
    // The others may have more for the client.
    io::Task<void> end() override { co_return; }
    void rest() noexcept override { lane_.queue.rest(); }
    bool addressed() const noexcept override { return false; }

private:
    PacketFan& fan_;
    Lane& lane_;
    Packets addressed_;
};

PacketFan::Lane::Lane(PacketFan& fan, const proto::Address& to)
    : queue(fan.session_.core.pools), session(fan.session_, fan.scope_, nullptr) {
    session.network = Network::udp;
    session.address = to;
    session.packets = std::make_unique<LaneEnd>(fan, *this);
}

bool PacketFan::Before::operator()(const proto::Address& a, const proto::Address& b) const {
    return std::tie(a.kind, a.port, a.ip, a.name) < std::tie(b.kind, b.port, b.ip, b.name);
}

PacketFan::PacketFan(Session& session)
    : session_(session), scope_(session.core.loop, &session.scope) {}

io::Task<Outcome> PacketFan::run() {
    Outcome outcome = Outcome::finished;
    Packets packets;
    for (;;) {
        auto received = co_await session_.packets->receive(packets);
        if (!received) {
            outcome = received.error();
            scope_.stop(io::Stop::peer);
            break;
        }
        if (packets.empty()) {
            break;
        }
        session_.scope.touch();
        for (const Packet& packet : packets) {
            deal_out(packet);
        }
    }
    session_.packets->rest();
    for (Lane& lane : lanes_) {
        lane.queue.close();
    }
    co_await scope_.join();
    co_return outcome;
}

void PacketFan::deal_out(const Packet& packet) {
    const auto found = by_target_.find(packet.peer);
    Lane* lane = found != by_target_.end() ? found->second : open(packet.peer);
    if (lane == nullptr) {
        session_.core.stats.associations_refused.add();
        return;
    }
    // The view says where it goes; in its lane, that goes without saying.
    session_.core.stats.datagrams_overrun.add(lane->queue.push({packet.bytes, {}}));
}

PacketFan::Lane* PacketFan::open(const proto::Address& to) {
    if (by_target_.size() >= kLanesMax) {
        make_room();
    }
    // Those that are ending count, too.
    const Core& core = session_.core;
    if (lanes_.size() >= 2 * kLanesMax || core.stats.open_sessions.read() >= core.limits.sessions) {
        return nullptr;
    }
    lanes_.emplace_back(*this, to);
    const auto lane = std::prev(lanes_.end());
    by_target_.emplace(to, &*lane);
    scope_.spawn(serve(lane));
    // It may have ended before its first wait.
    const auto found = by_target_.find(to);
    return found == by_target_.end() ? nullptr : found->second;
}

// Ends the lane that has been quiet for longest.
void PacketFan::make_room() {
    const auto quietest = std::ranges::min_element(
        by_target_, {}, [](const auto& entry) { return entry.second->session.scope.touched(); });
    session_.core.stats.fan_evictions.add();
    Lane& lane = *quietest->second;
    by_target_.erase(quietest);
    lane.session.scope.stop(io::Stop::idle);
}

io::Task<void> PacketFan::serve(Lanes::iterator lane) {
    co_await run_inner(lane->session);
    forget(*lane);
    Core& core = session_.core;
    lanes_.erase(lane);
    core.room_for_sessions.notify_one();
}

// Datagrams for its destination begin a new lane from now on.
void PacketFan::forget(const Lane& lane) {
    const auto found = by_target_.find(lane.session.address);
    if (found != by_target_.end() && found->second == &lane) {
        by_target_.erase(found);
    }
}

io::Task<Step<void>> PacketFan::send_to_client(Lane& lane, std::span<const Packet> all,
                                               Packets& addressed) {
    while (sending_) {
        auto changed = co_await sent_.wait(lane.session.scope);
        if (!changed) {
            co_return std::unexpected(
                ended_by(lane.session, changed.error(), Outcome::client_lost));
        }
    }
    sending_ = true;
    addressed.clear();
    for (const Packet& packet : all) {
        addressed.push_back({packet.bytes, lane.session.address});
    }
    auto sent = co_await session_.packets->send(addressed);
    sending_ = false;
    sent_.notify_one();
    session_.scope.touch();
    co_return sent;
}

}  // namespace ferry::core
