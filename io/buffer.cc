#include "io/buffer.h"

#include <sanitizer/asan_interface.h>
#include <sys/mman.h>

#include <algorithm>
#include <cassert>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "io/backend.h"
#include "io/loop.h"
#include "io/scope.h"

namespace ferry::io {

namespace {

// The backend is given few slots, so that the same memory is used again and again and stays in the
// cache: it uses them in turn, not the last one first. More when a burst has shown that it needs
// more.
constexpr std::uint32_t kFedFewest = 64;
// After so many turns the number follows what was needed in them.
constexpr std::uint32_t kPeriodTurns = 1024;

}  // namespace

Buffer::Buffer(Buffer&& other) noexcept
    : pool_(std::exchange(other.pool_, nullptr)),
      begin_(std::exchange(other.begin_, 0)),
      end_(std::exchange(other.end_, 0)),
      slot_(other.slot_) {}

Buffer& Buffer::operator=(Buffer&& other) noexcept {
    if (this != &other) {
        release();
        pool_ = std::exchange(other.pool_, nullptr);
        begin_ = std::exchange(other.begin_, 0);
        end_ = std::exchange(other.end_, 0);
        slot_ = other.slot_;
    }
    return *this;
}

std::uint8_t* Buffer::memory() const noexcept {
    return pool_ != nullptr ? pool_->memory(slot_) : nullptr;
}

std::span<std::uint8_t> Buffer::data() noexcept {
    return {memory() + begin_, end_ - begin_};
}

std::span<const std::uint8_t> Buffer::data() const noexcept {
    return {memory() + begin_, end_ - begin_};
}

std::span<std::uint8_t> Buffer::room() noexcept {
    return {memory() + end_, slot_bytes() - end_};
}

std::size_t Buffer::slot_bytes() const noexcept {
    return pool_ != nullptr ? pool_->slot_bytes() : 0;
}

void Buffer::commit(std::size_t bytes) noexcept {
    assert(bytes <= slot_bytes() - end_);
    end_ += static_cast<std::uint32_t>(bytes);
}

void Buffer::consume(std::size_t bytes) noexcept {
    assert(bytes <= end_ - begin_);
    begin_ += static_cast<std::uint32_t>(bytes);
    if (begin_ == end_) {
        release();
    }
}

void Buffer::close_up() noexcept {
    if (begin_ == 0) {
        return;
    }
    std::memmove(memory(), memory() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
}

void Buffer::release() noexcept {
    if (BufferPool* pool = std::exchange(pool_, nullptr)) {
        begin_ = 0;
        end_ = 0;
        pool->give_back(slot_);
    }
}

BufferPool::BufferPool(std::size_t slot_bytes, std::uint32_t slots)
    : slot_bytes_(slot_bytes), slots_(slots) {
    assert(slot_bytes > 0);
    assert(slots > 0);
    assert(slots <= kSlotsMax);
    void* memory = mmap(nullptr, slot_bytes * slots, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
        std::abort();
    }
    // A huge page would make every first touch cost two megabytes of memory.
    madvise(memory, slot_bytes * slots, MADV_NOHUGEPAGE);
    memory_ = static_cast<std::uint8_t*>(memory);
}

BufferPool::~BufferPool() {
    assert(waiting_.empty());
    assert(free_slots() == slots_);
    ASAN_UNPOISON_MEMORY_REGION(memory_, slot_bytes_ * slots_);
    munmap(memory_, slot_bytes_ * slots_);
}

std::uint32_t BufferPool::free_slots() const noexcept {
    return slots_ - touched_ + static_cast<std::uint32_t>(freed_.size()) + fed_;
}

std::uint8_t* BufferPool::memory(std::uint16_t slot) const noexcept {
    assert(slot < slots_);
    return memory_ + slot * slot_bytes_;
}

bool BufferPool::take_slot(std::uint16_t& slot) noexcept {
    if (!freed_.empty()) {
        slot = freed_.back();
        freed_.pop_back();
    } else if (touched_ < slots_) {
        slot = static_cast<std::uint16_t>(touched_++);
    } else {
        return false;
    }
    ASAN_UNPOISON_MEMORY_REGION(memory(slot), slot_bytes_);
    return true;
}

void BufferPool::give_back(std::uint16_t slot) noexcept {
    if (Op* op = waiting_.pop_front()) {
        op->slot = slot;
        op->scope->loop().finish(*op, 0);
    } else if (fed_ < target_) {
        hand_over(slot);
    } else {
        // Whoever still looks at the slot is told by the sanitizer.
        ASAN_POISON_MEMORY_REGION(memory(slot), slot_bytes_);
        freed_.push_back(slot);
    }
}

Buffer BufferPool::try_take() noexcept {
    std::uint16_t slot = 0;
    if (!take_slot(slot)) {
        ++shortages_;
        return {};
    }
    return {*this, slot, 0};
}

Buffer BufferPool::adopt(std::uint16_t slot, std::size_t bytes) noexcept {
    assert(fed_ > 0);
    assert(bytes <= slot_bytes_);
    --fed_;
    return {*this, slot, static_cast<std::uint32_t>(bytes)};
}

bool BufferPool::Take::await_suspend(std::coroutine_handle<> h) noexcept {
    // A free slot while others wait cannot be: give_back() hands it to the first of them.
    if (!scope->stopping() && pool_.take_slot(slot)) {
        return false;
    }
    if (!scope->enter(*this, h)) {
        return false;
    }
    ++pool_.shortages_;
    pool_.waiting_.push_back(*this);
    return true;
}

Result<Buffer> BufferPool::Take::await_resume() {
    if (result < 0) {
        return std::unexpected(std::errc(-result));
    }
    return Buffer(pool_, slot, 0);
}

void BufferPool::feed(Backend& backend) {
    assert(backend_ == nullptr);
    backend_ = &backend;
    target_ = std::min(slots_, kFedFewest);
    backend.expect_slots(slots_);
    top_up();
}

void BufferPool::top_up() {
    if (backend_ == nullptr) {
        return;
    }
    const std::uint32_t starving = backend_->starving();
    adjust_target(starving);
    std::uint16_t slot = 0;
    while (fed_ < target_ && take_slot(slot)) {
        hand_over(slot);
    }
    if (starving > fed_) {
        ++shortages_;
    }
    fed_before_ = fed_;
}

void BufferPool::hand_over(std::uint16_t slot) {
    ++fed_;
    backend_->provide(slot, {memory(slot), slot_bytes_});
}

void BufferPool::adjust_target(std::uint32_t starving) noexcept {
    const std::uint32_t taken = fed_before_ > fed_ ? fed_before_ - fed_ : 0;
    peak_ = std::max(peak_, taken + starving);
    if (++turns_ == kPeriodTurns) {
        target_ = std::max(std::min(slots_, kFedFewest), std::min(target_, 2 * peak_));
        turns_ = 0;
        peak_ = 0;
    }
    target_ = std::min(slots_, std::max(target_, fed_ + starving));
}

void BufferPool::unfeed() noexcept {
    // The slots stay counted in fed_: nobody holds them.
    backend_ = nullptr;
    target_ = 0;
}

}  // namespace ferry::io
