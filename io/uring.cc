#include "io/uring.h"

#include <liburing.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>

#include "io/buffer.h"
#include "io/kernel.h"
#include "io/kernel_datagram.h"
#include "io/uring_open.h"
#include "io/uring_parameters.h"
#include "io/uring_send.h"

namespace ferry::io {

namespace {

// What stands in an answer instead of an operation.
constexpr std::uint64_t kNobody = 0;
constexpr std::uint64_t kWake = 1;

class Uring final : public Backend {
public:
    Uring() = default;
    ~Uring() override;
    int start(const UringSwitches& wanted, MadeUring& made);  // 0, or a negated errno

    void submit(Op& op) override { prepare(op); }
    void cancel(Op& op) noexcept override;
    void wait(TimePoint until, std::vector<Op*>& done) override;
    void wake() noexcept override { wake_.signal(); }

    void expect_slots(std::uint32_t count) override;
    void provide(std::uint16_t slot, std::span<std::uint8_t> memory) override;
    std::uint32_t starving() const noexcept override { return starving_count_; }

    Result<int> listen(const Endpoint& at, Sharing sharing) override {
        return kernel_listen(at, sharing, Waiting::in_kernel);
    }
    Result<int> stream(const Endpoint& towards) override {
        return kernel_stream(towards, Waiting::in_kernel);
    }
    Result<void> bind(int fd, const Endpoint& local) override { return kernel_bind(fd, local); }
    Result<int> datagram(const Endpoint& local, Sharing sharing) override {
        return kernel_datagram(local, sharing);
    }
    Result<std::size_t> receive_datagrams(int fd, std::span<Incoming> into) override {
        return tails_.receive(fd, into);
    }
    Result<int> duplicate(int fd) override { return kernel_duplicate(fd); }
    void let_go(int) noexcept override {}  // a ring remembers nothing of it
    Sent send_datagrams(int fd, std::span<const Datagram> all) noexcept override {
        return kernel_send_datagrams(fd, all);
    }
    bool was_reset(int fd) const noexcept override { return kernel_was_reset(fd); }
    Result<Endpoint> local_endpoint(int fd) const override { return kernel_local_endpoint(fd); }
    Result<Endpoint> peer_endpoint(int fd) const override { return kernel_peer_endpoint(fd); }
    void close(int fd, Farewell farewell) noexcept override;

    Result<PipeEnds> pipe(std::size_t bytes) override { return kernel_pipe(bytes); }
    Result<std::size_t> fill_pipe(int pipe, int socket, std::size_t most) noexcept override {
        return kernel_fill_pipe(pipe, socket, most, Waiting::in_kernel);
    }
    Result<std::size_t> drain_pipe(int pipe, int socket, std::size_t most) noexcept override {
        return kernel_drain_pipe(pipe, socket, most, Waiting::in_kernel);
    }

    TimePoint now() const noexcept override { return std::chrono::steady_clock::now(); }
    std::int64_t unix_seconds() const noexcept override { return kernel_unix_seconds(); }

private:
    struct Answer {
        std::uint64_t tag;  // kNobody, kWake, or what `data` is made of
        void* data;
        std::int32_t result;
        std::uint32_t flags;
    };

    io_uring_sqe* request() noexcept;
    void make_room() noexcept;
    void prepare(Op& op) noexcept;
    void enter(TimePoint until);
    Op* answered_by(const Answer& answer) noexcept;
    bool is_final(Op& op, const Answer& answer) noexcept;
    bool is_final_slot(Op& op, const Answer& answer) noexcept;
    bool is_polled() const noexcept { return (ring_.flags & IORING_SETUP_SQPOLL) != 0; }
    void retry_starving() noexcept;

    io_uring ring_ = {};
    bool started_ = false;
    Sending sending_ = Sending::copying;
    bool waking_ = false;  // a poll of wake_ is in flight
    WakeEvent wake_;
    Tails tails_;

    io_uring_buf_ring* slots_ = nullptr;
    std::uint32_t slot_places_ = 0;   // of the ring, a power of two
    std::uint32_t slots_inside_ = 0;  // provided, and not yet seen in an answer
    List<Op, InQueue> starving_;      // first come, first served
    std::uint32_t starving_count_ = 0;
    List<Op, InQueue> answered_;  // without the kernel: cancelled while starving

    // One per place of the request queue: the kernel reads it when it takes the request, and only
    // then the place is free (IORING_FEAT_SUBMIT_STABLE), also where a thread of the kernel does.
    std::array<msghdr, kRequests> messages_ = {};
};

Uring::~Uring() {
    if (!started_) {
        return;
    }
    assert(starving_.empty());
    assert(answered_.empty());
    if (slots_ != nullptr) {
        io_uring_unregister_buf_ring(&ring_, kSlotGroup);
        munmap(slots_, slot_places_ * sizeof(io_uring_buf));
    }
    io_uring_queue_exit(&ring_);
}

int Uring::start(const UringSwitches& wanted, MadeUring& made) {
    if (wake_.fd() < 0) {
        return -EMFILE;
    }
    const int opened = open_ring(ring_, wanted, made);
    started_ = opened >= 0;
    sending_ = made.on.zero_copy_send ? Sending::zero_copy : Sending::copying;
    return opened;
}

// The next free place in the request queue; sends what is queued if there is none.
io_uring_sqe* Uring::request() noexcept {
    io_uring_sqe* sqe = io_uring_get_sqe(&ring_);
    while (sqe == nullptr) {
        make_room();
        sqe = io_uring_get_sqe(&ring_);
    }
    return sqe;
}

void Uring::make_room() noexcept {
    const int sent = io_uring_submit(&ring_);
    assert(sent >= 0 || sent == -EAGAIN || sent == -EBUSY || sent == -EINTR);
    if (sent < 0) {
        io_uring_get_events(&ring_);  // where answers wait for room, there is some now
    }
    if (is_polled()) {
        io_uring_sqring_wait(&ring_);  // until the kernel's thread has taken some
    }
}

void Uring::prepare(Op& op) noexcept {
    io_uring_sqe* sqe = request();
    switch (op.kind) {
        case Op::Kind::accept:
            op.extra = Endpoint::kLengthMax;
            io_uring_prep_accept(sqe, op.fd, op.target.peer->writable_address(), &op.extra,
                                 SOCK_CLOEXEC);
            break;
        case Op::Kind::connect:
            io_uring_prep_connect(sqe, op.fd, op.target.peer->address(), op.target.peer->length());
            break;
        case Op::Kind::recv:
            io_uring_prep_recv(sqe, op.fd, op.target.buffer->room().data(), op.count, 0);
            break;
        case Op::Kind::recv_slot:
            io_uring_prep_recv(sqe, op.fd, nullptr, 0, 0);
            sqe->flags |= IOSQE_BUFFER_SELECT;
            sqe->buf_group = kSlotGroup;
            break;
        case Op::Kind::send:
        case Op::Kind::sendv:
            prepare_send(sqe, op, messages_[static_cast<std::size_t>(sqe - ring_.sq.sqes)],
                         sending_);
            break;
        case Op::Kind::shutdown:
            io_uring_prep_shutdown(sqe, op.fd, SHUT_WR);
            break;
        case Op::Kind::poll:
            io_uring_prep_poll_add(sqe, op.fd, op.extra);
            break;
        case Op::Kind::local:
            assert(false);
            break;
    }
    io_uring_sqe_set_data(sqe, &op);
}

void Uring::cancel(Op& op) noexcept {
    if (op.queued()) {
        // Only a starving one is in a queue of ours: the kernel has answered it already.
        op.Hook<InQueue>::unlink();
        --starving_count_;
        op.result = -ECANCELED;
        answered_.push_back(op);
        return;
    }
    const bool is_send = op.kind == Op::Kind::send || op.kind == Op::Kind::sendv;
    if (is_send && is_memory_out(op)) {
        call_memory_back(op);  // the kernel has no request any more that could be cancelled
        return;
    }
    io_uring_sqe* sqe = request();
    io_uring_prep_cancel(sqe, &op, 0);
    io_uring_sqe_set_data64(sqe, kNobody);
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
}

void Uring::wait(TimePoint until, std::vector<Op*>& done) {
    if (!waking_) {
        // A poll and not a read: nothing of ours may be written to after the ring is gone.
        io_uring_sqe* sqe = request();
        io_uring_prep_poll_add(sqe, wake_.fd(), POLLIN);
        io_uring_sqe_set_data64(sqe, kWake);
        waking_ = true;
    }
    enter(answered_.empty() ? until : TimePoint::min());

    while (Op* op = answered_.pop_front()) {
        done.push_back(op);
    }
    io_uring_cqe* cqe = nullptr;
    unsigned head = 0;
    io_uring_for_each_cqe(&ring_, head, cqe) {
        const Answer answer = {cqe->user_data, io_uring_cqe_get_data(cqe), cqe->res, cqe->flags};
        // Out of the queue before it is looked at: submitting again may enter the kernel, which
        // then must find room for more answers.
        io_uring_cq_advance(&ring_, 1);
        if (Op* op = answered_by(answer)) {
            done.push_back(op);
        }
    }
    retry_starving();
}

// The operation that this is the last word about, if any.
Op* Uring::answered_by(const Answer& answer) noexcept {
    if (answer.tag == kNobody) {
        return nullptr;
    }
    if (answer.tag == kWake) {
        wake_.drain();
        waking_ = false;
        return nullptr;
    }
    Op* op = static_cast<Op*>(answer.data);
    return is_final(*op, answer) ? op : nullptr;
}

// The one system call of a turn: sends, sleeps, and lets the kernel write its answers.
void Uring::enter(TimePoint until) {
    const TimePoint present = now();
    int entered = 0;
    if (is_polled() && (until <= present || io_uring_cq_ready(&ring_) > 0)) {
        entered = io_uring_submit(&ring_);  // answers come by themselves: no call, unless it sleeps
    } else if (until == kNever) {
        entered = io_uring_submit_and_wait(&ring_, 1);
    } else if (until <= present) {
        entered = io_uring_submit_and_get_events(&ring_);
    } else {
        const Duration left = until - present;
        const auto whole = std::chrono::floor<std::chrono::seconds>(left);
        __kernel_timespec timeout = {};
        timeout.tv_sec = whole.count();
        timeout.tv_nsec = std::chrono::nanoseconds(left - whole).count();
        io_uring_cqe* first = nullptr;
        entered = io_uring_submit_and_wait_timeout(&ring_, &first, 1, &timeout, nullptr);
    }
    // Interrupted, timed out, or short of memory for the moment: the next turn tries again.
    assert(entered >= 0 || entered == -ETIME || entered == -EINTR || entered == -EAGAIN ||
           entered == -EBUSY);
}

// Is this the last word about `op`? If not, it has been submitted again, waits for a slot, or is
// answered once more.
bool Uring::is_final(Op& op, const Answer& answer) noexcept {
    if (op.kind == Op::Kind::recv_slot) {
        return is_final_slot(op, answer);
    }
    if (op.kind == Op::Kind::send || op.kind == Op::Kind::sendv) {
        const SendState state = send_answered(op, answer.result, answer.flags);
        if (state == SendState::again) {
            prepare(op);
        }
        return state == SendState::answered;
    }
    op.result = answer.result;
    if (answer.result == -EINTR || (answer.result == -EAGAIN && op.kind == Op::Kind::recv)) {
        if (!op.cancelled) {
            prepare(op);
            return false;
        }
        op.result = -ECANCELED;
    }
    return true;
}

bool Uring::is_final_slot(Op& op, const Answer& answer) noexcept {
    op.result = answer.result;
    if ((answer.flags & IORING_CQE_F_BUFFER) != 0) {
        op.slot = static_cast<std::uint16_t>(answer.flags >> IORING_CQE_BUFFER_SHIFT);
        assert(slots_inside_ > 0);
        --slots_inside_;
        return true;
    }
    if (answer.result != -ENOBUFS && answer.result != -EINTR && answer.result != -EAGAIN) {
        return true;
    }
    if (op.cancelled) {
        op.result = -ECANCELED;
        return true;
    }
    starving_.push_back(op);
    ++starving_count_;
    return false;
}

// As many as there are slots try again. Others may be faster; then these starve again, and whoever
// needs no slot after all leaves it to the next one.
void Uring::retry_starving() noexcept {
    for (std::uint32_t left = std::min(slots_inside_, starving_count_); left > 0; --left) {
        Op* op = starving_.pop_front();
        --starving_count_;
        prepare(*op);
    }
}

void Uring::expect_slots(std::uint32_t count) {
    assert(slots_ == nullptr);
    slot_places_ = std::bit_ceil(count);
    void* memory = mmap(nullptr, slot_places_ * sizeof(io_uring_buf), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert(memory != MAP_FAILED);
    slots_ = static_cast<io_uring_buf_ring*>(memory);
    io_uring_buf_reg place = {};
    place.ring_addr = reinterpret_cast<std::uintptr_t>(memory);
    place.ring_entries = slot_places_;
    place.bgid = kSlotGroup;
    const int registered = io_uring_register_buf_ring(&ring_, &place, 0);
    assert(registered == 0);
    static_cast<void>(registered);
}

void Uring::provide(std::uint16_t slot, std::span<std::uint8_t> memory) {
    io_uring_buf_ring_add(slots_, memory.data(), static_cast<unsigned>(memory.size()), slot,
                          static_cast<int>(slot_places_ - 1), 0);
    io_uring_buf_ring_advance(slots_, 1);
    ++slots_inside_;
    retry_starving();
}

// A plain call: a close that is queued would leave the port and the number in use for a while, and
// the kernel's work of taking a connection down is the same.
void Uring::close(int fd, Farewell farewell) noexcept {
    if (farewell == Farewell::reset) {
        kernel_reset_on_close(fd);
    }
    ::close(fd);
}

}  // namespace

Result<MadeUring> make_uring(const UringSwitches& wanted) {
    MadeUring made;
    auto ring = std::make_unique<Uring>();
    if (const int started = ring->start(wanted, made); started < 0) {
        return std::unexpected(std::errc(-started));
    }
    made.backend = std::move(ring);
    return made;
}

Result<std::unique_ptr<Backend>> make_uring() {
    auto made = make_uring({});
    if (!made) {
        return std::unexpected(made.error());
    }
    return std::move(made->backend);
}

}  // namespace ferry::io
