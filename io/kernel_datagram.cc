#include "io/kernel_datagram.h"

#include <fcntl.h>
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

// Datagrams of one size to one peer pass through the kernel as one message, which it cuts at the
// end of its way (UDP_SEGMENT): on loopback, 32 of them cost a quarter to a fifth of the time, 2 of
// them three quarters. Its limits since Linux 4.18: 64 datagrams, and together not more bytes than
// the largest one has.
constexpr std::size_t kSegmentsMax = 64;
constexpr std::size_t kJoinedBytesMax = 65'507;

// And on the way in, such a train is left in one piece (UDP_GRO, since Linux 5.0): what the sender
// has not had cut, and what a network card has put together.

// What the kernel queues for us, in its own way of counting: a small datagram counts for some 768
// bytes, one in a network card's buffer for 2304 and more. The usual 208 KiB then hold some ninety
// datagrams, which a sender of video or of QUIC exceeds between two looks of ours. A queue that is
// empty takes no memory. The kernel lowers it to net.core.rmem_max, and doubles what it is given.
// What is to be sent keeps the usual size: whoever fills it waits, and a longer queue is only late.
constexpr int kReceiveBytes = 1024 * 1024;

std::unexpected<std::errc> what_failed() {
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

// How many datagrams at the front may leave as one message: to one peer, and of one size, except
// that the last one may be shorter. None may be empty.
std::size_t joined(std::span<const Datagram> all) {
    const Datagram& first = all.front();
    std::size_t bytes = first.bytes.size();
    std::size_t count = 1;
    while (count < std::min(all.size(), kSegmentsMax)) {
        const Datagram& last = all[count - 1];
        const Datagram& next = all[count];
        bytes += next.bytes.size();
        const bool fits = last.bytes.size() == first.bytes.size() && !next.bytes.empty() &&
                          next.bytes.size() <= first.bytes.size() && bytes <= kJoinedBytesMax;
        if (!fits || next.peer != first.peer) {
            break;
        }
        ++count;
    }
    return count;
}

enum class Joining : std::uint8_t { off, on };

// What one sendmmsg is told.
struct Outgoing {
    struct Control {
        alignas(cmsghdr) std::array<std::uint8_t, CMSG_SPACE(sizeof(std::uint16_t))> bytes;
    };

    // Makes messages of the first of `all`, as many as there is room for; gives how many.
    std::size_t pack(std::span<const Datagram> all, Joining joining) noexcept;
    void segment(std::size_t message, std::size_t bytes) noexcept;
    // How many datagrams are in the first so many messages?
    std::size_t datagrams_in(std::size_t count) const noexcept {
        std::size_t datagrams = 0;
        for (const mmsghdr& message : std::span(messages).first(count)) {
            datagrams += message.msg_hdr.msg_iovlen;
        }
        return datagrams;
    }

    std::array<mmsghdr, kAtOnce> messages;
    std::array<iovec, kSegmentsMax> pieces;  // one per datagram
    std::array<Control, kAtOnce> controls;
};

std::size_t Outgoing::pack(std::span<const Datagram> all, Joining joining) noexcept {
    std::size_t piece = 0;
    std::size_t count = 0;
    all = all.first(std::min(all.size(), pieces.size()));
    for (; !all.empty() && count < messages.size(); ++count) {
        const std::size_t here = joining == Joining::on ? joined(all) : 1;
        messages[count] = {};
        msghdr& message = messages[count].msg_hdr;
        // The kernel only reads the address.
        message.msg_name = const_cast<sockaddr*>(all.front().peer.address());
        message.msg_namelen = all.front().peer.length();
        message.msg_iov = &pieces[piece];
        message.msg_iovlen = here;
        for (const Datagram& one : all.first(here)) {
            pieces[piece++] = {.iov_base = one.bytes.data(), .iov_len = one.bytes.size()};
        }
        if (here > 1) {
            segment(count, all.front().bytes.size());
        }
        all = all.subspan(here);
    }
    return count;
}

// Has the kernel cut the message into datagrams of so many bytes.
void Outgoing::segment(std::size_t message, std::size_t bytes) noexcept {
    msghdr& header = messages[message].msg_hdr;
    controls[message] = {};
    header.msg_control = controls[message].bytes.data();
    header.msg_controllen = controls[message].bytes.size();
    cmsghdr* wish = CMSG_FIRSTHDR(&header);
    wish->cmsg_level = SOL_UDP;
    wish->cmsg_type = UDP_SEGMENT;
    wish->cmsg_len = CMSG_LEN(sizeof(std::uint16_t));
    const auto size = static_cast<std::uint16_t>(bytes);
    std::memcpy(CMSG_DATA(wish), &size, sizeof size);
}

// Where the kernel tells the size of the datagrams of a train.
struct TrainControl {
    alignas(cmsghdr) std::array<std::uint8_t, CMSG_SPACE(sizeof(int))> bytes;
};

// The size of each datagram, if the message is a train of several.
std::size_t each_bytes(msghdr& message, std::size_t whole_bytes) noexcept {
    for (cmsghdr* one = CMSG_FIRSTHDR(&message); one != nullptr; one = CMSG_NXTHDR(&message, one)) {
        if (one->cmsg_level == SOL_UDP && one->cmsg_type == UDP_GRO) {
            int size = 0;
            std::memcpy(&size, CMSG_DATA(one), sizeof size);
            const auto each = static_cast<std::size_t>(std::max(size, 0));
            return each < whole_bytes ? each : 0;
        }
    }
    return 0;
}

}  // namespace

Result<int> kernel_datagram(const Endpoint& local, Sharing sharing) {
    const int kind = SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK;
    const int fd = socket(local.address()->sa_family, kind, IPPROTO_UDP);
    if (fd < 0) {
        return what_failed();
    }
    set_option(fd, SOL_SOCKET, SO_RCVBUF, kReceiveBytes);
    set_option(fd, SOL_UDP, UDP_GRO, 1);  // where it is refused, all come one by one
    // "Every address" is one socket for both families, as for a Listener, whatever the machine's
    // own default is.
    const bool has_families = local.family() != Endpoint::Family::ipv6 ||
                              set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, local.is_any() ? 0 : 1);
    if (!has_families || !bind_datagrams(fd, local, sharing)) {
        const auto error = what_failed();
        ::close(fd);
        return error;
    }
    return fd;
}

Result<int> kernel_duplicate(int fd) {
    const int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (copy < 0) {
        return std::unexpected(std::errc(errno));
    }
    return copy;
}

Sent kernel_send_datagrams(int fd, std::span<const Datagram> all) noexcept {
    Sent sent;
    Outgoing outgoing;
    Joining joining = Joining::on;
    while (sent.taken < all.size()) {
        const auto count = outgoing.pack(all.subspan(sent.taken), joining);
        const int gone = sendmmsg(fd, outgoing.messages.data(), static_cast<unsigned>(count),
                                  MSG_DONTWAIT | MSG_NOSIGNAL);
        if (gone > 0) {
            sent.taken += outgoing.datagrams_in(static_cast<std::size_t>(gone));
        } else if (errno == EAGAIN) {
            return sent;
        } else if (errno == EINTR) {
            continue;
        } else if (outgoing.datagrams_in(1) > 1) {
            // They may be too large for the way there, or a device on it cannot do this; and if it
            // is something else, each of them has its own answer.
            joining = Joining::off;
        } else {
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
    std::array<TrainControl, kAtOnce> controls;
    for (std::size_t i = 0; i < into.size(); ++i) {
        pieces[i][0] = {.iov_base = into[i].place.data(), .iov_len = into[i].place.size()};
        pieces[i][1] = {.iov_base = tail(i).data(), .iov_len = kTailBytes};
        messages[i] = {};
        messages[i].msg_hdr.msg_name = into[i].peer.writable_address();
        messages[i].msg_hdr.msg_namelen = Endpoint::kLengthMax;
        messages[i].msg_hdr.msg_iov = pieces[i].data();
        messages[i].msg_hdr.msg_iovlen = pieces[i].size();
        messages[i].msg_hdr.msg_control = controls[i].bytes.data();
        messages[i].msg_hdr.msg_controllen = controls[i].bytes.size();
    }
    int count = -1;
    // Bounded: reports may come as fast as they are taken.
    for (int tries = 0; count < 0 && tries < 8; ++tries) {
        count = recvmmsg(fd, messages.data(), static_cast<unsigned>(into.size()), MSG_DONTWAIT,
                         nullptr);
        if (count < 0 && errno != EAGAIN && !is_report(errno)) {
            return what_failed();
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
        into[i].each_bytes = each_bytes(messages[i].msg_hdr, bytes);
    }
    return came;
}

}  // namespace ferry::io
