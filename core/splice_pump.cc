#include "core/splice_pump.h"

#include <poll.h>

#include <cassert>

#include "io/pipe.h"

namespace ferry::core {
namespace {

// A pipe that waits longer than this for bytes goes back to its pool, as a run buffer does.
constexpr io::Duration kPipePatience = std::chrono::milliseconds(500);

// Sends what is in the pipe; a peer that is slow to take it is waited for as in any other send.
io::Task<io::Result<void>> drain(Flow& flow, io::Pipe& pipe) {
    io::Scope& scope = flow.session.scope;
    while (pipe.held_bytes() > 0) {
        const auto moved = pipe.drain(flow.to.socket);
        if (moved && *moved > 0) {
            scope.touch();
            flow.to.count_sent(*moved);
            flow.passed_bytes += *moved;
            flow.sent();
            continue;
        }
        if (moved || moved.error() != std::errc::operation_would_block) {
            co_return std::unexpected(moved ? std::errc::io_error : moved.error());
        }
        auto writable = co_await scope.loop().poll(scope, flow.to.socket.fd(), POLLOUT);
        if (!writable) {
            co_return std::unexpected(writable.error());
        }
    }
    co_return {};
}

}  // namespace

bool may_splice(const Flow& flow) noexcept {
    const bool seals = flow.to.sealer != nullptr && !flow.to.sealer->plain();
    return !flow.from.link && !flow.to.link && !flow.pace.is_quiet() && !seals &&
           !flow.from.opener && flow.in.data().empty() &&
           flow.session.buffer_bytes() >= io::PipePool::kPipeBytes;
}

io::Task<Spliced> splice(Flow& flow) {
    assert(flow.pending.empty());
    io::Pipe pipe = flow.session.core.pipes.try_take();
    if (!pipe) {
        co_return Spliced{};
    }
    flow.rest();
    io::Scope& scope = flow.session.scope;
    io::Scope patient(scope.loop(), &scope);
    patient.idle_after(kPipePatience);
    while (!flow.pace.is_quiet()) {
        auto readable = co_await scope.loop().poll(patient, flow.from.socket.fd(), POLLIN);
        if (!readable && !scope.stopping() && patient.why() == io::Stop::idle) {
            flow.pace.rest();
            break;
        }
        if (!readable) {
            co_return Spliced{&flow.from, readable.error()};
        }
        const auto got = pipe.fill(flow.from.socket);
        if (!got && got.error() == std::errc::operation_would_block) {
            continue;
        }
        if (!got) {
            co_return Spliced{&flow.from, got.error()};
        }
        if (*got == 0) {
            break;
        }
        patient.touch();
        flow.received(io::PipePool::kPipeBytes, *got);
        begin_send(flow.session);
        auto sent = co_await drain(flow, pipe);
        end_send(flow.session);
        if (!sent) {
            co_return Spliced{&flow.to, sent.error()};
        }
    }
    co_return Spliced{};
}

}  // namespace ferry::core
