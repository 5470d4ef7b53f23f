#include "core/vmess_inbound.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/chunk_packets.h"
#include "core/greeting.h"
#include "core/snapshot.h"
#include "proto/mux/packet_address.h"
#include "proto/vmess/auth_id.h"
#include "proto/vmess/body.h"
#include "proto/vmess/datagram.h"
#include "proto/vmess/legacy_request.h"
#include "proto/vmess/request.h"

namespace ferry::core {

namespace vmess = proto::vmess;

namespace {

// Somebody may be removed while their request is on its way.
Step<vmess::Request> still_here(Session& session, Step<vmess::Request> request) {
    if (request && is_removed(session)) {
        return faulted(session, proto::Fault::unknown_user, Outcome::bad_request);
    }
    return request;
}

PacketFraming framing_of(const vmess::Request& request) {
    if (proto::mux::is_packet_address_target(request.target)) {
        return PacketFraming::addressed;
    }
    return vmess::keeps_datagrams(request) ? PacketFraming::chunks : PacketFraming::raw;
}

}  // namespace

VmessInbound::VmessInbound(std::string its_tag, UserTable users, Insecure insecure,
                           std::shared_ptr<TokenTable> tokens)
    : Inbound(std::move(its_tag)),
      users_(std::move(users)),
      insecure_(insecure),
      tokens_(std::move(tokens)) {}

io::Task<Step<void>> VmessInbound::greet(Session& session) const {
    Caller caller;
    auto request = co_await understand(session, caller);
    if (!request) {
        if (request.error() == Outcome::bad_request) {
            turn_away(session, caller);
        }
        co_return std::unexpected(request.error());
    }
    if (!session.made_users && !caller.signed_at) {
        welcome(session, caller);
    }
    session.policy = &session.snapshot->policy_of(session.user.level());
    session.email =
        session.made_users ? MadeAccounts::email_of(session.user) : session.user.email();
    session.meter =
        session.core.meters.of(Meters::Kind::user, session.email, session.policy->counted);
    co_return accept(session, std::move(*request));
}

// Who is it, and what do they want?
io::Task<Step<vmess::Request>> VmessInbound::understand(Session& session, Caller& caller) const {
    auto authenticated = co_await authenticate(session, caller);
    if (!authenticated) {
        co_return std::unexpected(authenticated.error());
    }
    session.user = caller.user;
    if (caller.signed_at) {
        auto request = co_await read_legacy_request(session, *caller.signed_at);
        co_return still_here(session, std::move(request));
    }
    auto request = co_await read_request(session);
    co_return still_here(session, std::move(request));
}

// Who is it? Known, of this time, and not heard before.
io::Task<Step<void>> VmessInbound::authenticate(Session& session, Caller& caller) const {
    auto received = co_await receive_at_least(session, vmess::kAuthIdBytes);
    if (!received) {
        co_return received;
    }
    // Cheapest first: who is known at this address, the few who were sent here, a look into a
    // table, and only then a search among all.
    if (!find_known(session, users_, caller) && !is_made(session, caller)) {
        if (is_signed(session, caller)) {
            co_return {};  // two connections of one second may have the same token
        }
        auto found = co_await find_user(session, users_, caller);
        if (!found) {
            co_return found;
        }
    }
    const auto auth_id = ByteView(session.early.data()).first<vmess::kAuthIdBytes>();
    co_return remember(session, session.core.replay, auth_id);
}

// Body keys serve one session: a second one would encrypt other bytes with the same key stream.
Step<void> VmessInbound::remember(Session& session, const vmess::Request& request) const {
    crypto::Sha256 hash(*session.core.dispatch.sha256);
    hash.update(session.user.id().bytes);
    hash.update(request.keys.key);
    hash.update(request.keys.iv);
    const auto digest = hash.finish();
    const auto id = std::span(digest).first<vmess::kAuthIdBytes>();
    return remember(session, session.core.session_keys, id);
}

Step<void> VmessInbound::remember(Session& session, ReplayFilter& filter, ReplayToken token) const {
    Core& core = session.core;
    const ReplayTime time{core.loop.now(), core.loop.unix_seconds()};
    const ReplayFilter::Seen seen = filter.insert(token, time);
    switch (seen) {
        case ReplayFilter::Seen::fresh:
            return {};
        case ReplayFilter::Seen::unkept:
            core.stats.replay_unkept.add();
            if (filter.may_tell(seen, time.now)) {
                core.log.error(LogLevel::error, 0, name(), filter.trouble());
            }
            return {};
        case ReplayFilter::Seen::repeated:
            return faulted(session, proto::Fault::replayed, Outcome::bad_request);
        case ReplayFilter::Seen::full:
            break;
    }
    core.stats.replay_full.add();
    if (filter.may_tell(seen, time.now)) {
        core.log.error(LogLevel::warning, 0, name(),
                       "the replay filter is full: requests are refused until what it holds is out "
                       "of its window");
    }
    session.reason = "too many handshakes to remember them all";
    return std::unexpected(Outcome::over_limit);
}

io::Task<Step<vmess::Request>> VmessInbound::read_request(Session& session) const {
    const crypto::Dispatch& dispatch = session.core.dispatch;
    const vmess::CommandKey key = session.user.command_key();
    auto prefix = co_await receive_at_least(session, vmess::kPrefixBytes);
    if (!prefix) {
        co_return std::unexpected(prefix.error());
    }
    const auto bytes =
        vmess::request_bytes(dispatch, key, session.early.data().first(vmess::kPrefixBytes));
    if (!bytes) {
        co_return faulted(session, bytes.error(), Outcome::bad_request);
    }
    auto whole = co_await receive_at_least(session, *bytes);
    if (!whole) {
        co_return std::unexpected(whole.error());
    }
    auto request = vmess::open_request(dispatch, key, session.early.data().first(*bytes));
    if (!request) {
        co_return faulted(session, request.error(), Outcome::bad_request);
    }
    auto unused = remember(session, *request);
    if (!unused) {
        co_return std::unexpected(unused.error());
    }
    session.early.consume(*bytes);
    co_return std::move(*request);
}

// Is it the older header, of one who may use it?
bool VmessInbound::is_signed(Session& session, Caller& caller) const {
    if (!tokens_) {
        return false;
    }
    Token token;
    std::ranges::copy(session.early.data().first(token.size()), token.begin());
    const auto match = tokens_->window()->find(token, session.core.loop.unix_seconds());
    if (!match || tokens_->is_tainted(token) || !find_here(session, match->user, caller)) {
        return false;
    }
    caller.signed_at = match->time;
    return true;
}

bool VmessInbound::find_here(Session& session, const vmess::UserId& id, Caller& caller) const {
    caller.user = users_.find_id(id);
    if (!caller.user && made_) {
        auto table = made_->table();
        caller.user = table->find_id(id);
        if (caller.user) {
            session.made_users = std::move(table);
            session.core.stats.made_callers.add();
        }
    }
    return static_cast<bool>(caller.user);
}

// Whoever changes bytes of a header that was heard learns from the answer where a check has failed.
// So the token is good for nobody any more, and this peer is let go like any other.
void VmessInbound::taint(Session& session) const {
    Token token;
    std::ranges::copy(session.early.data().first(token.size()), token.begin());
    tokens_->taint(token, session.core.loop.unix_seconds());
}

io::Task<Step<vmess::Request>> VmessInbound::read_legacy_request(Session& session,
                                                                 std::int64_t signed_at) const {
    const vmess::CommandKey key = session.user.command_key();
    std::size_t bytes = vmess::kLegacyFixedBytes;
    for (;;) {
        auto there = co_await receive_at_least(session, bytes);
        if (!there) {
            if (vmess::cut_taints(session.early.data().size())) {
                taint(session);
            }
            co_return std::unexpected(there.error());
        }
        auto opened =
            vmess::open_legacy_request(session.core.dispatch, key, signed_at, session.early.data());
        if (!opened) {
            if (vmess::taints(opened.error())) {
                taint(session);
            }
            co_return faulted(session, opened.error(), Outcome::bad_request);
        }
        bytes = opened->bytes;
        if (opened->kind == vmess::LegacyOpened::Kind::need) {
            continue;
        }
        auto unused = remember(session, opened->request);
        if (!unused) {
            // A filter without room is our trouble: the user's token stays good.
            if (unused.error() == Outcome::bad_request) {
                taint(session);
            }
            co_return std::unexpected(unused.error());
        }
        session.early.consume(bytes);
        co_return std::move(opened->request);
    }
}

// The request is genuine. May it be served? From here on a refusal is a close, not a silence.
Step<void> VmessInbound::accept(Session& session, vmess::Request request) const {
    if (insecure_ == Insecure::refused && request.security != vmess::Security::aes128_gcm &&
        request.security != vmess::Security::chacha20_poly1305) {
        session.reason = "Insecure encryption";
        return std::unexpected(Outcome::refused);
    }
    if (request.command == vmess::Command::mux) {
        session.network = Network::mux;
    }
    auto opener = vmess::make_request_opener(session.core.dispatch, request);
    if (!opener) {
        return faulted(session, opener.error(), Outcome::refused);
    }
    auto sealer = vmess::make_response_sealer(session.core.dispatch, session.core.random, request,
                                              instruct(session));
    if (!sealer) {
        return faulted(session, sealer.error(), Outcome::refused);
    }
    session.client.opener = std::move(*opener);
    session.client.sealer = std::move(*sealer);
    if (request.command == vmess::Command::udp) {
        session.network = Network::udp;
        session.packets = std::make_unique<ChunkPackets>(session, framing_of(request));
    }
    session.address = std::move(request.target);
    return {};
}

void VmessInbound::lead_to(const VmessInbound* target, std::string its_tag) {
    detour_ = target;
    detour_tag_ = std::move(its_tag);
}

bool VmessInbound::holds(const UserRef& user) const {
    return users_.holds(user) || (made_ && made_->table()->holds(user));
}

// Is it somebody who was sent here? Those are few, and looked at before a search among all users.
bool VmessInbound::is_made(Session& session, Caller& caller) const {
    if (!made_) {
        return false;
    }
    auto table = made_->table();
    if (table->size() == 0) {
        return false;
    }
    const UserRef user = user_in_time(session, *table);
    if (!user) {
        return false;
    }
    caller.user = user;
    session.made_users = std::move(table);
    session.core.stats.made_callers.add();
    return true;
}

// Where the client is told to go on from here, if anywhere.
std::optional<vmess::SwitchAccount> VmessInbound::instruct(Session& session) const {
    if (detour_tag_.empty()) {
        return std::nullopt;
    }
    Core& core = session.core;
    const auto stays = [&](std::string_view why) -> std::optional<vmess::SwitchAccount> {
        core.log.error(LogLevel::warning, session.id, name(),
                       fmt::format("no detour to {}: {}", detour_tag_, why));
        return std::nullopt;
    };
    if (detour_ == nullptr) {
        return stays("no VMess inbound has this tag");
    }
    const auto port = detour_->announced()->pick(core.random, core.loop.now());
    if (!port) {
        return stays("none of its ports is open");
    }
    const auto id =
        detour_->made()->of(port->number, session.email, core.random, core.loop.unix_seconds());
    if (!id) {
        return stays("there are too many accounts");
    }
    vmess::SwitchAccount account;  // without a host: the one that the client knows
    account.port = port->number;
    account.id = *id;
    account.alter_ids = detour_->made()->defaults().alter_id;
    account.level = detour_->made()->defaults().level;
    account.valid_minutes = port->valid_minutes;
    return account;
}

io::Task<Step<void>> VmessInbound::answer(Session& session, Outcome dialed) const {
    if (dialed == Outcome::finished) {
        co_return {};
    }
    auto out = co_await session.core.pools.out.take(session.scope);
    if (!out) {
        co_return std::unexpected(
            failure(session, out.error(), Outcome::shut_down, Outcome::shut_down));
    }
    out->commit(session.client.sealer->header(out->room()));
    auto said = co_await say(session, out->data());
    co_return said;
}

}  // namespace ferry::core
