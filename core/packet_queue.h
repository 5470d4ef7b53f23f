// PacketQueue: datagrams that wait for the association they belong to.
#pragma once

#include <cstddef>
#include <vector>

#include "core/core.h"
#include "core/packets.h"
#include "io/buffer.h"
#include "io/condition.h"
#include "io/task.h"

namespace ferry::core {

// Datagrams between one who must not wait, and one who may be slow; copied into a slot, of `in`
// while few wait, of `run` where they do not fit there.
//
//   limits  kPacketsMax datagrams, kRunBytes bytes; where there is no room the oldest are lost
//   memory  nothing while it is empty
//   thread  one core; one reader
class PacketQueue {
public:
    explicit PacketQueue(Pools& pools) noexcept : pools_(pools) {}
    PacketQueue(const PacketQueue&) = delete;

    // Puts a copy behind the others.
    //
    //   gives   how many were lost for it: older ones, or this one where no slot is free
    std::size_t push(const Packet& packet);

    // Is there nothing that receive() would give at once?
    bool empty() const noexcept { return waiting_.entries.empty(); }

    // Nothing more will come.
    void close() noexcept;

    // What PacketEnd::receive() does.
    io::Task<Step<void>> receive(Session& session, Packets& into);
    // Lets go of what receive() gave.
    void rest() noexcept;

private:
    // Datagrams one behind the other, in the order of arrival.
    struct Page {
        struct Entry {
            std::size_t bytes;
            proto::Address peer;
        };
        io::Buffer slot;  // none where all of them are empty
        std::vector<Entry> entries;
    };

    bool make_room(std::size_t bytes, std::size_t& lost);
    bool enlarge();
    void drop_oldest();

    Pools& pools_;
    Page waiting_;
    Page taken_;  // what receive() gave
    io::Condition changed_;
    bool closed_ = false;
};

}  // namespace ferry::core
