#include "io/datagram.h"

#include <poll.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <memory>
#include <type_traits>

namespace ferry::io {

namespace {

// The list stands in front of the places, in the same slot.
constexpr std::size_t kListBytes = DatagramBatch::kCountMax * sizeof(Datagram);
static_assert(kListBytes + DatagramBatch::kCountMax * DatagramBatch::kPlaceBytes <=
              DatagramBatch::kSlotBytes);
static_assert(std::is_trivially_destructible_v<Datagram>);
static_assert(DatagramBatch::kCountMax <= Backend::kDatagramsMax);

}  // namespace

DatagramBatch& DatagramBatch::operator=(DatagramBatch&& other) noexcept {
    if (this != &other) {
        places_ = std::move(other.places_);
        large_ = std::move(other.large_);
        first_ = std::exchange(other.first_, nullptr);
        count_ = std::exchange(other.count_, 0);
        dropped_ = std::exchange(other.dropped_, 0);
        full_ = std::exchange(other.full_, false);
        other.clear();
    }
    return *this;
}

void DatagramBatch::clear() noexcept {
    places_.release();
    large_.clear();
    first_ = nullptr;
    count_ = 0;
    dropped_ = 0;
    full_ = false;
}

// Fills the slot of places_. False: nothing came, or nothing of it could be kept.
Result<bool> DatagramBatch::receive(Backend& backend, int fd, BufferPool& pool) {
    const std::span<std::uint8_t> memory = places_.room();
    assert(memory.size() >= kSlotBytes);
    assert(memory.size() % alignof(Datagram) == 0);  // the slots follow each other without gaps
    first_ = static_cast<Datagram*>(static_cast<void*>(memory.data()));

    std::array<Incoming, kCountMax> incoming;
    for (std::size_t i = 0; i < incoming.size(); ++i) {
        incoming[i].place = memory.subspan(kListBytes + i * kPlaceBytes, kPlaceBytes);
    }
    const auto came = backend.receive_datagrams(fd, incoming);
    if (!came) {
        return std::unexpected(came.error());
    }
    full_ = *came == kCountMax;
    for (const Incoming& one : std::span(incoming).first(*came)) {
        add(one, pool);
    }
    return count_ > 0;
}

void DatagramBatch::add(const Incoming& one, BufferPool& pool) {
    const auto head = one.place.first(one.head_bytes);
    if (one.tail.empty()) {
        list(one.peer, head);
        return;
    }
    Buffer slot = pool.try_take();
    if (!slot) {
        ++dropped_;
        return;
    }
    const std::span<std::uint8_t> whole = slot.room().first(head.size() + one.tail.size());
    std::ranges::copy(head, whole.begin());
    std::ranges::copy(one.tail, whole.subspan(head.size()).begin());
    large_.push_back(std::move(slot));
    list(one.peer, whole);
}

void DatagramBatch::list(const Endpoint& peer, std::span<std::uint8_t> bytes) noexcept {
    std::construct_at(first_ + count_, peer, bytes);
    ++count_;
}

Result<DatagramSocket> DatagramSocket::open(Scope& scope, const Endpoint& local, Sharing sharing) {
    Loop& loop = scope.loop();
    auto made = loop.backend().datagram(local, sharing);
    if (!made) {
        return std::unexpected(made.error());
    }
    return DatagramSocket(loop, Descriptor(loop, *made));
}

Task<Result<void>> DatagramSocket::recv(Scope& scope, BufferPool& pool, DatagramBatch& into) {
    into.clear();
    for (;;) {
        // Also where the last receive has left something: one that finds more and more without
        // waiting would keep everybody else from running.
        auto there = co_await loop_->poll(scope, fd(), POLLIN);
        if (!there) {
            co_return std::unexpected(there.error());
        }
        auto slot = co_await pool.take(scope);
        if (!slot) {
            co_return std::unexpected(slot.error());
        }
        into.places_ = std::move(*slot);
        const auto kept = into.receive(loop_->backend(), fd(), pool);
        if (kept && *kept) {
            co_return Result<void>();
        }
        into.places_.release();
        if (!kept) {
            co_return std::unexpected(kept.error());
        }
    }
}

Task<Result<std::size_t>> DatagramSocket::send(Scope& scope, std::span<const Datagram> all) {
    std::size_t skipped = 0;
    while (!scope.stopping()) {
        const Sent sent = try_send(all);
        skipped += sent.skipped;
        all = all.subspan(sent.taken);
        if (all.empty()) {
            co_return skipped;
        }
        auto room = co_await loop_->poll(scope, fd(), POLLOUT);
        if (!room) {
            co_return std::unexpected(room.error());
        }
    }
    co_return std::unexpected(std::errc::operation_canceled);
}

Sent DatagramSocket::try_send(std::span<const Datagram> all) noexcept {
    return loop_->backend().send_datagrams(fd(), all);
}

}  // namespace ferry::io
