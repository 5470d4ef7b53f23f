#include "core/stats.h"

#include <fmt/format.h>

#include <utility>

namespace ferry::core {

void add_to(std::map<std::string, std::uint64_t, std::less<>>& sums, const StatsShard& shard) {
    const std::pair<std::string_view, const Counter*> named[] = {
        {"core.accepted", &shard.accepted},
        {"core.open_sessions", &shard.open_sessions},
        {"core.handshakes", &shard.handshakes},
        {"core.made_callers", &shard.made_callers},
        {"core.drained", &shard.drained},
        {"core.drain_overflow", &shard.drain_overflow},
        {"core.accept_pauses", &shard.accept_pauses},
        {"core.handshake_waits", &shard.handshake_waits},
        {"core.known_callers", &shard.known_callers},
        {"core.searches", &shard.searches},
        {"core.search_waits", &shard.search_waits},
        {"core.search_refusals", &shard.search_refusals},
        {"core.wrong_clocks", &shard.wrong_clocks},
        {"core.replay_full", &shard.replay_full},
        {"core.replay_unkept", &shard.replay_unkept},
        {"core.mux_streams", &shard.mux_streams},
        {"core.mux_refusals", &shard.mux_refusals},
        {"core.mux_waits", &shard.mux_waits},
        {"core.mux_stalls", &shard.mux_stalls},
        {"core.xudp_moves", &shard.xudp_moves},
        {"core.uplink_bytes", &shard.uplink_bytes},
        {"core.downlink_bytes", &shard.downlink_bytes},
        {"core.associations", &shard.associations},
        {"core.associations_refused", &shard.associations_refused},
        {"core.fan_evictions", &shard.fan_evictions},
        {"core.uplink_datagrams", &shard.uplink_datagrams},
        {"core.downlink_datagrams", &shard.downlink_datagrams},
        {"core.datagrams_unsent", &shard.datagrams_unsent},
        {"core.datagrams_strange", &shard.datagrams_strange},
        {"core.datagrams_malformed", &shard.datagrams_malformed},
        {"core.datagrams_overrun", &shard.datagrams_overrun},
    };
    for (const auto& [name, counter] : named) {
        sums[std::string(name)] += counter->read();
    }
    for (std::size_t index = 0; index < kOutcomeCount; ++index) {
        sums[fmt::format("outcome.{}", name_of(static_cast<Outcome>(index)))] +=
            shard.outcomes[index].read();
    }
    for (std::size_t index = 0; index < proto::kFaultCount; ++index) {
        sums[fmt::format("fault.{}", proto::name_of(static_cast<proto::Fault>(index)))] +=
            shard.faults[index].read();
    }
}

}  // namespace ferry::core
