#include "io/socket.h"

#include <cassert>

namespace ferry::io {

Task<Result<Socket>> Socket::connect(Scope& scope, Endpoint to, std::optional<Endpoint> local) {
    if (scope.stopping()) {
        co_return std::unexpected(std::errc::operation_canceled);
    }
    auto made = scope.loop().backend().stream(to);
    if (!made) {
        co_return std::unexpected(made.error());
    }
    Descriptor descriptor(scope.loop(), *made);
    if (local) {
        const auto bound = scope.loop().backend().bind(descriptor.fd(), *local);
        if (!bound) {
            co_return std::unexpected(bound.error());
        }
    }
    OpAwait<Result<void>> operation(scope, Op::Kind::connect, descriptor.fd(), Op::Target(to));
    auto connected = co_await operation;
    if (!connected) {
        co_return std::unexpected(connected.error());
    }
    co_return Socket(scope, std::move(descriptor));
}

Socket& Socket::operator=(Socket&& other) noexcept {
    if (this != &other) {
        close();
        scope_ = other.scope_;
        fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
}

OpAwait<Result<std::size_t>> Socket::recv(Scope& scope, Buffer& into) noexcept {
    assert(fd_ >= 0);
    const auto kind = into ? Op::Kind::recv : Op::Kind::recv_slot;
    const std::size_t room = into.room().size();
    assert(!into || room > 0);
    return {scope, kind, fd_, Op::Target(into), room};
}

OpAwait<Result<void>> Socket::send(Scope& scope, std::span<const std::uint8_t> all) noexcept {
    assert(fd_ >= 0);
    return {scope, Op::Kind::send, fd_, Op::Target(all.data()), all.size()};
}

OpAwait<Result<void>> Socket::send(Scope& scope, std::span<const iovec> pieces) noexcept {
    assert(fd_ >= 0);
    return {scope, Op::Kind::sendv, fd_, Op::Target(pieces.data()), pieces.size()};
}

OpAwait<Result<void>> Socket::shutdown_write(Scope& scope) noexcept {
    assert(fd_ >= 0);
    return {scope, Op::Kind::shutdown, fd_};
}

void Socket::close(Farewell farewell) noexcept {
    if (fd_ >= 0) {
        scope_->loop().close(std::exchange(fd_, -1), farewell);
    }
}

}  // namespace ferry::io
