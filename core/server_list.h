// ServerList: whom a VMess client connects to, in turns.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "crypto/random.h"
#include "io/loop.h"
#include "io/result.h"
#include "proto/address.h"
#include "proto/vmess/command.h"
#include "proto/vmess/keys.h"
#include "proto/vmess/legacy_auth.h"
#include "proto/vmess/request.h"

namespace ferry::core {

inline constexpr std::size_t kLentServersMax = 64;  // of one outbound

// Who we are to a server, and how we speak to it.
struct ServerAccount {
    proto::vmess::UserId id;
    proto::vmess::CommandKey key;
    std::optional<proto::vmess::Signers> signers;  // of the older header; none: the newer one
    proto::vmess::BodyChoice choice;
    proto::vmess::SealedLengths sealed_lengths;
    bool mark_end;
    std::uint32_t level;
};

struct VmessServer {
    proto::Address address;
    std::vector<std::shared_ptr<const ServerAccount>> accounts;
};

// The configured servers, and those that they have named for a while.
//
//   thread  any: the turns are the process's, not a core's; one short lock per connection
class ServerList {
public:
    void add(VmessServer server);  // before the first take()

    // The next one in turn. What is shared outlives its time in the list.
    std::shared_ptr<const VmessServer> take(io::TimePoint now);

    // Lends a server that `from` has named in an answer to `account`: until its minutes are over it
    // has its turn too. The body keeps the security that the account was configured with. Naming it
    // again prolongs its time.
    //
    //   limits  kLentServersMax; further ones are ignored, as is a validity of no time
    void lend(const proto::vmess::SwitchAccount& named, const VmessServer& from,
              const ServerAccount& account, io::TimePoint now);

    std::size_t size() const;  // for tests

private:
    struct Lent {
        std::shared_ptr<const VmessServer> server;
        proto::vmess::UserId id;
        io::TimePoint until;
    };

    mutable std::mutex lock_;
    std::vector<std::shared_ptr<const VmessServer>> configured_;
    std::vector<Lent> lent_;
    std::size_t turn_ = 0;
};

// Follows the instructions in one answer.
class Follower final : public proto::vmess::AccountObserver {
public:
    // `list` and `loop` outlive it.
    Follower(ServerList& list, std::shared_ptr<const VmessServer> from,
             std::shared_ptr<const ServerAccount> account, const io::Loop& loop)
        : list_(list), from_(std::move(from)), account_(std::move(account)), loop_(loop) {}

    void switch_account(const proto::vmess::SwitchAccount& named) override {
        list_.lend(named, *from_, *account_, loop_.now());
    }

private:
    ServerList& list_;
    std::shared_ptr<const VmessServer> from_;
    std::shared_ptr<const ServerAccount> account_;
    const io::Loop& loop_;
};

}  // namespace ferry::core
