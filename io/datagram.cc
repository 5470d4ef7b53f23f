#include "io/datagram.h"

#include <poll.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <memory>
#include <type_traits>

namespace ferry::io {

namespace {

// As many places as one receive can fill.
constexpr std::size_t kPlaces = Backend::kDatagramsMax;
constexpr std::size_t kListBytes = DatagramBatch::kCountMax * sizeof(Datagram);
static_assert(std::is_trivially_destructible_v<Datagram>);

}  // namespace

DatagramBatch& DatagramBatch::operator=(DatagramBatch&& other) noexcept {
    if (this != &other) {
        places_ = std::move(other.places_);
        large_ = std::move(other.large_);
        first_ = std::exchange(other.first_, nullptr);
        trains_ = std::exchange(other.trains_, nullptr);
        train_count_ = std::exchange(other.train_count_, 0);
        next_ = std::exchange(other.next_, 0);
        count_ = std::exchange(other.count_, 0);
        dropped_ = std::exchange(other.dropped_, 0);
        place_bytes_ = other.place_bytes_;
        other.clear();
    }
    return *this;
}

void DatagramBatch::clear() noexcept {
    places_.release();
    large_.clear();
    first_ = nullptr;
    trains_ = nullptr;
    train_count_ = 0;
    next_ = 0;
    count_ = 0;
    dropped_ = 0;
}

// Fills the slot of places_. False: nothing came, or nothing of it could be kept.
Result<bool> DatagramBatch::receive(Backend& backend, int fd, BufferPool& pool) {
    // The lists stand in front of the places, in the same slot.
    constexpr std::size_t kTrainsBytes = kPlaces * sizeof(Train);
    static_assert(kListBytes + kTrainsBytes + kPlaces * kPlaceBytes <= kSlotBytes);
    static_assert(alignof(Train) == alignof(Datagram) && kListBytes % alignof(Train) == 0);
    static_assert(std::is_trivially_destructible_v<Train>);
    const std::span<std::uint8_t> memory = places_.room();
    assert(memory.size() >= kSlotBytes);
    assert(memory.size() % alignof(Datagram) == 0);  // the slots follow each other without gaps
    first_ = static_cast<Datagram*>(static_cast<void*>(memory.data()));
    trains_ = static_cast<Train*>(static_cast<void*>(memory.subspan(kListBytes).data()));
    const std::span<std::uint8_t> rest =
        memory.first(kSlotBytes).subspan(kListBytes + kTrainsBytes);

    std::array<Incoming, kPlaces> incoming;
    const std::size_t count = std::min(kPlaces, rest.size() / place_bytes_);
    for (std::size_t i = 0; i < count; ++i) {
        incoming[i].place = rest.subspan(i * place_bytes_, place_bytes_);
    }
    const auto came = backend.receive_datagrams(fd, std::span(incoming).first(count));
    if (!came) {
        return std::unexpected(came.error());
    }
    for (const Incoming& one : std::span(incoming).first(*came)) {
        add(one, pool);
    }
    expect(std::span(incoming).first(*came));
    list();
    return count_ > 0;
}

// Trains mostly come in one size for a while: the next receive has places that they fit, fewer of
// them, so that nothing is to be copied.
void DatagramBatch::expect(std::span<const Incoming> came) noexcept {
    std::size_t largest_bytes = 0;
    for (const Incoming& one : came) {
        largest_bytes = std::max(largest_bytes, one.head_bytes + one.tail.size());
    }
    constexpr std::size_t kMost = kSlotBytes - kListBytes - kPlaces * sizeof(Train);
    // Smaller again step by step.
    place_bytes_ = std::max(largest_bytes, place_bytes_ - place_bytes_ / 8);
    place_bytes_ = std::clamp(place_bytes_, kPlaceBytes, kMost);
}

void DatagramBatch::add(const Incoming& one, BufferPool& pool) {
    const std::size_t bytes = one.head_bytes + one.tail.size();
    const std::size_t each_bytes = one.each_bytes == 0 ? bytes : one.each_bytes;
    std::span<std::uint8_t> whole = one.place.first(one.head_bytes);
    if (!one.tail.empty()) {
        whole = gather(one, pool);
    }
    if (whole.size() < bytes) {
        // Those that are there to their last byte are kept.
        whole = whole.first(whole.size() / each_bytes * each_bytes);
        dropped_ += (bytes - whole.size() + each_bytes - 1) / each_bytes;
    }
    if (!whole.empty() || bytes == 0) {
        std::construct_at(trains_ + train_count_, one.peer, static_cast<std::uint32_t>(each_bytes),
                          whole);
        ++train_count_;
    }
}

// Puts the two parts together in another slot; if none is free, the first part has to do.
std::span<std::uint8_t> DatagramBatch::gather(const Incoming& one, BufferPool& pool) {
    const std::span<std::uint8_t> head = one.place.first(one.head_bytes);
    const std::size_t bytes = head.size() + one.tail.size();
    if (large_.empty() || large_.back().room().size() < bytes) {
        Buffer slot = pool.try_take();
        if (!slot) {
            return head;
        }
        large_.push_back(std::move(slot));
    }
    Buffer& slot = large_.back();
    const std::span<std::uint8_t> whole = slot.room().first(bytes);
    std::ranges::copy(head, whole.begin());
    std::ranges::copy(one.tail, whole.subspan(head.size()).begin());
    slot.commit(bytes);
    return whole;
}

// Lists what comes next of the trains.
void DatagramBatch::list() noexcept {
    count_ = 0;
    std::size_t listed_bytes = 0;
    while (has_more() && count_ < kCountMax) {
        Train& train = trains_[next_];
        const std::size_t bytes = std::min<std::size_t>(train.bytes.size(), train.each_bytes);
        listed_bytes += bytes;
        if (count_ > 0 && listed_bytes > kBytesMax) {
            return;
        }
        std::construct_at(first_ + count_, train.peer, train.bytes.first(bytes));
        ++count_;
        train.bytes = train.bytes.subspan(bytes);
        if (train.bytes.empty()) {
            ++next_;
        }
    }
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
    if (into.has_more()) {
        into.count_ = 0;
        into.dropped_ = 0;
        // There is room to send at almost any time: it is a turn for the others.
        auto turn = co_await loop_->poll(scope, fd(), POLLIN | POLLOUT);
        if (!turn) {
            into.clear();
            co_return std::unexpected(turn.error());
        }
        into.list();
        co_return {};
    }
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
        const std::size_t dropped = into.dropped_;
        into.clear();
        into.dropped_ = dropped;
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
