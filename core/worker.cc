#include "core/worker.h"

#include <fmt/format.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include <system_error>

#include "core/caching_resolver.h"
#include "core/claim.h"
#include "core/server.h"

namespace ferry::core {
namespace {

constexpr std::size_t kMailboxMessages = 4 * 65536;  // every port opened and closed

void pin_to(int cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(static_cast<std::size_t>(cpu), &set);
    // A container may forbid it; the scheduler then does what it likes, and nothing breaks.
    (void)pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

void name_thread(unsigned index) {
    const std::string name = fmt::format("ferry-{}", index);
    (void)pthread_setname_np(pthread_self(), name.c_str());
}

void block_signals() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

// The first core has the port; where this one cannot join, the others take its connections.
void join_port(Core& core, Server& server, const Port& port) {
    auto at = server.open(port, io::Sharing::joining);
    if (!at) {
        core.log.error(LogLevel::warning, 0, port.inbound->name(),
                       why_not_listening(port, at.error()));
    }
}

// All ports of one worker, in the order of its place.
Claimed listen_at(Core& core, Server& server, const Place& place) {
    Claimed claimed;
    io::Scope claiming(core.loop);
    claiming.spawn(claim_ports(core, server, claiming, place.ports, place.sharing, claimed));
    core.loop.run(claiming);
    return claimed;
}

}  // namespace

Worker::Worker(Shared& shared, Place place) : shared_(shared), place_(std::move(place)) {}

Worker::~Worker() {
    if (thread_.joinable()) {
        stop(io::Duration::zero());
        join();
    }
}

std::expected<std::vector<io::Endpoint>, std::string> Worker::prepare() {
    auto prepared = prepared_.get_future();
    thread_ = std::thread([this] { run(); });
    return prepared.get();
}

void Worker::go() {
    ordered_ = true;
    order_.set_value(Order::serve);
}

void Worker::stop(io::Duration grace) {
    if (!ordered_) {
        ordered_ = true;
        order_.set_value(Order::leave);
        return;
    }
    tell([this, grace] { stop_server_(grace); });
}

void Worker::open(const Port& port) {
    tell([this, port] { open_port_(port); });
}

void Worker::close(const io::Endpoint& at) {
    tell([this, at] { close_port_(at); });
}

// The box has room for more messages than there can be: a few ports every minute, and stops.
void Worker::tell(io::Mailbox::Message message) {
    std::lock_guard guard(mailbox_lock_);
    if (mailbox_ != nullptr) {
        (void)mailbox_->send(message);
    }
}

void Worker::join() {
    thread_.join();
}

void Worker::run() {
    block_signals();
    name_thread(place_.index);
    if (place_.cpu) {
        pin_to(*place_.cpu);
    }
    auto made = make_engine(shared_.backend, shared_.engine);
    if (!made) {
        prepared_.set_value(std::unexpected(fmt::format(
            "failed to set up the engine: {}", std::make_error_code(made.error()).message())));
        return;
    }
    engine_ = std::move(made->state);
    run_with(std::move(made->backend));
}

void Worker::run_with(std::unique_ptr<io::Backend> backend) {
    Pools pools(shared_.limits);
    io::Loop loop(*backend, pools.in);
    crypto::Random random(crypto::system_seed());
    CoreLog log(*place_.log, shared_.log_filter, [] { return std::chrono::system_clock::now(); });
    io::Scope root(loop);
    io::Scope resolving(loop);
    CachingResolver resolver(loop, ask_name_servers(resolving, NameServers{}));
    Core core{.loop = loop,
              .pools = pools,
              .limits = shared_.limits,
              .dispatch = shared_.dispatch,
              .random = random,
              .resolver = resolver,
              .log = log,
              .stats = stats_,
              .meters = meters_,
              .replay = shared_.replay,
              .session_keys = shared_.session_keys,
              .skew_reports = shared_.skew_reports,
              .kept_sockets = shared_.kept_sockets,
              .snapshot = counted_apart(shared_.snapshot),
              .drains = {},
              .room_for_sessions = {},
              .session_ended = {},
              .socket_kept = {},
              .post = [this](io::Mailbox::Message message) { tell(std::move(message)); }};
    {
        Server server(core, root);
        Claimed endpoints = listen_at(core, server, place_);
        if (!endpoints) {
            prepared_.set_value(std::unexpected(std::move(endpoints.error())));
            return;
        }
        io::Mailbox mailbox(loop, kMailboxMessages);
        stop_server_ = [&server](io::Duration grace) { server.stop(grace); };
        open_port_ = [&core, &server](const Port& port) { join_port(core, server, port); };
        close_port_ = [&server](const io::Endpoint& at) { server.close(at); };
        {
            std::lock_guard guard(mailbox_lock_);
            mailbox_ = &mailbox;
        }
        auto order = order_.get_future();
        prepared_.set_value(std::move(*endpoints));
        if (order.get() == Order::serve) {
            server.start();
            if (place_.index == 0) {
                for (const ChangingPorts& changing : shared_.snapshot->changing) {
                    server.allocate(changing, shared_.others);
                }
            }
            loop.run(root);
        }
        std::lock_guard guard(mailbox_lock_);
        mailbox_ = nullptr;
    }
    resolving.stop(io::Stop::shutdown);
    loop.run(resolving);
}

}  // namespace ferry::core
