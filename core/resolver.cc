// The only file that knows c-ares. It makes the messages, reads the answers and decides when to ask
// again; its sockets are waited for in a scope of ours, and its timeouts sit in our wheel.
#include "core/resolver.h"

#include <ares.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <limits>
#include <utility>

#include "core/watched_sockets.h"
#include "io/condition.h"
#include "io/loop.h"

namespace ferry::core {

namespace {

// One c-ares channel: the servers of one reading of resolv.conf, and what is being asked of them.
//
//   lifetime  idle when destroyed
class Channel : private io::Timer {
public:
    Channel(io::Scope& home, const NameServers& how);
    Channel(const Channel&) = delete;
    ~Channel() override;

    void ask(const std::string& name, Families families, NameSource::Done done);

    // Is nothing asked, and nothing left in the home scope?
    bool idle() const noexcept { return asked_ == 0 && !guarded_ && sockets_.idle(); }

private:
    struct Question {
        Channel& channel;
        NameSource::Done done;
    };
    struct Answered {
        NameSource::Done done;
        NameSource::Answer answer;
    };

    static void answered(void* question, int status, int timeouts, ares_addrinfo* found);
    void fire() noexcept override;
    void step(int fd, std::uint32_t events);
    void settle();
    io::Task<void> guard();

    io::Scope& home_;
    io::Loop& loop_;
    WatchedSockets sockets_;
    ares_channel channel_;
    std::size_t asked_ = 0;
    std::vector<Answered> answered_;  // not told yet
    bool guarded_ = false;
    io::Condition all_answered_;
};

// The system's name servers, as they are at the moment.
class AresSource final : public NameSource {
public:
    AresSource(io::Scope& home, NameServers how);

    void ask(const std::string& name, Families families, Done done) override;
    void refresh() override { stale_ = true; }

private:
    // What tells one version of a file from the next.
    struct Version {
        dev_t device = 0;
        ino_t inode = 0;
        off_t bytes = 0;
        std::int64_t seconds = 0;
        std::int64_t nanoseconds = 0;

        friend bool operator==(const Version&, const Version&) = default;
    };

    Version version() const;
    bool has_changed();
    Channel& channel();

    io::Scope& home_;
    const NameServers how_;
    Version version_;
    io::TimePoint looked_at_;
    bool stale_ = true;
    std::vector<std::unique_ptr<Channel>> channels_;  // the last is asked, the others still answer
};

std::errc error_of(int status);
NameSource::Answer answer_of(int status, const ares_addrinfo* found);
int family_of(Families families);
ares_channel make_channel(const NameServers& how, WatchedSockets& sockets);

}  // namespace

std::unique_ptr<NameSource> ask_name_servers(io::Scope& home, NameServers how) {
    return std::make_unique<AresSource>(home, std::move(how));
}

namespace {

// ---- AresSource

AresSource::AresSource(io::Scope& home, NameServers how) : home_(home), how_(std::move(how)) {}

void AresSource::ask(const std::string& name, Families families, Done done) {
    if (home_.stopping()) {
        done({std::unexpected(std::errc::operation_canceled), {}});
        return;
    }
    channel().ask(name, families, std::move(done));
}

Channel& AresSource::channel() {
    if (has_changed()) {
        std::erase_if(channels_, [](const auto& channel) { return channel->idle(); });
        channels_.push_back(std::make_unique<Channel>(home_, how_));
    }
    return *channels_.back();
}

bool AresSource::has_changed() {
    if (std::exchange(stale_, false)) {
        version_ = version();
        looked_at_ = home_.loop().now();
        return true;
    }
    if (home_.loop().now() - looked_at_ < how_.resolv_conf_max_age) {
        return false;
    }
    looked_at_ = home_.loop().now();
    const Version before = std::exchange(version_, version());
    return before != version_;
}

AresSource::Version AresSource::version() const {
    struct stat status = {};
    if (::stat(how_.resolv_conf.c_str(), &status) != 0) {
        return {};
    }
    return {status.st_dev, status.st_ino, status.st_size, status.st_mtim.tv_sec,
            status.st_mtim.tv_nsec};
}

// ---- Channel

Channel::Channel(io::Scope& home, const NameServers& how)
    : home_(home),
      loop_(home.loop()),
      sockets_(home, [this](int fd, std::uint32_t events) { step(fd, events); }),
      channel_(make_channel(how, sockets_)) {}

Channel::~Channel() {
    assert(idle());
    loop_.timers().disarm(*this);
    if (channel_ != nullptr) {
        ares_destroy(channel_);
    }
}

void Channel::ask(const std::string& name, Families families, NameSource::Done done) {
    if (channel_ == nullptr) {
        done({std::unexpected(std::errc::network_unreachable), {}});
        return;
    }
    ++asked_;
    ares_addrinfo_hints hints = {};
    hints.ai_family = family_of(families);
    hints.ai_socktype = SOCK_STREAM;
    auto question = std::make_unique<Question>(*this, std::move(done));
    ares_getaddrinfo(channel_, name.c_str(), nullptr, &hints, &Channel::answered,
                     question.release());
    if (!guarded_ && answered_.size() < asked_) {
        guarded_ = true;
        home_.spawn(guard());
    }
    settle();
}

// Whoever wants to know is not told from in here: c-ares is in the middle of its own business.
void Channel::answered(void* question, int status, int, ares_addrinfo* found) {
    const std::unique_ptr<Question> owner(static_cast<Question*>(question));
    owner->channel.answered_.push_back({std::move(owner->done), answer_of(status, found)});
    if (found != nullptr) {
        ares_freeaddrinfo(found);
    }
}

void Channel::fire() noexcept {
    step(ARES_SOCKET_BAD, 0);  // no socket, but some question has waited long enough
}

void Channel::step(int fd, std::uint32_t events) {
    const int readable = (events & POLLIN) != 0 ? fd : ARES_SOCKET_BAD;
    const int writable = (events & POLLOUT) != 0 ? fd : ARES_SOCKET_BAD;
    ares_process_fd(channel_, readable, writable);
    settle();
}

// Sets the timer and tells the answers, after each time that c-ares was called.
void Channel::settle() {
    timeval left = {};
    if (ares_timeout(channel_, nullptr, &left) == nullptr) {
        loop_.timers().disarm(*this);
    } else {
        const auto time =
            std::chrono::seconds(left.tv_sec) + std::chrono::microseconds(left.tv_usec);
        loop_.timers().arm(*this, loop_.now() + time);
    }
    std::vector<Answered> answered = std::exchange(answered_, {});
    asked_ -= answered.size();
    if (asked_ == 0) {
        all_answered_.notify_all();
    }
    // Last: whoever is told may ask again, find a new resolv.conf and end this channel.
    for (Answered& one : answered) {
        one.done(std::move(one.answer));
    }
}

// While something is being asked, notices that the home scope is stopped.
io::Task<void> Channel::guard() {
    while (asked_ > 0) {
        auto changed = co_await all_answered_.wait(home_);
        if (!changed) {
            ares_cancel(channel_);
            settle();
            assert(asked_ == 0);
        }
    }
    guarded_ = false;
}

// ---- between c-ares and us

int open_socket(int domain, int type, int protocol, void* sockets) {
    return static_cast<WatchedSockets*>(sockets)->open(domain, type, protocol);
}

int close_socket(int fd, void* sockets) {
    static_cast<WatchedSockets*>(sockets)->close(fd);
    return 0;
}

int connect_socket(int fd, const sockaddr* to, socklen_t bytes, void*) {
    return ::connect(fd, to, bytes);
}

ssize_t receive(int fd, void* to, size_t bytes, int flags, sockaddr* from, socklen_t* from_bytes,
                void*) {
    return ::recvfrom(fd, to, bytes, flags, from, from_bytes);
}

ssize_t send(int fd, const iovec* pieces, int count, void*) {
    msghdr message = {};
    message.msg_iov = const_cast<iovec*>(pieces);  // not const because msghdr also serves receivers
    message.msg_iovlen = static_cast<std::size_t>(count);
    const ssize_t sent = ::sendmsg(fd, &message, MSG_NOSIGNAL);
    if (sent >= 0 || errno != ECONNREFUSED) {
        return sent;
    }
    // Over UDP this is about an earlier datagram, and it is told only once: c-ares would give up
    // the wrong question and wait for the other one. Sent again, it is told to the next receive,
    // where c-ares gives up the server.
    return ::sendmsg(fd, &message, MSG_NOSIGNAL);
}

constexpr ares_socket_functions kSocketFunctions = {open_socket, close_socket, connect_socket,
                                                    receive, send};

void set_interest(void* sockets, int fd, int readable, int writable) {
    const std::uint32_t events = (readable != 0 ? POLLIN : 0U) | (writable != 0 ? POLLOUT : 0U);
    static_cast<WatchedSockets*>(sockets)->set_interest(fd, events);
}

bool set_servers(ares_channel channel, const Endpoints& servers) {
    std::vector<ares_addr_port_node> nodes(servers.size());
    for (std::size_t index = 0; index < nodes.size(); ++index) {
        ares_addr_port_node& node = nodes[index];
        const io::Endpoint& server = servers[index];
        node.next = index + 1 < nodes.size() ? &nodes[index + 1] : nullptr;
        node.family = server.address()->sa_family;
        node.udp_port = server.port();
        node.tcp_port = server.port();
        assert(server.ip().size() <= sizeof(node.addr));
        std::memcpy(&node.addr, server.ip().data(), server.ip().size());
    }
    return ares_set_servers_ports(channel, nodes.data()) == ARES_SUCCESS;
}

// Null where c-ares cannot start: without memory, or with a resolv.conf that cannot be read.
ares_channel make_channel(const NameServers& how, WatchedSockets& sockets) {
    // c-ares wants this once per process; it takes nothing that would have to be given back.
    static const int ready = ares_library_init(ARES_LIB_INIT_ALL);
    if (ready != ARES_SUCCESS) {
        return nullptr;
    }
    std::string lookups = "fb";  // files, then servers, whatever nsswitch.conf says of further ways
    std::string resolv_conf = how.resolv_conf.empty() ? "/dev/null" : how.resolv_conf;
    ares_options options = {};
    options.timeout = static_cast<int>(how.timeout.count());
    options.tries = how.tries;
    options.lookups = lookups.data();
    options.resolvconf_path = resolv_conf.data();
    options.sock_state_cb = set_interest;
    options.sock_state_cb_data = &sockets;
    int used = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS | ARES_OPT_RESOLVCONF |
               ARES_OPT_SOCK_STATE_CB;
    if (how.resolv_conf.empty()) {
        used |= ARES_OPT_DOMAINS;  // none, not even that of the machine's own name
    }
    ares_channel channel = nullptr;
    if (ares_init_options(&channel, &options, used) != ARES_SUCCESS) {
        return nullptr;
    }
    ares_set_socket_functions(channel, &kSocketFunctions, &sockets);
    if (!how.servers.empty() && !set_servers(channel, how.servers)) {
        ares_destroy(channel);
        return nullptr;
    }
    return channel;
}

int family_of(Families families) {
    switch (families) {
        case Families::any:
            return AF_UNSPEC;
        case Families::ipv4:
            return AF_INET;
        case Families::ipv6:
            return AF_INET6;
    }
    std::unreachable();
}

NameSource::Answer answer_of(int status, const ares_addrinfo* found) {
    if (status != ARES_SUCCESS) {
        return {std::unexpected(error_of(status)), {}};
    }
    Endpoints addresses;
    int lifetime = std::numeric_limits<int>::max();
    for (const ares_addrinfo_node* node = found->nodes; node != nullptr; node = node->ai_next) {
        io::Endpoint endpoint;
        if (node->ai_addrlen > io::Endpoint::kLengthMax) {
            continue;
        }
        std::memcpy(endpoint.writable_address(), node->ai_addr, node->ai_addrlen);
        addresses.push_back(endpoint);
        lifetime = std::min(lifetime, node->ai_ttl);
    }
    // An alias may end before what it points to.
    for (const ares_addrinfo_cname* alias = found->cnames; alias != nullptr; alias = alias->next) {
        lifetime = std::min(lifetime, alias->ttl);
    }
    if (addresses.empty()) {
        return {std::unexpected(std::errc::no_such_device_or_address), {}};
    }
    return {std::move(addresses), std::chrono::seconds(std::max(lifetime, 0))};
}

std::errc error_of(int status) {
    switch (status) {
        case ARES_ENODATA:
        case ARES_ENOTFOUND:
        case ARES_ENONAME:
            return std::errc::no_such_device_or_address;
        case ARES_EBADNAME:
            return std::errc::invalid_argument;
        case ARES_ETIMEOUT:
            return std::errc::timed_out;
        case ARES_ECANCELLED:
        case ARES_EDESTRUCTION:
            return std::errc::operation_canceled;
        default:  // refused, failed, not understood, out of memory or descriptors
            return std::errc::network_unreachable;
    }
}

}  // namespace

}  // namespace ferry::core
