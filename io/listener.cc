#include "io/listener.h"

#include "io/loop.h"

namespace ferry::io {

namespace {

enum class Remedy : std::uint8_t { none, again, pause };

// What accept() does about an error. A connection that failed before it was accepted is reported by
// accept, though the listener is well; where the process or the machine is full, trying again at
// once would spin, because the connection stays in the queue.
Remedy remedy(std::errc error) {
    switch (static_cast<int>(error)) {
        case ECONNABORTED:
        case EINTR:
        case EPROTO:
        case ENOPROTOOPT:
        case ENETDOWN:
        case ENETUNREACH:
        case EHOSTDOWN:
        case EHOSTUNREACH:
        case ENONET:
        case EOPNOTSUPP:
        case EPERM:  // a firewall's word about one connection
            return Remedy::again;
        case EMFILE:
        case ENFILE:
        case ENOBUFS:
        case ENOMEM:
            return Remedy::pause;
        default:
            return Remedy::none;
    }
}

}  // namespace

template <>
Result<Accepted> OpAwait<Result<Accepted>>::await_resume() {
    if (result < 0) {
        return std::unexpected(std::errc(-result));
    }
    return Accepted(Descriptor(scope->loop(), result), target.peer->unmapped());
}

Result<Listener> Listener::open(Scope& scope, const Endpoint& at, Sharing sharing) {
    Backend& backend = scope.loop().backend();
    auto made = backend.listen(at, sharing);
    if (!made) {
        return std::unexpected(made.error());
    }
    Descriptor descriptor(scope.loop(), *made);
    auto local = backend.local_endpoint(descriptor.fd());
    if (!local) {
        return std::unexpected(local.error());
    }
    return Listener(scope, std::move(descriptor), *local);
}

Task<Result<Accepted>> Listener::accept() {
    for (;;) {
        Endpoint peer;
        OpAwait<Result<Accepted>> operation(*scope_, Op::Kind::accept, descriptor_.fd(),
                                            Op::Target(peer));
        auto accepted = co_await operation;
        if (accepted) {
            co_return accepted;
        }
        const Remedy what = remedy(accepted.error());
        if (what == Remedy::none) {
            co_return accepted;
        }
        if (what == Remedy::pause) {
            ++pauses_;
            Loop& loop = scope_->loop();
            Scope pause(loop, scope_);
            pause.expire_at(loop.now() + kPause);
            // Freed, timed out or stopped: in each case the next accept finds out.
            auto freed = co_await loop.descriptor_freed().wait(pause);
            static_cast<void>(freed);
        }
    }
}

}  // namespace ferry::io
