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

// The datagrams that one receive brought, at most kCountMax of them and, where there are several,
// kBytesMax bytes; views into slots that the batch owns. Where more came, the next receive goes on
// with them.
//
//   memory    nothing while it is empty; one slot for all that fit their places in it, which also
//             holds the list, and more slots for what is larger: large datagrams, and trains as
//             long as none have come for which the places are made larger
//   lifetime  all() and the bytes live until clear(), the next recv() into it, or the end of the
//             batch; a batch that is moved takes them along
class DatagramBatch {
public:
    // As many datagrams, and as much of them, as somebody takes who has a slot for them.
    static constexpr std::size_t kCountMax = 64;
    static constexpr std::size_t kBytesMax = 65'536;
    // A datagram above this size is large. It is well above what fits a frame of the usual 1500
    // bytes, and 32 places and the lists fill a slot of 64 KiB.
    static constexpr std::size_t kPlaceBytes = 1900;
    static constexpr std::size_t kSlotBytes = 65'536;  // what the slots of the pool have at least

    DatagramBatch() noexcept = default;
    DatagramBatch(DatagramBatch&& other) noexcept { *this = std::move(other); }
    DatagramBatch& operator=(DatagramBatch&& other) noexcept;

    // In the order of arrival. The bytes may be changed in place.
    std::span<const Datagram> all() const noexcept { return {first_, count_}; }
    bool empty() const noexcept { return count_ == 0; }
    // Datagrams that the last recv() threw away, because no slot was free for what they came in. It
    // waits for one that it can keep.
    std::size_t dropped() const noexcept { return dropped_; }
    // Gives the memory back, and with it what the next recv() would have gone on with.
    void clear() noexcept;

private:
    friend class DatagramSocket;
    // What came in one piece; a single datagram is a train of one.
    struct Train {
        Endpoint peer;
        std::uint32_t each_bytes;       // the last one may be shorter
        std::span<std::uint8_t> bytes;  // that have not been listed
    };

    Result<bool> receive(Backend& backend, int fd, BufferPool& pool);
    void expect(std::span<const Incoming> came) noexcept;
    void add(const Incoming& one, BufferPool& pool);
    std::span<std::uint8_t> gather(const Incoming& one, BufferPool& pool);
    bool has_more() const noexcept { return next_ < train_count_; }
    void list() noexcept;

    Buffer places_;
    std::vector<Buffer> large_;
    Datagram* first_ = nullptr;  // in the slot of places_, as are the trains
    Train* trains_ = nullptr;
    std::size_t train_count_ = 0;
    std::size_t next_ = 0;  // of the trains, the first one that has not been listed to its end
    std::size_t count_ = 0;
    std::size_t dropped_ = 0;
    std::size_t place_bytes_ = kPlaceBytes;  // of the next receive; outlives clear()
};

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

    // Waits until at least one datagram is there, and takes those that are, up to
    // what a batch hands out. While it waits for one, nothing of `pool` is held; it waits for a
    // slot if there is none then. Every call lets the others on this core go first.
    //
    //   pool  its slots have at least DatagramBatch::kSlotBytes
    //   into  what all() had is gone; what it has not handed out comes first
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
