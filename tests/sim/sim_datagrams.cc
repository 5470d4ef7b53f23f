// The part of SimBackend that is about datagrams.
#include <algorithm>
#include <cassert>
#include <cstdint>
#include <functional>
#include <ranges>
#include <string>
#include <utility>

#include "tests/sim/sim_backend.h"

namespace ferry::sim {

namespace {

// The largest datagrams: 65 535 bytes less the headers of IPv4 and UDP; with IPv6, whose header
// does not count, less that of UDP.
constexpr std::size_t kIpv4BytesMax = 65'507;
constexpr std::size_t kIpv6BytesMax = 65'527;

// The kernel delivers what arrived together as one train; so many in one at most.
constexpr std::size_t kCarsMax = 64;

// Is it a socket of both families, which names IPv4 peers by their mapped addresses?
bool takes_both(const io::Endpoint& local) {
    return local.family() == io::Endpoint::Family::ipv6 && local.is_any();
}

bool can_be_sent(const io::Datagram& one, const io::Endpoint& from) {
    const bool ipv4 = one.peer.unmapped().family() == io::Endpoint::Family::ipv4;
    return one.peer.family() == from.family() && one.peer.port() != 0 &&
           one.bytes.size() <= (ipv4 ? kIpv4BytesMax : kIpv6BytesMax);
}

// May both be bound at the same time, on one host?
bool overlap(const io::Endpoint& a, const io::Endpoint& b) {
    const bool same_family = a.family() == b.family() || takes_both(a) || takes_both(b);
    return same_family && a.port() == b.port() && (a.is_any() || b.is_any() || a == b);
}

// Makes a train of `first` and those behind it that are of the same sender and size; the last one
// may be shorter. Gives the size of each, or 0 if it stays alone.
std::size_t couple(Port& port, Letter& first) {
    const std::size_t each_bytes = first.bytes.size();
    std::size_t last_bytes = each_bytes;
    bool is_train = false;
    for (const Letter* next = port.next(); next != nullptr; next = port.next()) {
        const std::size_t bytes = next->bytes.size();
        const bool fits = last_bytes == each_bytes && bytes > 0 && bytes <= each_bytes &&
                          first.bytes.size() + bytes <= kIpv4BytesMax &&
                          first.bytes.size() / each_bytes < kCarsMax;
        if (!fits || next->from != first.from) {
            break;
        }
        first.bytes.insert(first.bytes.end(), next->bytes.begin(), next->bytes.end());
        last_bytes = bytes;
        is_train = true;
        port.take();
    }
    return is_train ? each_bytes : 0;
}

}  // namespace

io::Result<int> SimBackend::datagram(const io::Endpoint& wanted, io::Sharing sharing) {
    world_.happened(wanted.port());
    if (full()) {
        return std::unexpected(std::errc::too_many_files_open);
    }
    if (!wanted.is_any() && !is_mine(wanted)) {
        return std::unexpected(std::errc::address_not_available);
    }
    io::Endpoint where = wanted;
    while (where.port() == 0 || (wanted.port() == 0 && !ports_at(host_, where).empty())) {
        where = wanted.with_port(world_.new_port());
    }
    if (sharing == io::Sharing::first && !ports_at(host_, where).empty()) {
        return std::unexpected(std::errc::address_in_use);
    }
    const int fd = world_.new_descriptor();
    Descriptor& made = descriptors_[fd];
    made.local = where;
    made.port = std::make_shared<Port>();
    return fd;
}

io::Result<int> SimBackend::duplicate(int fd) {
    if (full()) {
        return std::unexpected(std::errc::too_many_files_open);
    }
    const int copy = world_.new_descriptor();
    const Descriptor& one = at(fd);
    descriptors_[copy].local = one.local;
    descriptors_[copy].port = one.port;
    return copy;
}

// Every port of a host that what is sent to `at` may reach, on any of its cores.
std::vector<Port*> SimBackend::ports_at(const io::Endpoint& host, const io::Endpoint& at) const {
    std::vector<Port*> found;
    for (const SimBackend* backend : world_.backends()) {
        if (backend->host_.with_port(0) != host.with_port(0)) {
            continue;
        }
        for (const Descriptor& one : backend->descriptors_ | std::views::values) {
            if (one.port != nullptr && overlap(one.local, at)) {
                found.push_back(one.port.get());
            }
        }
    }
    return found;
}

io::Result<std::size_t> SimBackend::receive_datagrams(int fd, std::span<io::Incoming> into) {
    assert(into.size() <= kDatagramsMax);
    const Descriptor& socket = at(fd);
    Port& port = *socket.port;
    std::size_t count = 0;
    for (io::Incoming& one : into) {
        auto letter = port.take();
        if (!letter) {
            break;
        }
        std::vector<std::uint8_t>& bytes = tails_[count++];
        one.each_bytes = couple(port, *letter);
        bytes = std::move(letter->bytes);
        one.peer = takes_both(socket.local) ? letter->from.mapped() : letter->from;
        one.head_bytes = std::min(bytes.size(), one.place.size());
        std::ranges::copy(std::span(bytes).first(one.head_bytes), one.place.begin());
        one.tail = std::span(bytes).subspan(one.head_bytes);
        world_.happened(bytes.size());
    }
    return count;
}

io::Sent SimBackend::send_datagrams(int fd, std::span<const io::Datagram> all) noexcept {
    const Descriptor& socket = at(fd);
    io::Sent sent;
    for (const io::Datagram& one : all) {
        if (!socket.port->may_send()) {
            break;
        }
        ++sent.taken;
        if (can_be_sent(one, socket.local)) {
            post(socket, one);
        } else {
            ++sent.skipped;
        }
    }
    return sent;
}

void SimBackend::post(const Descriptor& socket, const io::Datagram& one) {
    world_.happened(one.bytes.size());
    Letter letter{.from = socket.local, .to = one.peer.unmapped(), .bytes = {}};
    letter.bytes.assign(one.bytes.begin(), one.bytes.end());
    const bool inside = letter.to.with_port(0) == io::Endpoint::loopback();
    if (letter.from.is_any()) {
        const io::Endpoint source = inside ? io::Endpoint::loopback() : host_;
        letter.from = source.with_port(socket.local.port());
    }
    socket.port->begin_sending();
    world_.at(world_.now() + world_.some_delay(), [late = std::weak_ptr(socket.port)] {
        if (const auto port = late.lock()) {
            port->end_sending();
        }
    });
    const Weather& weather = world_.weather();
    if (world_.random().chance(weather.loss)) {
        return;
    }
    const io::Endpoint host = inside ? host_ : letter.to;
    if (world_.random().chance(weather.duplicate)) {
        fly(*socket.port, host, letter);
    }
    fly(*socket.port, host, std::move(letter));
}

void SimBackend::fly(Port& from, const io::Endpoint& host, Letter letter) {
    io::TimePoint when = world_.now() + world_.some_delay();
    if (!world_.random().chance(world_.weather().overtake)) {
        when = std::max(when, from.last_arrival);
    }
    from.last_arrival = std::max(when, from.last_arrival);
    // By then this core may be gone: any other finds the way as well.
    world_.at(when, [&world = world_, host, letter = std::move(letter)] {
        if (!world.backends().empty()) {
            world.backends().front()->deliver(host, letter);
        }
    });
}

// Where several cores share the port, the two addresses decide which of them it is for.
void SimBackend::deliver(const io::Endpoint& host, const Letter& letter) {
    const auto ports = ports_at(host, letter.to);
    if (!ports.empty()) {
        const std::size_t hash = std::hash<std::string>()(letter.from.text());
        ports[hash % ports.size()]->arrive(letter);
    }
}

}  // namespace ferry::sim
