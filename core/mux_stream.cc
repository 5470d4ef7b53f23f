#include "core/mux_stream.h"

#include "core/mux_carrier.h"
#include "core/session.h"

namespace ferry::core {
namespace {

// How long the first frame waits for data to travel with, as in V2Ray (vmess.md 13).
constexpr io::Duration kOpenWait = std::chrono::milliseconds(100);

// How long the other direction has to be quiet before our end is told. Some servers take it for the
// end of both directions, and drop what is still on its way (vmess.md 13).
constexpr io::Duration kEndWait = std::chrono::seconds(1);

// Waits until something has arrived, the stream has ended, or it has failed. A stream that is not
// open yet is opened if nothing has been sent on it within a while: the target may speak first.
io::Task<io::Result<void>> wait_for_arrival(io::Scope& scope, MuxCarrier& carrier,
                                            MuxStream& stream) {
    if (!stream.opened && !stream.wants_open) {
        io::Scope brief(scope.loop(), &scope);
        brief.expire_at(scope.loop().now() + kOpenWait);
        auto changed = co_await stream.arrived.wait(brief);
        if (scope.stopping()) {
            co_return std::unexpected(std::errc::operation_canceled);
        }
        if (changed || stream.opened) {
            co_return {};
        }
        stream.wants_open = true;
        carrier.open(stream);
        co_return {};
    }
    if (stream.wants_end) {
        io::Scope brief(scope.loop(), &scope);
        brief.expire_at(scope.loop().now() + kEndWait);
        auto changed = co_await stream.arrived.wait(brief);
        if (scope.stopping()) {
            co_return std::unexpected(std::errc::operation_canceled);
        }
        if (!changed) {
            carrier.end(stream, io::Farewell::normal);
        }
        co_return {};
    }
    auto changed = co_await stream.arrived.wait(scope);
    co_return changed;
}

}  // namespace

io::Task<io::Result<std::size_t>> MuxLink::recv(io::Scope& scope, io::Buffer& into) {
    MuxStream& stream = *stream_;
    if (stream.reading == MuxStream::Reading::not_yet) {
        stream.reading = MuxStream::Reading::begun;
    }
    while (stream.bytes.empty()) {
        if (stream.peer_ended || stream.failed) {
            stream.reading = MuxStream::Reading::over;
            stream.written.notify_all();
        }
        if (stream.peer_ended) {
            co_return std::size_t{0};
        }
        if (stream.failed) {
            co_return std::unexpected(std::errc::connection_reset);
        }
        auto arrived = co_await wait_for_arrival(scope, *carrier_, stream);
        if (!arrived) {
            co_return std::unexpected(arrived.error());
        }
    }
    const std::size_t count = stream.bytes.take(into);
    carrier_->taken(stream, count);
    co_return count;
}

io::Task<io::Result<void>> MuxLink::send(io::Scope& scope, std::span<const iovec> pieces) {
    MuxWrite write(*stream_);
    write.pieces = pieces;
    auto done = co_await carrier_->write(scope, write);
    co_return done;
}

io::Task<io::Result<void>> MuxLink::shutdown_write(io::Scope&) {
    if (!carrier_->opens_streams() || stream_->peer_ended) {
        carrier_->end(*stream_, io::Farewell::normal);
    } else {
        stream_->wants_end = true;
        stream_->arrived.notify_all();
    }
    co_return {};
}

void MuxLink::close(io::Farewell farewell) noexcept {
    if (carrier_) {
        carrier_->release(*stream_, farewell);
        carrier_.reset();
    }
}

MuxPackets::~MuxPackets() {
    carrier_->release(*stream_, io::Farewell::normal);
}

io::Task<Step<void>> MuxPackets::receive(Packets& into) {
    into.clear();
    stream_->packets.rest();
    while (stream_->packets.empty()) {
        if (stream_->failed) {
            co_return std::unexpected(lost_);
        }
        if (stream_->peer_ended) {
            co_return {};
        }
        auto arrived = co_await stream_->arrived.wait(session_.scope);
        if (!arrived) {
            co_return std::unexpected(failure(session_, arrived.error(), Outcome::idle, lost_));
        }
    }
    stream_->packets.take(into);
    for (Packet& packet : into) {
        if (stream_->addressed && packet.peer.kind == proto::Address::Kind::none) {
            packet.peer = stream_->target;  // what does not say otherwise is about the first one
        }
    }
    co_return {};
}

io::Task<Step<void>> MuxPackets::send(std::span<const Packet> all) {
    MuxWrite write(*stream_);
    write.packets = all;
    auto done = co_await carrier_->write(session_.scope, write);
    if (!done) {
        co_return std::unexpected(failure(session_, done.error(), Outcome::idle, lost_));
    }
    co_return {};
}

bool MuxPackets::may_return() const noexcept {
    return !carrier_->alive() && !stream_->peer_ended;
}

io::Task<void> MuxPackets::end() {
    carrier_->end(*stream_, io::Farewell::normal);
    co_return;
}

}  // namespace ferry::core
