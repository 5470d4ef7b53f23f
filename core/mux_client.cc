#include "core/mux_client.h"

#include "core/policy.h"
#include "core/snapshot.h"

namespace ferry::core {
namespace {

// What a connection has that takes no more streams, to write the end of the last one.
constexpr io::Duration kLastWords = std::chrono::seconds(1);

}  // namespace

std::size_t MuxClients::carriers() const noexcept {
    std::size_t sum = 0;
    for (const auto& [key, carriers] : open_) {
        sum += carriers.size();
    }
    return sum;
}

// One with room, or a new one that begins to dial.
std::shared_ptr<MuxClients::Carrier> MuxClients::find(const MuxShare& share,
                                                      const Session& session) {
    Carriers& carriers = open_[{&share.dialer, share.datagrams}];
    for (const auto& each : carriers) {
        if (!each->failed && each->mux->alive() && each->mux->open_streams() < share.concurrency &&
            each->mux->streams_made() < (share.alone() ? 1 : kStreamsPerCarrier)) {
            return each;
        }
    }
    auto made = std::make_shared<Carrier>(core_);
    carriers.push_back(made);
    scope_.spawn(run(made, session, share));
    return made;
}

io::Task<Step<MuxPlace>> MuxClients::take(Session& session, const MuxShare& share,
                                          proto::mux::Network network) {
    auto carrier = find(share, session);
    MuxPlace place;
    place.carrier = carrier->mux;
    place.stream = carrier->mux->make_stream(
        network, share.alone() ? 0 : carrier->mux->next_id(), session.address,
        static_cast<std::size_t>(
            std::min<std::uint64_t>(session.buffer_bytes(), MuxCarrier::kInboxBytesMax)));
    while (!carrier->ready && !carrier->failed) {
        auto changed = co_await carrier->changed.wait(session.scope);
        if (!changed) {
            place.carrier->release(*place.stream, io::Farewell::normal);
            co_return std::unexpected(
                failure(session, changed.error(), Outcome::dial_timeout, Outcome::dial_failed));
        }
    }
    if (carrier->failed) {
        session.reason = carrier->reason;
        co_return std::unexpected(*carrier->failed);
    }
    session.far_policy = carrier->far_policy;
    co_return place;
}

// A connection, from dialling to its end. The first session that needs it lends it its user and its
// policy.
io::Task<void> MuxClients::run(std::shared_ptr<Carrier> carrier, const Session& first,
                               MuxShare share) {
    Session session(first, scope_, nullptr);
    const Key key(&share.dialer, share.datagrams);
    auto end = co_await share.dialer.dial_carrier(session);
    if (end) {
        session.target.emplace(std::move(*end));
        const Meter wire =
            core_.meters.of(Meters::Kind::outbound, share.tag, session.snapshot->counted.outbounds);
        session.target->sent = wire.up;
        session.target->received = wire.down;
        carrier->far_policy = session.far_policy;
        carrier->ready = true;
        carrier->changed.notify_all();
        session.scope.spawn(close_when_idle(session, *carrier->mux, share.alone()));
        io::Buffer none;
        auto outcome = co_await carrier->mux->run(session, *session.target, std::move(none));
        if (is_cut(outcome)) {
            log_failure(session, "proxy/vmess/outbound", outcome);
        }
        session.scope.stop(io::Stop::peer);
        co_await session.scope.join();
    } else {
        carrier->reason = session.reason;
        carrier->failed = end.error();
        carrier->changed.notify_all();
    }
    Carriers& carriers = open_[key];
    carriers.remove(carrier);
    if (carriers.empty()) {
        open_.erase(key);
    }
}

// One for a single association ends with it.
io::Task<void> MuxClients::close_when_idle(Session& session, MuxCarrier& mux, bool alone) {
    while (!session.scope.stopping()) {
        if (mux.open_streams() > 0) {
            auto changed = co_await mux.streams_changed().wait(session.scope);
            (void)changed;  // the loop looks
            continue;
        }
        const bool spent = alone || mux.streams_made() >= kStreamsPerCarrier;
        io::Scope patience(core_.loop, &session.scope);
        patience.expire_at(core_.loop.now() + (spent ? kLastWords : kIdle));
        auto changed = co_await mux.streams_changed().wait(patience);
        (void)changed;  // the loop looks
        if (mux.open_streams() == 0 && patience.stopping()) {
            session.scope.stop(io::Stop::idle);
        }
    }
}

}  // namespace ferry::core
