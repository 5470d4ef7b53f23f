#include "core/greeting.h"

#include <utility>

#include "core/run_buffer.h"

namespace ferry::core {

namespace {

// The beginning of a request leaves the slot that it arrived in: thousands of strangers who say one
// byte each and wait must not keep those from everybody else.
void step_aside(Session& session) noexcept {
    io::Buffer& early = session.early;
    if (early.slot_bytes() == kInSlotBytes && early.data().size() < kHelloSlotBytes) {
        if (io::Buffer small = session.core.pools.hello.try_take()) {
            go_on_in(early, std::move(small));
        }
    }
}

// A request that fills a slot goes on in a run buffer; one that fills that is too large.
io::Task<Step<void>> enlarge(Session& session) {
    io::Buffer& early = session.early;
    if (early.slot_bytes() >= kRunBytes) {
        session.reason = "the request is too large";
        co_return std::unexpected(Outcome::bad_request);
    }
    auto larger = co_await session.core.pools.run.take(session.scope);
    if (!larger) {
        co_return std::unexpected(
            failure(session, larger.error(), Outcome::handshake_timeout, Outcome::over_limit));
    }
    go_on_in(early, std::move(*larger));
    co_return {};
}

}  // namespace

io::Task<Step<void>> receive_more(Session& session) {
    io::Buffer& early = session.early;
    step_aside(session);
    if (early && early.room().empty()) {
        early.close_up();
    }
    if (early && early.room().empty()) {
        auto enlarged = co_await enlarge(session);
        if (!enlarged) {
            co_return std::unexpected(enlarged.error());
        }
    }
    auto got = co_await session.client.socket.recv(early);
    if (!got) {
        co_return std::unexpected(
            failure(session, got.error(), Outcome::handshake_timeout, Outcome::client_lost));
    }
    session.client.count_received(*got);
    if (*got == 0) {
        session.reason = "the peer closed before its request was complete";
        co_return std::unexpected(Outcome::client_lost);
    }
    co_return {};
}

io::Task<Step<void>> receive_at_least(Session& session, std::size_t bytes) {
    while (!session.early || session.early.data().size() < bytes) {
        auto more = co_await receive_more(session);
        if (!more) {
            co_return std::unexpected(more.error());
        }
    }
    co_return {};
}

io::Task<Step<void>> say(Session& session, ByteView words) {
    auto said = co_await session.client.socket.send(words);
    if (!said) {
        co_return std::unexpected(
            failure(session, said.error(), Outcome::handshake_timeout, Outcome::client_lost));
    }
    session.client.count_sent(words.size());
    co_return {};
}

}  // namespace ferry::core
