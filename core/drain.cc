#include "core/drain.h"

#include "core/core.h"

namespace ferry::core {
namespace {

// One place among those that may be drained, for as long as it lives.
class DrainPlace {
public:
    DrainPlace(Core& core, const io::Endpoint& peer) : core_(core), peer_(peer.with_port(0)) {
        std::uint32_t& here = core_.drains.by_address[peer_];
        granted_ =
            core_.drains.open < core_.limits.drains && here < core_.limits.drains_per_address;
        if (granted_) {
            ++core_.drains.open;
            ++here;
        } else if (here == 0) {
            core_.drains.by_address.erase(peer_);
        }
    }
    DrainPlace(const DrainPlace&) = delete;
    ~DrainPlace() {
        if (!granted_) {
            return;
        }
        --core_.drains.open;
        const auto here = core_.drains.by_address.find(peer_);
        if (--here->second == 0) {
            core_.drains.by_address.erase(here);
        }
    }

    bool granted() const noexcept { return granted_; }

private:
    Core& core_;
    io::Endpoint peer_;
    bool granted_ = false;
};

}  // namespace

io::Task<void> drain(Session& session) {
    const DrainPlace place(session.core, session.peer);
    if (!place.granted()) {
        session.core.stats.drain_overflow.add();
        co_return;
    }
    session.core.stats.drained.add();
    for (;;) {
        session.early.release();
        auto got = co_await session.client.socket.recv(session.early);
        if (!got || *got == 0) {
            co_return;
        }
        session.client.count_received(*got);
    }
}

}  // namespace ferry::core
