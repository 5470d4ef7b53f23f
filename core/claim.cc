#include "core/claim.h"

#include <fmt/format.h>

#include <optional>

#include "io/loop.h"

namespace ferry::core {
namespace {

void tell_that_it_waits(Core& core, const Port& port) {
    core.log.error(
        LogLevel::warning, 0, port.inbound->name(),
        fmt::format("{} is taken: trying again for {} s", port.at.text(),
                    std::chrono::duration_cast<std::chrono::seconds>(kClaimPatience).count()));
}

// As Server::listen(), but for a port that is taken, until `deadline`, which begins with the first
// port that is.
io::Task<io::Result<io::Endpoint>> listen_patiently(Core& core, Server& server, io::Scope& scope,
                                                    const Port& port,
                                                    std::optional<io::TimePoint>& deadline) {
    auto at = server.listen(port, io::Sharing::first);
    if (at || at.error() != std::errc::address_in_use) {
        co_return at;
    }
    if (!deadline) {
        deadline = core.loop.now() + kClaimPatience;
    }
    tell_that_it_waits(core, port);
    while (!at && at.error() == std::errc::address_in_use && core.loop.now() < *deadline) {
        auto slept = co_await core.loop.sleep_for(scope, kClaimPause);
        if (!slept) {
            break;
        }
        at = server.listen(port, io::Sharing::first);
    }
    co_return at;
}

}  // namespace

std::string why_not_listening(const Port& port, std::errc error) {
    const std::string_view remedy =
        error == std::errc::address_in_use
            ? "; another program has this port: stop it, or choose another port"
        : error == std::errc::permission_denied ? "; ports below 1024 need CAP_NET_BIND_SERVICE"
                                                : "";
    return fmt::format("failed to listen on {}: {}{}", port.at.text(),
                       std::make_error_code(error).message(), remedy);
}

io::Task<void> claim_ports(Core& core, Server& server, io::Scope& scope,
                           const std::vector<Port>& ports, io::Sharing sharing, Claimed& claimed) {
    claimed.emplace();
    std::optional<io::TimePoint> deadline;
    for (const Port& port : ports) {
        io::Result<io::Endpoint> at = std::unexpected(std::errc::address_in_use);
        if (sharing == io::Sharing::first) {
            auto patient = co_await listen_patiently(core, server, scope, port, deadline);
            at = patient;
        } else {
            at = server.listen(port, sharing);  // where the first core is, nobody else is
        }
        if (!at) {
            claimed = std::unexpected(why_not_listening(port, at.error()));
            co_return;
        }
        claimed->push_back(*at);
    }
}

}  // namespace ferry::core
