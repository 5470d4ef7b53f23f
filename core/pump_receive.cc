#include "core/pump_receive.h"

#include <chrono>
#include <optional>

#include "core/run_buffer.h"

namespace ferry::core {
namespace {

// An early end mark that nothing has followed for so long was meant (vmess.md 18).
constexpr io::Duration kEndPatience = std::chrono::seconds(10);

// For a chunk that no slot can hold, while no run buffer was free: this one waits for it.
io::Task<Got> receive_enlarged(Flow& flow) {
    auto taken = co_await flow.session.core.pools.run.take(flow.session.scope);
    if (!taken) {
        co_return std::unexpected(taken.error());
    }
    go_on_in(flow.in, std::move(*taken));
    auto got = co_await flow.from.socket.recv(flow.in);
    co_return got;
}

// Receives into a run buffer that is empty, or into a bulk buffer; gives it back if nothing comes
// for too long, and goes on with less.
io::Task<Got> receive_with_patience(Flow& flow) {
    {
        io::Scope brief(flow.session.core.loop, &flow.session.scope);
        brief.expire_at(flow.session.core.loop.now() + kRunPatience);
        auto got = co_await flow.from.socket.recv(brief, flow.in);
        if (!ran_out(got, brief, flow.session.scope)) {
            co_return got;
        }
    }
    flow.pace.rest();
    flow.rest();
    step_down(flow.in, flow.session.core.pools);
    auto got = co_await flow.from.socket.recv(flow.in);
    co_return got;
}

// A receive into what is there, with a scope of its own.
io::Task<Got> receive_in(Flow& flow, io::Scope& scope) {
    if (flow.from.link) {
        auto got = co_await flow.from.link->recv(scope, flow.in);
        co_return got;
    }
    auto got = co_await flow.from.socket.recv(scope, flow.in);
    co_return got;
}

// Is there a far end that has not had its header yet, which would like company?
bool is_header_due(const Flow& flow) {
    return flow.silent && flow.seals() && flow.to.header_wait > io::Duration::zero();
}

// Waits for that company; after a while the header goes alone.
//
//   gives  what came, or nothing once the header has gone
io::Task<std::optional<Got>> give_header(Flow& flow) {
    Session& session = flow.session;
    {
        io::Scope brief(session.core.loop, &session.scope);
        brief.expire_at(session.core.loop.now() + flow.to.header_wait);
        auto got = co_await receive_in(flow, brief);
        if (!ran_out(got, brief, session.scope)) {
            co_return got;
        }
    }
    auto provided = co_await provide_out(flow);
    if (!provided) {
        co_return std::unexpected(provided.error());
    }
    flow.out.commit(flow.to.sealer->header(flow.out.room()));
    flow.to.header_wait = {};
    begin_send(session);
    auto sent = co_await flow.to.socket.send(flow.out.data());
    end_send(session);
    flow.sent();
    flow.rest();
    if (!sent) {
        co_return std::unexpected(sent.error());
    }
    session.scope.touch();
    co_return std::nullopt;
}

io::Task<Got> receive_first(Flow& flow) {
    auto early = co_await give_header(flow);
    if (early) {
        co_return *early;
    }
    auto got = co_await receive_in(flow, flow.session.scope);
    co_return got;
}

io::Task<Got> receive_from_link(Flow& flow) {
    auto got = co_await flow.from.link->recv(flow.session.scope, flow.in);
    co_return got;
}

// Waits behind an end mark that may be taken back.
//
//   gives  0 if it stands: the peer has closed, or neither side has sent anything for a while
io::Task<Got> receive_second_thoughts(Flow& flow) {
    if (is_header_due(flow)) {  // the target may be one that speaks first
        auto early = co_await give_header(flow);
        if (early) {
            co_return *early;
        }
    }
    io::Scope& scope = flow.session.scope;
    for (;;) {
        io::Scope brief(flow.session.core.loop, &scope);
        brief.expire_at(scope.touched() + kEndPatience);
        auto got = co_await flow.from.socket.recv(brief, flow.in);
        if (!ran_out(got, brief, scope)) {
            co_return got;
        }
        if (flow.session.core.loop.now() >= scope.touched() + kEndPatience) {
            co_return std::size_t{0};
        }
    }
}

}  // namespace

io::Task<io::Result<void>> provide_out(Flow& flow) {
    Pools& pools = flow.session.core.pools;
    const std::size_t waiting = flow.pending.size() + flow.in.data().size();
    const bool is_copied = !flow.to.sealer->keeps_payload();
    if (is_copied && waiting > kRunBytes) {
        flow.out = pools.out_bulk.try_take();
    }
    if (is_copied && !flow.out && waiting > kInSlotBytes) {
        flow.out = pools.out_run.try_take();
    }
    if (!flow.out) {
        auto taken = co_await pools.out.take(flow.session.scope);
        if (!taken) {
            co_return std::unexpected(taken.error());
        }
        flow.out = std::move(*taken);
    }
    co_return {};
}

Care care_for(const Flow& flow, Then then, bool has_room) {
    if (!has_room) {
        return receive_enlarged;
    }
    if (then == Then::hold) {
        return receive_second_thoughts;
    }
    if (is_header_due(flow)) {
        return receive_first;
    }
    if (flow.from.link) {
        return receive_from_link;
    }
    if (flow.in && (flow.in.data().empty() || flow.in.slot_bytes() == kBulkBytes)) {
        return receive_with_patience;
    }
    return nullptr;
}

}  // namespace ferry::core
