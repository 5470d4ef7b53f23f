// Buffer and BufferPool: memory in slots of one size, each with one owner.
#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "io/list.h"
#include "io/op.h"
#include "io/result.h"

namespace ferry::io {

class Backend;
class BufferPool;

// The one owner of one slot, or of nothing. [finished | data | room]
//
//   lifetime  returns the slot to its pool when destroyed, released, or emptied by consume()
//   aliasing  spans taken from a Buffer die with it; they are views, never owners
class Buffer {
public:
    Buffer() noexcept = default;
    Buffer(Buffer&& other) noexcept;
    Buffer& operator=(Buffer&& other) noexcept;
    ~Buffer() { release(); }

    explicit operator bool() const noexcept { return pool_ != nullptr; }  // owns a slot
    std::span<std::uint8_t> data() noexcept;                              // bytes that are there
    std::span<const std::uint8_t> data() const noexcept;
    std::span<std::uint8_t> room() noexcept;  // space after them; empty without a slot
    std::size_t slot_bytes() const noexcept;  // 0 without a slot

    void commit(std::size_t bytes) noexcept;   // the first `bytes` of room() now hold data
    void consume(std::size_t bytes) noexcept;  // the first `bytes` of data() are finished
    void close_up() noexcept;                  // moves data() to the front of the slot
    void release() noexcept;                   // gives the slot back, whatever is in it

private:
    friend class BufferPool;
    Buffer(BufferPool& pool, std::uint16_t slot, std::uint32_t bytes) noexcept
        : pool_(&pool), end_(bytes), slot_(slot) {}
    std::uint8_t* memory() const noexcept;

    BufferPool* pool_ = nullptr;
    std::uint32_t begin_ = 0;
    std::uint32_t end_ = 0;
    std::uint16_t slot_ = 0;
};

// All slots of one core and one size. A slot is in exactly one place: the backend's hands, the free
// list, or a Buffer.
//
//   memory    reserved at once, used page by page; the slot that came back last is given out first
//   lifetime  every slot is back when the pool is destroyed; it asserts so
//   thread    one core only
class BufferPool {
public:
    static constexpr std::uint32_t kSlotsMax = 32768;  // what a provided-buffer ring can number

    BufferPool(std::size_t slot_bytes, std::uint32_t slots);
    BufferPool(const BufferPool&) = delete;
    BufferPool& operator=(const BufferPool&) = delete;
    ~BufferPool();

    // A slot as an awaitable: waits for one, first come first served.
    class [[nodiscard]] Take : Op {
    public:
        Take(BufferPool& pool, Scope& its_scope) noexcept
            : Op(its_scope, Op::Kind::local, -1), pool_(pool) {}
        bool await_ready() const noexcept { return false; }
        bool await_suspend(std::coroutine_handle<> h) noexcept;
        Result<Buffer> await_resume();

    private:
        BufferPool& pool_;
    };
    Take take(Scope& scope) noexcept { return Take(*this, scope); }

    // A slot, or an empty Buffer at once if none is free.
    Buffer try_take() noexcept;

    // A slot that the backend has just filled.
    Buffer adopt(std::uint16_t slot, std::size_t bytes) noexcept;

    std::size_t slot_bytes() const noexcept { return slot_bytes_; }
    std::uint32_t slots() const noexcept { return slots_; }
    std::uint32_t free_slots() const noexcept;  // free or in the backend's hands
    std::uint32_t used_slots() const noexcept { return slots_ - free_slots(); }
    // How often somebody found no free slot; for the backend's pool, how often a receive did.
    std::uint64_t shortages() const noexcept { return shortages_; }

    // Makes this the pool that recv_slot is fed from. The Loop calls it, once.
    void feed(Backend& backend);
    // Gives the backend what it lacks: before every wait.
    void top_up();
    // The backend receives no more. The Loop calls it when it ends.
    void unfeed() noexcept;

private:
    friend class Buffer;
    std::uint8_t* memory(std::uint16_t slot) const noexcept;
    bool take_slot(std::uint16_t& slot) noexcept;
    void give_back(std::uint16_t slot) noexcept;
    void hand_over(std::uint16_t slot);
    void adjust_target(std::uint32_t starving) noexcept;

    std::size_t slot_bytes_;
    std::uint32_t slots_;
    std::uint32_t touched_ = 0;  // slots below have been used; the memory of the others has not
    std::uint8_t* memory_ = nullptr;
    std::vector<std::uint16_t> freed_;  // a stack
    List<Op, InQueue> waiting_;
    std::uint64_t shortages_ = 0;

    Backend* backend_ = nullptr;
    std::uint32_t fed_ = 0;         // slots in the backend's hands
    std::uint32_t target_ = 0;      // how many should be there
    std::uint32_t fed_before_ = 0;  // after the last top_up()
    std::uint32_t peak_ = 0;        // the most that one turn of this period needed
    std::uint32_t turns_ = 0;       // of this period
};

}  // namespace ferry::io
