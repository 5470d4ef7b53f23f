// VmessOutbound: VMess on the client's side.
#pragma once

#include <atomic>
#include <optional>
#include <string>
#include <vector>

#include "core/config.h"
#include "core/dial.h"
#include "core/outbound.h"
#include "proto/vmess/keys.h"
#include "proto/vmess/request.h"

namespace ferry::core {

class VmessOutbound final : public Outbound {
public:
    VmessOutbound(std::string its_tag, const config::VmessOutbound& settings,
                  std::optional<io::Endpoint> local);

    // Takes the servers in turns. Where one cannot be reached, the next one is tried, up to five
    // times; once a header has been sent, nothing is tried again.
    io::Task<Step<End>> dial(Session& session) const override;

private:
    struct Account {
        proto::vmess::CommandKey key;
        proto::vmess::BodyChoice choice;
        proto::vmess::SealedLengths sealed_lengths;
        bool mark_end;
        std::uint32_t level;
    };
    struct Server {
        proto::Address address;
        std::vector<Account> accounts;
    };

    Step<End> greet(Session& session, const Server& server, io::Socket socket) const;

    std::vector<Server> servers_;
    DialRules rules_;
    // Shared by all cores, once per connection: the turns are the process's, not a core's.
    mutable std::atomic<std::uint32_t> turn_{0};
};

}  // namespace ferry::core
