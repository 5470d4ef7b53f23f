#include "io/kernel_datagram.h"

#include <netinet/udp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace ferry::io {

namespace {

constexpr std::size_t kAtOnce = Backend::kDatagramsMax;
constexpr std::size_t kTailBytes = 65'536;  // more than the largest datagram

// What the kernel queues for us, in its own way of counting: a small datagram counts for 768 bytes
// or more, one in a network card's buffer for 2304 and more. The usual 208 KiB then hold some ninety
// datagrams, which a sender of video or of QUIC exceeds between two looks of ours. A queue that is
// empty takes no memory. The kernel lowers it to net.core.rmem_max, and doubles what it is given.
constexpr int kReceiveBytes = 1024 * 1024;

std::unexpected<std::errc> last_error() {
    return std::unexpected(std::errc(errno));
}

bool set_option(int fd, int level, int option, int value) {
    return setsockopt(fd, level, option, &value, sizeof value) == 0;
}

// As for a Listener, without SO_REUSEADDR: for datagrams it would let any process take the port
// over.
bool bind_datagrams(int fd, const Endpoint& at, Sharing sharing) {
    switch (sharing) {
        case Sharing::first:
            return bind(fd, at.address(), at.length()) == 0 &&
                   set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
        case Sharing::joining:
            return set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1) &&
                   bind(fd, at.address(), at.length()) == 0;
    }
    return false;
}

// Is this the kernel's report of what became of a datagram sent earlier? It is told once and says
// nothing about the next call.
bool is_report(int error) {
    switch (error) {
        case EINTR:
        case ECONNREFUSED:
        case ECONNRESET:
        case EHOSTDOWN:
        case EHOSTUNREACH:
        case ENETDOWN:
        case ENETUNREACH:
        case ENONET:
        case ENOPROTOOPT:
        case EPROTO:
        case EOPNOTSUPP:
        case EMSGSIZE:
        case EACCES:
        case EPERM:
            return true;
        default:
            return false;
    }
}

}  // namespace

Result<int> kernel_datagram(const Endpoint& local, Sharing sharing) {
    const int kind = SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK;
    const int fd = socket(local.address()->sa_family, kind, IPPROTO_UDP);
    if (fd < 0) {
        return last_error();
    }
    set_option(fd, SOL_SOCKET, SO_RCVBUF, kReceiveBytes);
    // Without it a socket on "::" would take the IPv4 port as well.
    const bool one_family =
        local.family() != Endpoint::Family::ipv6 || set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    if (!one_family || !bind_datagrams(fd, local, sharing)) {
        const auto error = last_error();
        ::close(fd);
        return error;
    }
    return fd;
}

Sent kernel_send_datagrams(int fd, std::span<const Datagram> all) noexcept {
    Sent sent;
    std::array<mmsghdr, kAtOnce> messages;
    std::array<iovec, kAtOnce> pieces;
    while (sent.taken < all.size()) {
        const auto next = all.subspan(sent.taken, std::min(kAtOnce, all.size() - sent.taken));
        for (std::size_t i = 0; i < next.size(); ++i) {
            pieces[i] = {.iov_base = next[i].bytes.data(), .iov_len = next[i].bytes.size()};
            messages[i] = {};
            // The kernel only reads the address.
            messages[i].msg_hdr.msg_name = const_cast<sockaddr*>(next[i].peer.address());
            messages[i].msg_hdr.msg_namelen = next[i].peer.length();
            messages[i].msg_hdr.msg_iov = &pieces[i];
            messages[i].msg_hdr.msg_iovlen = 1;
        }
        const int count = sendmmsg(fd, messages.data(), static_cast<unsigned>(next.size()),
                                   MSG_DONTWAIT | MSG_NOSIGNAL);
        if (count > 0) {
            sent.taken += static_cast<std::size_t>(count);
        } else if (errno == EAGAIN) {
            return sent;
        } else if (errno != EINTR) {
            // It concerns the first of them only.
            ++sent.taken;
            ++sent.skipped;
        }
    }
    return sent;
}

Tails::~Tails() {
    if (memory_ != nullptr) {
        munmap(memory_, kAtOnce * kTailBytes);
    }
}

void Tails::reserve() {
    void* memory = mmap(nullptr, kAtOnce * kTailBytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
        std::abort();
    }
    // A huge page would make the first large datagram cost two megabytes of memory.
    madvise(memory, kAtOnce * kTailBytes, MADV_NOHUGEPAGE);
    memory_ = static_cast<std::uint8_t*>(memory);
}

std::span<std::uint8_t> Tails::tail(std::size_t index) noexcept {
    return {memory_ + index * kTailBytes, kTailBytes};
}

Result<std::size_t> Tails::receive(int fd, std::span<Incoming> into) {
    assert(into.size() <= kAtOnce);
    if (memory_ == nullptr) {
        reserve();
    }
    std::array<mmsghdr, kAtOnce> messages;
    std::array<std::array<iovec, 2>, kAtOnce> pieces;
    for (std::size_t i = 0; i < into.size(); ++i) {
        pieces[i][0] = {.iov_base = into[i].place.data(), .iov_len = into[i].place.size()};
        pieces[i][1] = {.iov_base = tail(i).data(), .iov_len = kTailBytes};
        messages[i] = {};
        messages[i].msg_hdr.msg_name = into[i].peer.writable_address();
        messages[i].msg_hdr.msg_namelen = Endpoint::kLengthMax;
        messages[i].msg_hdr.msg_iov = pieces[i].data();
        messages[i].msg_hdr.msg_iovlen = pieces[i].size();
    }
    int count = -1;
    // Bounded: reports may come as fast as they are taken.
    for (int tries = 0; count < 0 && tries < 8; ++tries) {
        count = recvmmsg(fd, messages.data(), static_cast<unsigned>(into.size()), MSG_DONTWAIT,
                         nullptr);
        if (count < 0 && errno != EAGAIN && !is_report(errno)) {
            return last_error();
        }
        if (count < 0 && errno == EAGAIN) {
            return 0;
        }
    }
    const auto came = static_cast<std::size_t>(std::max(count, 0));
    for (std::size_t i = 0; i < came; ++i) {
        const std::size_t bytes = messages[i].msg_len;
        into[i].head_bytes = std::min(bytes, into[i].place.size());
        into[i].tail = tail(i).first(bytes - into[i].head_bytes);
    }
    return came;
}

}  // namespace ferry::io
