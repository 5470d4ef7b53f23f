#include "io/epoll.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <chrono>
#include <deque>
#include <limits>
#include <utility>

#include "io/buffer.h"
#include "io/kernel.h"
#include "io/kernel_datagram.h"

namespace ferry::io {

namespace {

constexpr int kEvents = 256;  // per call; more wait for the next turn

// One system call for an operation: bytes, a descriptor, or a negated errno.
std::int32_t outcome(std::int64_t result) {
    return static_cast<std::int32_t>(result < 0 ? -errno : result);
}

// Has this one bytes to take, and found no slot?
bool starves(const Op& op) {
    return op.kind == Op::Kind::recv_slot && op.extra != 0;
}

// Every operation is tried when the turn begins to wait. One that would block is parked at its
// descriptor and tried again after an event there: edges, so each socket is registered once in its
// life.
class Epoll final : public Backend {
public:
    Epoll() : epoll_(epoll_create1(EPOLL_CLOEXEC)) {}
    ~Epoll() override;
    bool start() noexcept;

    void submit(Op& op) override { fresh_.push_back(op); }
    void cancel(Op& op) noexcept override;
    void wait(TimePoint until, std::vector<Op*>& done) override;
    void wake() noexcept override { wake_.signal(); }

    void expect_slots(std::uint32_t count) override { slots_.reserve(count); }
    void provide(std::uint16_t slot, std::span<std::uint8_t> memory) override;
    std::uint32_t starving() const noexcept override { return starving_count_; }

    Result<int> listen(const Endpoint& at, Sharing sharing) override {
        return kernel_listen(at, sharing, Waiting::by_us);
    }
    Result<void> bind(int fd, const Endpoint& local) override { return kernel_bind(fd, local); }
    Result<int> stream(const Endpoint& towards) override {
        return kernel_stream(towards, Waiting::by_us);
    }
    Result<int> datagram(const Endpoint& local, Sharing sharing) override {
        return kernel_datagram(local, sharing);
    }
    Result<std::size_t> receive_datagrams(int fd, std::span<Incoming> into) override {
        return tails_.receive(fd, into);
    }
    Result<int> duplicate(int fd) override { return kernel_duplicate(fd); }
    void let_go(int fd) noexcept override;
    Sent send_datagrams(int fd, std::span<const Datagram> all) noexcept override {
        return kernel_send_datagrams(fd, all);
    }
    bool was_reset(int fd) const noexcept override { return kernel_was_reset(fd); }
    Result<Endpoint> local_endpoint(int fd) const override { return kernel_local_endpoint(fd); }
    Result<Endpoint> peer_endpoint(int fd) const override { return kernel_peer_endpoint(fd); }
    void close(int fd, Farewell farewell) noexcept override;

    TimePoint now() const noexcept override { return std::chrono::steady_clock::now(); }
    std::int64_t unix_seconds() const noexcept override { return kernel_unix_seconds(); }

private:
    struct Entry {
        List<Op, InQueue> parked;
        bool registered = false;  // for edges; descriptors of others are registered shot by shot
    };
    struct Slot {
        std::uint16_t number;
        std::span<std::uint8_t> memory;
    };

    Entry& entry(int fd);
    void attempt(Op& op, std::vector<Op*>& done);
    bool answered(Op& op);
    bool connected(Op& op);
    bool received_slot(Op& op);
    bool sent(Op& op);
    void park(Op& op, std::vector<Op*>& done);
    bool register_for(Op& op);
    void retry_starving() noexcept;
    void retry(int fd, std::uint32_t events, std::vector<Op*>& done);

    int epoll_;
    WakeEvent wake_;
    Tails tails_;
    std::deque<Entry> entries_;   // by descriptor; a deque, because a list does not move
    List<Op, InQueue> fresh_;     // submitted, not yet tried
    List<Op, InQueue> answered_;  // cancelled
    List<Op, InQueue> starving_;  // first come, first served
    std::uint32_t starving_count_ = 0;
    std::vector<Slot> slots_;  // a stack: the last one is in the cache
};

Epoll::~Epoll() {
    if (epoll_ >= 0) {
        ::close(epoll_);
    }
}

bool Epoll::start() noexcept {
    if (epoll_ < 0 || wake_.fd() < 0) {
        return false;
    }
    epoll_event wanted = {};
    wanted.events = EPOLLIN;
    wanted.data.fd = wake_.fd();
    return epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_.fd(), &wanted) == 0;
}

Epoll::Entry& Epoll::entry(int fd) {
    const auto index = static_cast<std::size_t>(fd);
    while (entries_.size() <= index) {
        entries_.emplace_back();
    }
    return entries_[index];
}

void Epoll::cancel(Op& op) noexcept {
    assert(op.queued());
    op.Hook<InQueue>::unlink();
    if (starves(op)) {
        --starving_count_;
    }
    op.result = -ECANCELED;
    answered_.push_back(op);
}

void Epoll::wait(TimePoint until, std::vector<Op*>& done) {
    // Only what is there now: an operation that starves again is tried in the next turn.
    List<Op, InQueue> trying;
    trying.take_all(fresh_);
    while (Op* op = trying.pop_front()) {
        attempt(*op, done);
    }
    while (Op* op = answered_.pop_front()) {
        done.push_back(op);
    }

    int timeout_ms = 0;
    if (done.empty() && until > now()) {
        // Rounded up: a timer must not find that it is a little too early, again and again.
        using std::chrono::milliseconds;
        const auto left =
            until == kNever ? milliseconds(-1) : std::chrono::ceil<milliseconds>(until - now());
        timeout_ms =
            static_cast<int>(std::min<std::int64_t>(left.count(), std::numeric_limits<int>::max()));
    }
    std::array<epoll_event, kEvents> events;
    const int count = epoll_wait(epoll_, events.data(), kEvents, timeout_ms);
    assert(count >= 0 || errno == EINTR);
    for (int i = 0; i < count; ++i) {
        const epoll_event& event = events[static_cast<std::size_t>(i)];
        if (event.data.fd == wake_.fd()) {
            wake_.drain();
        } else {
            retry(event.data.fd, event.events, done);
        }
    }
    retry_starving();
}

void Epoll::retry(int fd, std::uint32_t events, std::vector<Op*>& done) {
    const bool readable = (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0;
    const bool writable = (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0;
    Entry& at = entry(fd);
    List<Op, InQueue> trying;
    trying.take_all(at.parked);
    while (Op* op = trying.pop_front()) {
        const bool sends = op->kind == Op::Kind::send || op->kind == Op::Kind::sendv ||
                           op->kind == Op::Kind::connect;
        if (op->kind == Op::Kind::poll || (sends ? writable : readable)) {
            attempt(*op, done);
        } else {
            at.parked.push_back(*op);
        }
    }
}

void Epoll::attempt(Op& op, std::vector<Op*>& done) {
    if (answered(op)) {
        done.push_back(&op);
    } else if (starves(op)) {
        starving_.push_back(op);
        ++starving_count_;
    } else {
        park(op, done);
    }
}

// Tries once. False: the operation would block, or starves.
bool Epoll::answered(Op& op) {
    switch (op.kind) {
        case Op::Kind::accept:
            op.extra = Endpoint::kLengthMax;
            op.result = outcome(accept4(op.fd, op.target.peer->writable_address(), &op.extra,
                                        SOCK_NONBLOCK | SOCK_CLOEXEC));
            return op.result != -EAGAIN;
        case Op::Kind::connect:
            return connected(op);
        case Op::Kind::recv:
            op.result = outcome(::recv(op.fd, op.target.buffer->room().data(), op.count, 0));
            return op.result != -EAGAIN;
        case Op::Kind::recv_slot:
            return received_slot(op);
        case Op::Kind::send:
        case Op::Kind::sendv:
            return sent(op);
        case Op::Kind::shutdown:
            op.result = outcome(::shutdown(op.fd, SHUT_WR));
            return true;
        case Op::Kind::poll: {
            pollfd look = {.fd = op.fd, .events = static_cast<short>(op.extra), .revents = 0};
            const int found = ::poll(&look, 1, 0);
            op.result = found < 0 ? -errno : look.revents;
            return op.result != 0;
        }
        case Op::Kind::local:
            assert(false);
            return true;
    }
    return true;
}

bool Epoll::connected(Op& op) {
    if (op.done == 0) {
        op.done = 1;  // begun: connect() must not be called twice, it might begin again
        op.result = outcome(::connect(op.fd, op.target.peer->address(), op.target.peer->length()));
        return op.result != -EINPROGRESS && op.result != -EINTR;
    }
    int error = 0;
    socklen_t length = sizeof error;
    getsockopt(op.fd, SOL_SOCKET, SO_ERROR, &error, &length);
    op.result = -error;
    return error != 0 || kernel_peer_endpoint(op.fd).has_value();
}

bool Epoll::received_slot(Op& op) {
    op.extra = 0;
    if (!slots_.empty()) {
        const Slot slot = slots_.back();
        op.result = outcome(::recv(op.fd, slot.memory.data(), slot.memory.size(), 0));
        if (op.result > 0) {
            slots_.pop_back();
            op.slot = slot.number;
        }
        return op.result != -EAGAIN;
    }
    // Only what has bytes to take needs a slot: the end of a stream and an error do not wait for
    // one.
    std::uint8_t first = 0;
    op.result = outcome(::recv(op.fd, &first, sizeof first, MSG_PEEK));
    op.extra = op.result > 0 ? 1 : 0;
    return !starves(op) && op.result != -EAGAIN;
}

bool Epoll::sent(Op& op) {
    for (;;) {
        const Rest rest = rest_of(op);
        std::int64_t result = 0;
        if (rest.pieces == nullptr) {
            result = ::send(op.fd, rest.bytes, rest.count, MSG_NOSIGNAL);
        } else {
            msghdr message = {};
            message.msg_iov = const_cast<iovec*>(rest.pieces);
            message.msg_iovlen = rest.count;
            result = ::sendmsg(op.fd, &message, MSG_NOSIGNAL);
        }
        if (result < 0 && errno == EAGAIN) {
            return false;
        }
        if (send_progress(op, outcome(result))) {
            return true;
        }
    }
}

void Epoll::park(Op& op, std::vector<Op*>& done) {
    if (!register_for(op)) {
        op.result = -errno;
        done.push_back(&op);
        return;
    }
    entry(op.fd).parked.push_back(op);
}

bool Epoll::register_for(Op& op) {
    Entry& at = entry(op.fd);
    if (at.registered) {
        return true;
    }
    epoll_event wanted = {};
    wanted.data.fd = op.fd;
    if (op.kind == Op::Kind::poll) {
        // Somebody else's descriptor may be closed, and its number used again, without our knowing:
        // nothing is remembered about it. Other polls of the same one are asked for again with it.
        wanted.events = EPOLLONESHOT | op.extra;
        at.parked.each([&wanted](Op& other) { wanted.events |= other.extra; });
    } else {
        wanted.events = EPOLLIN | EPOLLOUT | EPOLLET;
        at.registered = true;
    }
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, op.fd, &wanted) == 0) {
        return true;
    }
    return errno == EEXIST && epoll_ctl(epoll_, EPOLL_CTL_MOD, op.fd, &wanted) == 0;
}

void Epoll::provide(std::uint16_t slot, std::span<std::uint8_t> memory) {
    slots_.push_back({slot, memory});
    retry_starving();
}

// As many as there are slots try again. Others may be faster; then these starve again, and whoever
// needs no slot after all leaves it to the next one.
void Epoll::retry_starving() noexcept {
    auto left = std::min<std::size_t>(slots_.size(), starving_count_);
    for (; left > 0; --left) {
        Op* op = starving_.pop_front();
        --starving_count_;
        op->extra = 0;
        fresh_.push_back(*op);
    }
}

// A socket that has other descriptors does not leave the set by being closed.
void Epoll::let_go(int fd) noexcept {
    Entry& at = entry(fd);
    assert(at.parked.empty());
    if (std::exchange(at.registered, false)) {
        epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, nullptr);
    }
}

void Epoll::close(int fd, Farewell farewell) noexcept {
    let_go(fd);
    if (farewell == Farewell::reset) {
        kernel_reset_on_close(fd);
    }
    ::close(fd);
}

}  // namespace

Result<std::unique_ptr<Backend>> make_epoll() {
    auto made = std::make_unique<Epoll>();
    if (!made->start()) {
        return std::unexpected(std::errc(errno));
    }
    return made;
}

}  // namespace ferry::io
