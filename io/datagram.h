// DatagramSocket: a port on which datagrams come and go, and DatagramBatch, what one receive
// brought.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "io/backend.h"
#include "io/buffer.h"
#include "io/descriptor.h"
#include "io/endpoint.h"
#include "io/loop.h"
#include "io/scope.h"
#include "io/task.h"

namespace ferry::io {

// The datagrams that one receive brought, at most kCountMax of them; views into slots that the
// batch owns.
//
//   memory    nothing while it is empty; one slot for all that are not large, which also holds the
//             list, and a slot of its own for each large one
//   lifetime  all() and the bytes live until clear(), the next recv() into it, or the end of the
//             batch; a batch that is moved takes them along
class DatagramBatch {
public:
    static constexpr std::size_t kCountMax = 32;
    // A datagram above this size is large. It is well above what fits a frame of the usual 1500
    // bytes, and 32 places and the list of them fill a slot of 64 KiB.
    static constexpr std::size_t kPlaceBytes = 2000;
    static constexpr std::size_t kSlotBytes = 65'536;  // what the slots of the pool have at least

    DatagramBatch() noexcept = default;
    DatagramBatch(DatagramBatch&& other) noexcept { *this = std::move(other); }
    DatagramBatch& operator=(DatagramBatch&& other) noexcept;

    // In the order of arrival. The bytes may be changed in place.
    std::span<const Datagram> all() const noexcept { return {first_, count_}; }
    bool empty() const noexcept { return count_ == 0; }
    // Every place was filled: there may be more in the kernel right now.
    bool full() const noexcept { return full_; }
    // Large datagrams that the last recv() threw away, because no slot was free for them. It waits
    // for one that it can keep.
    std::size_t dropped() const noexcept { return dropped_; }
    // Gives the memory back.
    void clear() noexcept;

private:
    friend class DatagramSocket;
    Result<bool> receive(Backend& backend, int fd, BufferPool& pool);
    void add(const Incoming& one, BufferPool& pool);
    void list(const Endpoint& peer, std::span<std::uint8_t> bytes) noexcept;

    Buffer places_;
    std::vector<Buffer> large_;
    Datagram* first_ = nullptr;  // in the slot of places_
    std::size_t count_ = 0;
    std::size_t dropped_ = 0;
    bool full_ = false;
};

static_assert(DatagramBatch::kCountMax * (DatagramBatch::kPlaceBytes + sizeof(Datagram)) <=
              DatagramBatch::kSlotBytes);

// A port on which datagrams come from anybody and go to anybody. One on "::" is for both families,
// and names IPv4 peers by their mapped addresses; any other is for its own family.
//
//   owner     closes the descriptor when destroyed; no operation may be in flight then
//   at once   at most one recv; any number of sends
//   errors    operation_canceled when the scope stops. What befalls a single datagram on its way is
//             no error of the socket: it is lost, as datagrams may be
class DatagramSocket {
public:
    //   local    one of our own addresses, or the one that stands for all of them; port 0 lets the
    //            kernel choose
    //   sharing  as for a Listener: several sockets of one process on one port, one per core. What
    //            comes from one peer always reaches the same of them
    //   errors   address_in_use, address_not_available, permission_denied, too_many_files_open
    static Result<DatagramSocket> open(Scope& scope, const Endpoint& local,
                                       Sharing sharing = Sharing::first);

    // A socket that another one has released.
    static DatagramSocket adopt(Loop& loop, int fd) noexcept {
        return DatagramSocket(loop, Descriptor(loop, fd));
    }

    // Waits until at least one datagram is there, and takes all that are, up to
    // DatagramBatch::kCountMax. While it waits for one, nothing of `pool` is held; it waits for a
    // slot if there is none then. Every call lets the others on this core go first.
    //
    //   pool  its slots have at least DatagramBatch::kSlotBytes
    //   into  is cleared first
    Task<Result<void>> recv(Scope& scope, BufferPool& pool, DatagramBatch& into);

    // Sends all of them, in this order; waits where the socket's buffer is full.
    //
    //   gives  how many could not be sent: too large, no way there, forbidden
    //   all    stays untouched until the answer
    Task<Result<std::size_t>> send(Scope& scope, std::span<const Datagram> all);

    // The same without waiting: may take none, or only the first of them.
    Sent try_send(std::span<const Datagram> all) noexcept;

    Result<Endpoint> local() const { return loop_->backend().local_endpoint(descriptor_.fd()); }
    explicit operator bool() const noexcept { return static_cast<bool>(descriptor_); }
    int fd() const noexcept { return descriptor_.fd(); }
    void close() noexcept { descriptor_.close(); }
    // The caller closes it from now on, or somebody on another core.
    int release() noexcept {
        loop_->backend().let_go(descriptor_.fd());
        return descriptor_.release();
    }

private:
    DatagramSocket(Loop& loop, Descriptor&& descriptor) noexcept
        : loop_(&loop), descriptor_(std::move(descriptor)) {}

    Loop* loop_;
    Descriptor descriptor_;
};

}  // namespace ferry::io
