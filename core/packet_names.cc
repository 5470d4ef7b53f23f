#include "core/packet_names.h"

#include <chrono>
#include <utility>

namespace ferry::core {
namespace {

// How long an answer to a question for a name serves an association: as long as a quick client
// repeats itself, and not as long as an address might be moved.
constexpr io::Duration kNameLifetime = std::chrono::seconds(60);
constexpr io::Duration kNoNameLifetime = std::chrono::seconds(5);

// Receivers live on the same slots, and a name may be asked for for long.
bool is_scarce(const io::BufferPool& pool) {
    return pool.free_slots() <= pool.slots() / 4;
}

}  // namespace

PacketNames::PacketNames(Session& session, Families families, Send send)
    : session_(session),
      families_(families),
      send_(std::move(send)),
      scope_(session.core.loop, &session.scope) {}

std::optional<io::Endpoint> PacketNames::find(const proto::Address& asked) {
    // First of all: while some wait, the next ones must not overtake them.
    if (asked_.contains(asked.name)) {
        return std::nullopt;
    }
    const Known* answer = known(asked.name);
    if (answer == nullptr && asked_.size() < kAskedMax) {
        scope_.spawn(look_up(asked_.try_emplace(asked.name, session_.core.pools).first));
        answer = known(asked.name);  // the resolver may have known it
    }
    return answer == nullptr ? std::nullopt : std::optional(answer->at.with_port(asked.port));
}

void PacketNames::put_aside(const Packet& packet) {
    Core& core = session_.core;
    const auto asked = asked_.find(packet.peer.name);
    const bool has_room =
        asked != asked_.end() && !is_scarce(core.pools.in) && !is_scarce(core.pools.run);
    core.stats.datagrams_overrun.add(has_room ? asked->second.push(packet) : 1);
}

io::Task<void> PacketNames::end() {
    scope_.stop(io::Stop::peer);
    co_await scope_.join();
}

// Gives null for one that is not known, or not any more.
const PacketNames::Known* PacketNames::known(const std::string& name) const {
    const auto place = known_.find(name);
    const bool holds = place != known_.end() && session_.core.loop.now() < place->second.until;
    return holds ? &place->second : nullptr;
}

void PacketNames::remember(const std::string& name, const Known& answer) {
    if (known_.size() >= kKnownMax) {
        known_.clear();  // whoever asks for so many is better served by the resolver's own memory
    }
    known_[name] = answer;
}

// Asks for a name, and sends what has come for it meanwhile.
io::Task<void> PacketNames::look_up(Asked::iterator asked) {
    const auto answer = co_await ask(asked->first);
    PacketQueue& waiting = asked->second;
    Packets packets;
    // More may come while some are being sent.
    while (!waiting.empty() && !scope_.stopping()) {
        auto taken = co_await waiting.receive(session_, packets);
        if (!taken) {
            break;
        }
        co_await send_(scope_, packets, answer.at);
    }
    if (!scope_.stopping()) {
        remember(asked->first, answer);
    }
    asked_.erase(asked);
}

io::Task<PacketNames::Known> PacketNames::ask(std::string name) {
    io::Loop& loop = session_.core.loop;
    io::Scope scope(loop, &scope_);
    scope.expire_at(loop.now() + session_.policy->dial);
    auto resolved = co_await session_.core.resolver.resolve(scope, std::move(name), 0, families_);
    if (!resolved) {
        co_return Known{{}, loop.now() + kNoNameLifetime};
    }
    co_return Known{resolved->front(), loop.now() + kNameLifetime};
}

}  // namespace ferry::core
