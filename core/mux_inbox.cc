#include "core/mux_inbox.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <utility>

namespace ferry::core {

std::size_t ByteInbox::put(ByteView bytes) noexcept {
    const std::size_t count = std::min(room(), bytes.size());
    if (count > 0) {
        io::Buffer& last = slots_.back();
        std::memcpy(last.room().data(), bytes.data(), count);
        last.commit(count);
        bytes_ += count;
    }
    return count;
}

std::size_t ByteInbox::take(io::Buffer& into) noexcept {
    io::Buffer& first = slots_.front();
    std::size_t count = first.data().size();
    if (!into) {
        into = std::move(first);
    } else {
        count = std::min(count, into.room().size());
        std::memcpy(into.room().data(), first.data().data(), count);
        into.commit(count);
        first.consume(count);
    }
    assert(count > 0);
    if (!first) {
        slots_.pop_front();
    }
    bytes_ -= count;
    return count;
}

void ByteInbox::clear() noexcept {
    slots_.clear();
    bytes_ = 0;
}

bool PacketInbox::put(ByteView datagram, std::optional<proto::Address> peer, io::BufferPool& small,
                      io::BufferPool& large) {
    if (waiting_.entries.size() >= kPacketsMax) {
        return false;
    }
    std::vector<io::Buffer>& slots = waiting_.slots;
    if (slots.empty() || slots.back().room().size() < datagram.size()) {
        io::BufferPool& pool = datagram.size() > small.slot_bytes() ? large : small;
        io::Buffer slot;
        if (waiting_.slot_bytes + pool.slot_bytes() <= kBytesMax) {
            slot = pool.try_take();
        }
        if (!slot) {
            return false;
        }
        slots.push_back(std::move(slot));
        waiting_.slot_bytes += pool.slot_bytes();
    }
    io::Buffer& slot = slots.back();
    const std::size_t offset = slot.data().size();
    if (!datagram.empty()) {
        std::memcpy(slot.room().data(), datagram.data(), datagram.size());
        slot.commit(datagram.size());
    }
    waiting_.entries.push_back(
        {slots.size() - 1, offset, datagram.size(), peer ? std::move(*peer) : proto::Address()});
    return true;
}

void PacketInbox::take(Packets& into) {
    rest();
    std::swap(taken_, waiting_);
    for (Entry& entry : taken_.entries) {
        const ByteSpan all = taken_.slots[entry.slot].data();
        into.push_back({all.subspan(entry.offset, entry.bytes), std::move(entry.peer)});
    }
}

}  // namespace ferry::core
