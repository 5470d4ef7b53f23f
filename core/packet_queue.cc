#include "core/packet_queue.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/run_buffer.h"
#include "core/session.h"

namespace ferry::core {

std::size_t PacketQueue::push(const Packet& packet) {
    std::size_t lost = 0;
    if (waiting_.entries.size() == kPacketsMax) {
        drop_oldest();
        ++lost;
    }
    if (!packet.bytes.empty()) {
        if (!make_room(packet.bytes.size(), lost)) {
            return lost + 1;
        }
        std::memcpy(waiting_.slot.room().data(), packet.bytes.data(), packet.bytes.size());
        waiting_.slot.commit(packet.bytes.size());
    }
    waiting_.entries.push_back({packet.bytes.size(), packet.peer});
    changed_.notify_one();
    return lost;
}

// Finds room for so many bytes in the slot; gives whether there is some.
bool PacketQueue::make_room(std::size_t bytes, std::size_t& lost) {
    io::Buffer& slot = waiting_.slot;
    for (;;) {
        if (!slot) {
            if (bytes <= kInSlotBytes) {
                slot = pools_.in.try_take();
            }
            if (!slot) {
                slot = pools_.run.try_take();
            }
            return slot && slot.room().size() >= bytes;
        }
        if (slot.room().size() < bytes) {
            slot.close_up();
        }
        if (slot.room().size() >= bytes) {
            return true;
        }
        if (enlarge()) {
            continue;
        }
        // Half of them at once: moving the others to the front costs as much as copying them.
        const std::size_t half = slot.slot_bytes() / 2;
        do {
            drop_oldest();
            ++lost;
        } while (slot && slot.data().size() > half);
    }
}

// Goes on in a larger slot, if there is one.
bool PacketQueue::enlarge() {
    io::Buffer& slot = waiting_.slot;
    if (slot.slot_bytes() >= kRunBytes) {
        return false;
    }
    io::Buffer larger = pools_.run.try_take();
    if (!larger) {
        return false;
    }
    go_on_in(slot, std::move(larger));
    return true;
}

void PacketQueue::drop_oldest() {
    const std::size_t bytes = waiting_.entries.front().bytes;
    if (bytes > 0) {
        waiting_.slot.consume(bytes);
    }
    waiting_.entries.erase(waiting_.entries.begin());
}

void PacketQueue::close() noexcept {
    closed_ = true;
    changed_.notify_all();
}

io::Task<Step<void>> PacketQueue::receive(Session& session, Packets& into) {
    into.clear();
    rest();
    while (waiting_.entries.empty() && !closed_) {
        auto changed = co_await changed_.wait(session.scope);
        if (!changed) {
            co_return std::unexpected(ended_by(session, changed.error(), Outcome::client_lost));
        }
    }
    std::swap(waiting_, taken_);
    ByteSpan left = taken_.slot.data();
    for (Page::Entry& entry : taken_.entries) {
        into.push_back({left.first(entry.bytes), std::move(entry.peer)});
        left = left.subspan(entry.bytes);
    }
    co_return {};
}

void PacketQueue::rest() noexcept {
    taken_.slot.release();
    taken_.entries.clear();
}

}  // namespace ferry::core
