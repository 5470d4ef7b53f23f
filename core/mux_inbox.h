// ByteInbox and PacketInbox: what a stream inside a Mux.Cool connection was sent and has not taken.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "core/packets.h"
#include "crypto/bytes.h"
#include "io/buffer.h"
#include "proto/address.h"

namespace ferry::core {

// The bytes of a stream, in slots.
//
//   limit  whoever puts asks full() first: a slot more than the limit is the most there will be
class ByteInbox {
public:
    explicit ByteInbox(std::size_t limit) noexcept : limit_(limit) {}

    bool empty() const noexcept { return slots_.empty(); }
    bool full() const noexcept { return bytes_ >= limit_; }
    std::size_t left() const noexcept { return full() ? 0 : limit_ - bytes_; }
    // Room that is there without another slot.
    std::size_t room() noexcept { return slots_.empty() ? 0 : slots_.back().room().size(); }

    // Puts as much as fits the room that is there; gives how much that was.
    std::size_t put(ByteView bytes) noexcept;
    void add_slot(io::Buffer slot) { slots_.push_back(std::move(slot)); }
    std::size_t slots() const noexcept { return slots_.size(); }

    // Takes the first slot, or, if `into` has one, as many bytes as it has room for: at least one,
    // since none would be the end.
    std::size_t take(io::Buffer& into) noexcept;
    void clear() noexcept;

private:
    std::size_t limit_;
    std::size_t bytes_ = 0;
    std::deque<io::Buffer> slots_;
};

// The datagrams of an association. Where there is no room, a datagram is dropped, as the network
// would do.
class PacketInbox {
public:
    static constexpr std::size_t kBytesMax = 256 * 1024;

    bool empty() const noexcept { return waiting_.entries.empty(); }

    // Puts a datagram, into what is left of the last slot or another one.
    //
    //   gives  false if there is no room
    bool put(ByteView datagram, std::optional<proto::Address> peer, io::BufferPool& small,
             io::BufferPool& large);

    // Takes all. The views are valid until the next call, or rest().
    void take(Packets& into);
    void rest() noexcept { taken_.clear(); }
    void clear() noexcept {
        waiting_.clear();
        rest();
    }

private:
    struct Entry {
        std::size_t slot = 0;
        std::size_t offset = 0;
        std::size_t bytes = 0;
        proto::Address peer;
    };
    struct Heap {
        std::vector<io::Buffer> slots;
        std::vector<Entry> entries;
        std::size_t slot_bytes = 0;

        void clear() noexcept {
            slots.clear();
            entries.clear();
            slot_bytes = 0;
        }
    };

    Heap waiting_;
    Heap taken_;
};

}  // namespace ferry::core
