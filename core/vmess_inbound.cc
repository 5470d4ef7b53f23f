#include "core/vmess_inbound.h"

#include "core/greeting.h"
#include "core/snapshot.h"
#include "proto/vmess/auth_id.h"
#include "proto/vmess/body.h"
#include "proto/vmess/request.h"

namespace ferry::core {

namespace vmess = proto::vmess;

VmessInbound::VmessInbound(std::string its_tag, const crypto::Dispatch& dispatch,
                           std::vector<User> users, Insecure insecure)
    : Inbound(std::move(its_tag)), users_(dispatch, std::move(users)), insecure_(insecure) {}

io::Task<Step<void>> VmessInbound::greet(Session& session) const {
    auto user = co_await authenticate(session);
    if (!user) {
        co_return std::unexpected(user.error());
    }
    auto request = co_await read_request(session, **user);
    if (!request) {
        co_return std::unexpected(request.error());
    }
    session.policy = &session.snapshot->policy_of((*user)->level);
    session.email = (*user)->email;
    co_return accept(session, std::move(*request));
}

// Who is it? Known, of this time, and not heard before.
io::Task<Step<const User*>> VmessInbound::authenticate(Session& session) const {
    auto received = co_await receive_at_least(session, vmess::kAuthIdBytes);
    if (!received) {
        co_return std::unexpected(received.error());
    }
    Core& core = session.core;
    const auto auth_id = ByteView(session.early.data()).first<vmess::kAuthIdBytes>();
    const User* user = users_.find(auth_id);
    if (user == nullptr) {
        co_return faulted(session, proto::Fault::unknown_user, Outcome::bad_request);
    }
    const auto time = vmess::open_auth_id(*core.dispatch.aes128, user->auth_key.view(), auth_id);
    if (!time) {
        co_return faulted(session, time.error(), Outcome::bad_request);
    }
    if (!vmess::in_time_window(*time, core.loop.unix_seconds())) {
        co_return faulted(session, proto::Fault::bad_time, Outcome::bad_request);
    }
    auto unused = remember(session, core.replay, auth_id);
    if (!unused) {
        co_return std::unexpected(unused.error());
    }
    co_return user;
}

// Body keys serve one session: a second one would encrypt other bytes with the same key stream.
Step<void> VmessInbound::remember(Session& session, const User& user,
                                  const vmess::Request& request) const {
    crypto::Sha256 hash(*session.core.dispatch.sha256);
    hash.update(user.id.bytes);
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

io::Task<Step<vmess::Request>> VmessInbound::read_request(Session& session,
                                                          const User& user) const {
    const crypto::Dispatch& dispatch = session.core.dispatch;
    auto prefix = co_await receive_at_least(session, vmess::kPrefixBytes);
    if (!prefix) {
        co_return std::unexpected(prefix.error());
    }
    const auto bytes = vmess::request_bytes(dispatch, user.command_key,
                                            session.early.data().first(vmess::kPrefixBytes));
    if (!bytes) {
        co_return faulted(session, bytes.error(), Outcome::bad_request);
    }
    auto whole = co_await receive_at_least(session, *bytes);
    if (!whole) {
        co_return std::unexpected(whole.error());
    }
    auto request =
        vmess::open_request(dispatch, user.command_key, session.early.data().first(*bytes));
    if (!request) {
        co_return faulted(session, request.error(), Outcome::bad_request);
    }
    auto unused = remember(session, user, *request);
    if (!unused) {
        co_return std::unexpected(unused.error());
    }
    session.early.consume(*bytes);
    co_return std::move(*request);
}

// The request is genuine. May it be served? From here on a refusal is a close, not a silence.
Step<void> VmessInbound::accept(Session& session, vmess::Request request) const {
    if (insecure_ == Insecure::refused && request.security != vmess::Security::aes128_gcm &&
        request.security != vmess::Security::chacha20_poly1305) {
        session.reason = "Insecure encryption";
        return std::unexpected(Outcome::refused);
    }
    if (request.command != vmess::Command::tcp) {
        session.reason = request.command == vmess::Command::udp
                             ? "UDP over VMess is not supported by this version"
                             : "Mux.Cool is not supported by this version";
        return std::unexpected(Outcome::refused);
    }
    auto opener = vmess::make_request_opener(session.core.dispatch, request);
    if (!opener) {
        return faulted(session, opener.error(), Outcome::refused);
    }
    auto sealer = vmess::make_response_sealer(session.core.dispatch, session.core.random, request);
    if (!sealer) {
        return faulted(session, sealer.error(), Outcome::refused);
    }
    session.client.opener = std::move(*opener);
    session.client.sealer = std::move(*sealer);
    session.address = std::move(request.target);
    return {};
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
