#include "tests/sim/node.h"

namespace ferry::sim {
namespace {

constexpr std::size_t kLogLines = 10'000;

std::array<std::uint8_t, 32> seed_from(World& world) {
    std::array<std::uint8_t, 32> seed{};
    for (std::uint8_t& byte : seed) {
        byte = static_cast<std::uint8_t>(world.random().below(256));
    }
    return seed;
}

}  // namespace

io::Task<io::Result<core::Endpoints>> FixedResolver::resolve(io::Scope& scope, std::string name,
                                                             std::uint16_t port, core::Families) {
    if (scope.stopping()) {
        co_return std::unexpected(std::errc::operation_canceled);
    }
    ++lookups_;
    while (held_.contains(name)) {
        ++waiting_;
        auto told = co_await told_.wait(scope);
        --waiting_;
        if (!told) {
            co_return std::unexpected(told.error());
        }
    }
    const auto found = known_.find(name);
    if (found == known_.end()) {
        co_return std::unexpected(std::errc::no_such_device_or_address);
    }
    core::Endpoints endpoints;
    for (const io::Endpoint& at : found->second) {
        endpoints.push_back(at.with_port(port));
    }
    co_return endpoints;
}

const crypto::Dispatch& dispatch() {
    static const crypto::Dispatch chosen = crypto::choose(crypto::detect());
    return chosen;
}

proto::vmess::UserId user() {
    return *proto::vmess::parse_uuid("b831381d-6324-4d53-ad4f-8cda48b30811");
}

core::Limits tight_limits() {
    core::Limits limits;
    limits.in_slots = 8;
    limits.out_slots = 3;
    limits.run_buffers = 2;
    limits.bulk_buffers = 1;
    limits.mux_slots = 3;
    limits.mux_patience = std::chrono::hours(1);  // what the wind may take
    return limits;
}

Node::Node(World& world, const io::Endpoint& host, const core::config::Config& config,
           const crypto::Dispatch& dispatch, const core::Limits& limits)
    : world_(world),
      limits_(limits),
      backend_(world, host),
      pools_(limits_),
      loop_(backend_, pools_.in),
      random_(seed_from(world)),
      queue_(kLogLines),
      log_(queue_, core::LogFilter{core::LogLevel::debug, true, core::LogStyle::v2ray},
           [this] { return core::WallTime(std::chrono::seconds(world_.unix_seconds())); }),
      replay_(world.random().next(), kReplaySlots),
      session_keys_(world.random().next(), kReplaySlots),
      root_(loop_),
      core_{.loop = loop_,
            .pools = pools_,
            .limits = limits_,
            .dispatch = dispatch,
            .random = random_,
            .resolver = resolver_,
            .log = log_,
            .stats = stats_,
            .meters = meters_,
            .replay = replay_,
            .session_keys = session_keys_,
            .skew_reports = skew_reports_,
            .kept_sockets = kept_sockets_,
            .snapshot = core::make_snapshot(config, dispatch),
            .drains = {},
            .room_for_sessions = {},
            .session_ended = {},
            .socket_kept = {},
            .post = [](std::move_only_function<void()> message) { message(); }},
      server_(std::make_unique<core::Server>(core_, root_)) {
    world_.drive(loop_);
    {
        io::Scope claiming(loop_);
        claiming.spawn(core::claim_ports(core_, *server_, claiming, core_.snapshot->ports,
                                         io::Sharing::first, claimed_));
        if (!claiming.empty()) {
            (void)world_.run([&claiming] { return claiming.empty(); });
        }
    }
    if (!claimed_) {
        return;
    }
    server_->start();
    no_others_ = {[](const core::Port&) {}, [](const io::Endpoint&) {}};
    for (const core::ChangingPorts& changing : core_.snapshot->changing) {
        server_->allocate(changing, no_others_);
    }
}

void Node::install(const core::config::Config& config) {
    server_->install(core::make_snapshot(config, core_.dispatch));
}

void Node::make_tokens() {
    for (const auto& table : core_.snapshot->tokens) {
        (void)table->advance(world_.unix_seconds());
    }
}

Node::~Node() {
    server_.reset();
    world_.release(loop_);
}

std::vector<std::string> Node::log() {
    std::vector<core::LogRecord> records;
    queue_.take(records);
    for (core::LogRecord& record : records) {
        lines_.push_back(std::move(record.text));
    }
    return lines_;
}

bool Node::pools_are_full() const {
    return pools_.hello.free_slots() == pools_.hello.slots() &&
           pools_.in.free_slots() == pools_.in.slots() &&
           pools_.run.free_slots() == pools_.run.slots() &&
           pools_.bulk.free_slots() == pools_.bulk.slots() &&
           pools_.mux.free_slots() == pools_.mux.slots() &&
           pools_.frames.free_slots() == pools_.frames.slots() &&
           pools_.out.free_slots() == pools_.out.slots() &&
           pools_.out_run.free_slots() == pools_.out_run.slots() &&
           pools_.out_bulk.free_slots() == pools_.out_bulk.slots();
}

}  // namespace ferry::sim
