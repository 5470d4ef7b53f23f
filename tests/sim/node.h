// Node: one core of the real program on a simulated machine.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/allocation.h"
#include "core/claim.h"
#include "core/config.h"
#include "core/core.h"
#include "core/server.h"
#include "core/snapshot.h"
#include "crypto/dispatch.h"
#include "io/condition.h"
#include "proto/vmess/keys.h"
#include "tests/sim/sim_backend.h"
#include "tests/sim/world.h"

namespace ferry::sim {

// Names that are known from the beginning; everything else does not exist.
class FixedResolver final : public core::Resolver {
public:
    void add(const std::string& name, const io::Endpoint& at) { known_[name].push_back(at); }
    // Whoever asks for a held name waits until it is told.
    void hold(const std::string& name) { held_.insert(name); }
    void tell(const std::string& name) {
        held_.erase(name);
        told_.notify_all();
    }
    std::size_t waiting() const noexcept { return waiting_; }
    std::size_t lookups() const noexcept { return lookups_; }
    io::Task<io::Result<core::Endpoints>> resolve(io::Scope& scope, std::string name,
                                                  std::uint16_t port,
                                                  core::Families families) override;

private:
    std::map<std::string, core::Endpoints> known_;
    std::set<std::string> held_;
    io::Condition told_;
    std::size_t waiting_ = 0;
    std::size_t lookups_ = 0;
};

// The rows that this machine would use.
const crypto::Dispatch& dispatch();

// The one user of the simulated servers, and where such a server lives.
proto::vmess::UserId user();
inline const io::Endpoint kServerHost = *io::Endpoint::from_literal("10.0.0.2", 0);

// Of the replay filters of a node: 3 584 tokens each, so that a test can fill them.
inline constexpr std::size_t kReplaySlots = 64;

// Few slots, so that whoever needs one has to wait for it now and then.
core::Limits tight_limits();

// One core with a configuration, listening and serving from the beginning; time passes before that
// only where a port is taken.
//
//   end  stop() and let the world run until ended(); the destructor asserts that everything is back
class Node {
public:
    Node(World& world, const io::Endpoint& host, const core::config::Config& config,
         const crypto::Dispatch& dispatch, const core::Limits& limits);
    Node(const Node&) = delete;
    ~Node();

    // Replaces what is configured; see core::Server::install().
    void install(const core::config::Config& config);
    void stop(io::Duration grace) { server_->stop(grace); }
    bool ended() const { return root_.empty(); }

    // Makes the tokens of the older header around now; nobody keeps them current afterwards.
    void make_tokens();

    const io::Endpoint& at(std::size_t port) const { return claimed_->at(port); }
    // Where a port has stayed taken nobody is served, and these are the words for it.
    const core::Claimed& claimed() const noexcept { return claimed_; }
    FixedResolver& resolver() noexcept { return resolver_; }
    // Of the n-th inbound whose ports come and go: those that listen, oldest first.
    std::vector<std::uint16_t> listening(std::size_t index) const {
        const auto& all = server_->allocations();
        return std::next(all.begin(), static_cast<std::ptrdiff_t>(index))->listening();
    }
    const core::Snapshot& snapshot() const noexcept { return *core_.snapshot; }
    core::StatsShard& stats() noexcept { return stats_; }
    const core::KeptSockets& kept_sockets() const noexcept { return kept_sockets_; }
    const core::Meters& meters() const noexcept { return meters_; }
    core::ReplayFilter& replay() noexcept { return replay_; }
    core::ReplayFilter& session_keys() noexcept { return session_keys_; }
    bool is_tainted(const core::Token& token) const {
        return core_.snapshot->tokens.at(0)->is_tainted(token);
    }
    SimBackend& backend() noexcept { return backend_; }
    const SimBackend& backend() const noexcept { return backend_; }
    // Every line of both logs so far.
    std::vector<std::string> log();
    // How many pipes have been taken from the core's pool so far.
    std::uint64_t pipes_taken() const noexcept { return core_.pipes.taken(); }
    const core::Pools& pools() const noexcept { return pools_; }
    // Are all slots of all pools where they belong?
    bool pools_are_full() const;

private:
    World& world_;
    core::Limits limits_;
    SimBackend backend_;
    core::Pools pools_;
    io::Loop loop_;
    crypto::Random random_;
    FixedResolver resolver_;
    core::LogQueue queue_;
    core::CoreLog log_;
    core::StatsShard stats_;
    core::Meters meters_;
    core::ReplayFilter replay_;
    core::ReplayFilter session_keys_;
    core::SkewReports skew_reports_;
    core::KeptSockets kept_sockets_;
    std::vector<std::string> lines_;
    io::Scope root_;
    core::Core core_;
    std::unique_ptr<core::Server> server_;
    core::Claimed claimed_;
    core::OtherCores no_others_;
};

}  // namespace ferry::sim
