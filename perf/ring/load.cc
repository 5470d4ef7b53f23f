#include "perf/ring/load.h"

#include <fmt/format.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "io/kernel.h"

namespace ferry::ring {

namespace {

constexpr int kPatienceMs = 10'000;  // without a byte: the relay has lost one
constexpr std::size_t kWriteBytes = 64 * 1024;
constexpr std::size_t kReadBytes = 256 * 1024;

// The program cannot do its work here at all.
[[noreturn]] void give_up(const char* what) {
    fmt::print(stderr, "perf_ring: {}: {}\n", what, std::strerror(errno));
    std::exit(2);
}

void must(bool is_fine, const char* what) {
    if (!is_fine) {
        give_up(what);
    }
}

// The bytes of all streams: one pattern, and each stream begins elsewhere in it. Its length is
// prime, so that no place of a buffer gets the same bytes in each round.
class Pattern {
public:
    Pattern() {
        std::uint32_t state = 1;
        for (std::size_t i = 0; i < bytes_.size(); ++i) {
            state = state * 1'664'525 + 1'013'904'223;  // the generator of Numerical Recipes
            bytes_[i] = i < kPeriod ? static_cast<std::uint8_t>(state >> 24) : bytes_[i - kPeriod];
        }
    }

    // At most kReadBytes.
    const std::uint8_t* at(std::uint32_t stream, std::uint64_t offset) const {
        return &bytes_[(offset + stream * std::uint64_t{4099}) % kPeriod];
    }

private:
    static constexpr std::size_t kPeriod = 65'521;
    std::vector<std::uint8_t> bytes_ = std::vector<std::uint8_t>(kPeriod + kReadBytes);
};

class Poller {
public:
    Poller() : fd_(epoll_create1(EPOLL_CLOEXEC)) { must(fd_ >= 0, "epoll_create1"); }
    Poller(const Poller&) = delete;
    Poller& operator=(const Poller&) = delete;
    ~Poller() { close(fd_); }

    void add(int fd, std::uint32_t events, std::uint32_t who) {
        epoll_event event = {.events = events, .data = {.u32 = who}};
        must(epoll_ctl(fd_, EPOLL_CTL_ADD, fd, &event) == 0, "epoll_ctl");
    }
    void remove(int fd) { epoll_ctl(fd_, EPOLL_CTL_DEL, fd, nullptr); }

    // Empty: nothing has happened for too long.
    std::span<const epoll_event> wait() {
        int count = -1;
        do {
            count = epoll_wait(fd_, events_.data(), static_cast<int>(events_.size()), kPatienceMs);
        } while (count < 0 && errno == EINTR);
        return std::span(events_).first(static_cast<std::size_t>(std::max(count, 0)));
    }

private:
    int fd_;
    std::array<epoll_event, 128> events_ = {};
};

void shut_down_all(std::span<const int> sockets) {
    for (const int fd : sockets) {
        shutdown(fd, SHUT_RDWR);
    }
}

std::string last_error(const char* what) {
    return fmt::format("{}: {}", what, std::strerror(errno));
}

// One end that sends a message and waits for its echo.
class Pinger {
public:
    Pinger(const Pattern& pattern, std::uint32_t stream, int fd, std::uint32_t messages)
        : pattern_(&pattern), stream_(stream), fd_(fd), left_(messages) {}

    std::string send_next() {
        const ssize_t sent = send(fd_, expected(), kMessageBytes, MSG_NOSIGNAL);
        return sent == ssize_t{kMessageBytes} ? "" : last_error("send of a message");
    }

    std::string receive() {
        std::array<std::uint8_t, kMessageBytes + 1> bytes;
        const ssize_t got = recv(fd_, bytes.data(), bytes.size() - got_, MSG_DONTWAIT);
        if (got <= 0) {
            return got == 0 ? "an echo ends too early" : last_error("recv of an echo");
        }
        const auto count = static_cast<std::uint32_t>(got);
        if (got_ + count > kMessageBytes ||
            std::memcmp(bytes.data(), expected() + got_, count) != 0) {
            return "an echo has other bytes than its message";
        }
        got_ += count;
        if (got_ < kMessageBytes) {
            return "";
        }
        got_ = 0;
        --left_;
        return left_ > 0 ? send_next() : "";
    }

    bool is_done() const { return left_ == 0; }

private:
    const std::uint8_t* expected() const {
        return pattern_->at(stream_, std::uint64_t{left_} * kMessageBytes);
    }

    const Pattern* pattern_;
    std::uint32_t stream_;
    int fd_;
    std::uint32_t left_;
    std::uint32_t got_ = 0;
};

std::string ping_all(std::span<const int> sockets, std::uint32_t messages) {
    const Pattern pattern;
    Poller poller;
    std::vector<Pinger> pingers;
    for (std::uint32_t i = 0; i < sockets.size(); ++i) {
        pingers.emplace_back(pattern, i, sockets[i], messages);
        poller.add(sockets[i], EPOLLIN, i);
    }
    for (Pinger& pinger : pingers) {
        if (std::string wrong = pinger.send_next(); !wrong.empty()) {
            return wrong;
        }
    }
    for (std::size_t open = sockets.size(); open > 0;) {
        const auto events = poller.wait();
        if (events.empty()) {
            return "an echo is missing";
        }
        for (const epoll_event& event : events) {
            Pinger& pinger = pingers[event.data.u32];
            if (std::string wrong = pinger.receive(); !wrong.empty()) {
                return wrong;
            }
            if (pinger.is_done()) {
                poller.remove(sockets[event.data.u32]);
                shutdown(sockets[event.data.u32], SHUT_WR);
                --open;
            }
        }
    }
    return "";
}

// All streams of bulk.
class Pourer {
public:
    Pourer(std::span<const int> sources, std::span<const int> sinks, std::uint64_t bytes)
        : sources_(sources), sinks_(sinks), bytes_(bytes), streams_(sources.size()) {
        for (std::uint32_t i = 0; i < streams_.size(); ++i) {
            poller_.add(sources_[i], EPOLLOUT, 2 * i);
            poller_.add(sinks_[i], EPOLLIN, 2 * i + 1);
        }
    }

    std::string run() {
        while (open_ > 0) {
            const auto events = poller_.wait();
            if (events.empty()) {
                return "bytes are missing";
            }
            for (const epoll_event& event : events) {
                const std::uint32_t stream = event.data.u32 / 2;
                std::string wrong = event.data.u32 % 2 == 0 ? write(stream) : read(stream);
                if (!wrong.empty()) {
                    return wrong;
                }
            }
        }
        return "";
    }

private:
    struct Stream {
        std::uint64_t written = 0;
        std::uint64_t read = 0;
    };

    std::string write(std::uint32_t i) {
        Stream& stream = streams_[i];
        const std::size_t count = std::min<std::uint64_t>(kWriteBytes, bytes_ - stream.written);
        const ssize_t sent =
            send(sources_[i], pattern_.at(i, stream.written), count, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0) {
            return errno == EAGAIN ? "" : last_error("send of bulk");
        }
        stream.written += static_cast<std::uint64_t>(sent);
        if (stream.written == bytes_) {
            poller_.remove(sources_[i]);
            shutdown(sources_[i], SHUT_WR);
        }
        return "";
    }

    std::string read(std::uint32_t i) {
        Stream& stream = streams_[i];
        const ssize_t got = recv(sinks_[i], buffer_.data(), buffer_.size(), MSG_DONTWAIT);
        if (got < 0) {
            return errno == EAGAIN ? "" : last_error("recv of bulk");
        }
        if (got == 0) {
            poller_.remove(sinks_[i]);
            --open_;
            return stream.read == bytes_ ? "" : "a stream ends too early";
        }
        const auto count = static_cast<std::size_t>(got);
        if (std::memcmp(buffer_.data(), pattern_.at(i, stream.read), count) != 0) {
            return fmt::format("stream {} has other bytes behind {}", i, stream.read);
        }
        stream.read += count;
        return stream.read <= bytes_ ? "" : "a stream has more bytes than were sent";
    }

    std::span<const int> sources_;
    std::span<const int> sinks_;
    std::uint64_t bytes_;
    std::vector<Stream> streams_;
    std::size_t open_ = streams_.size();
    Pattern pattern_;
    Poller poller_;
    std::vector<std::uint8_t> buffer_ = std::vector<std::uint8_t>(kReadBytes);
};

// Connects all of `batch`, and waits for the end of each.
std::string visit_once(const io::Endpoint& at, std::uint32_t batch) {
    Sockets sockets;
    for (std::uint32_t i = 0; i < batch; ++i) {
        const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        must(fd >= 0, "socket");
        sockets.add(fd);
        // A reset instead of an end: neither side keeps the pair of ports for a minute.
        io::kernel_reset_on_close(fd);
        if (connect(fd, at.address(), at.length()) != 0) {
            return last_error("connect");
        }
    }
    const timeval patience = {.tv_sec = kPatienceMs / 1000, .tv_usec = 0};
    for (const int fd : sockets.all()) {
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        std::uint8_t byte = 0;
        if (const ssize_t got = recv(fd, &byte, 1, 0); got != 0) {
            return got < 0 ? last_error("the end of a visit") : "a visit is given bytes";
        }
    }
    return "";
}

}  // namespace

Sockets::~Sockets() {
    for (const int fd : all_) {
        close(fd);
    }
}

void Sockets::shut_down() const {
    shut_down_all(all_);
}

void connect_pairs(std::uint32_t count, Sockets& relayed, Sockets& loaded) {
    Sockets listeners;
    io::Endpoint at;
    const int listener = listen_on_loopback(at);
    listeners.add(listener);
    for (std::uint32_t i = 0; i < count; ++i) {
        const auto near = io::kernel_stream(at, io::Waiting::in_kernel);
        must(near.has_value(), "socket");
        loaded.add(*near);
        must(connect(*near, at.address(), at.length()) == 0, "connect");
        const int far = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
        must(far >= 0, "accept");
        relayed.add(far);
    }
}

int listen_on_loopback(io::Endpoint& at) {
    const auto fd =
        io::kernel_listen(io::Endpoint::loopback(), io::Sharing::first, io::Waiting::in_kernel);
    must(fd.has_value(), "listen");
    at = io::kernel_local_endpoint(*fd).value();
    return *fd;
}

std::string ping(std::span<const int> sockets, std::uint32_t messages) {
    std::string wrong = ping_all(sockets, messages);
    if (!wrong.empty()) {
        shut_down_all(sockets);
    }
    return wrong;
}

std::string pour(std::span<const int> sources, std::span<const int> sinks, std::uint64_t bytes) {
    std::string wrong = Pourer(sources, sinks, bytes).run();
    if (!wrong.empty()) {
        shut_down_all(sources);
        shut_down_all(sinks);
    }
    return wrong;
}

std::string visit(const io::Endpoint& at, int listener, std::uint32_t count) {
    constexpr std::uint32_t kAtATime = 64;
    while (count > 0) {
        const std::uint32_t batch = std::min(count, kAtATime);
        if (std::string wrong = visit_once(at, batch); !wrong.empty()) {
            shutdown(listener, SHUT_RDWR);
            return wrong;
        }
        count -= batch;
    }
    return "";
}

Outcome outcome_of(const std::optional<Trouble>& trouble, const std::string& wrong,
                   const Cost& cost) {
    const bool is_refused = trouble && trouble->kind == Trouble::Kind::refused;
    if (is_refused || (trouble && wrong.empty())) {
        return std::unexpected(*trouble);
    }
    if (!wrong.empty()) {
        // Each ends when the other does, so that either may be the cause.
        const std::string ours = trouble ? "; relay: " + trouble->words : "";
        return std::unexpected(Trouble{.kind = Trouble::Kind::wrong, .words = wrong + ours});
    }
    return cost;
}

}  // namespace ferry::ring
