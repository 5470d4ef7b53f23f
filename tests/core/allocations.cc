#include "tests/core/allocations.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <new>

namespace ferry::test {
namespace {

// In front of each piece, as far as its alignment asks for. All of them are one list.
struct Label {
    Label* before;
    Label* behind;
    std::size_t bytes;
    std::size_t alignment;
    std::uint64_t number;
};
constexpr std::size_t kLabelBytes = 64;  // a power of two, as alignments are
static_assert(sizeof(Label) <= kLabelBytes);

struct Ledger {
    std::mutex lock;
    Label head{&head, &head, 0, 0, 0};
    std::size_t taken_bytes = 0;
    std::uint64_t pieces = 0;
};

// Not a global: others are built before it, and allocate.
Ledger& ledger() {
    static Ledger all;
    return all;
}

// What glibc takes for a piece: a word more, in units of 16 bytes, two at least.
std::size_t taken(std::size_t bytes) {
    return std::max<std::size_t>((bytes + sizeof(std::size_t) + 15) / 16 * 16, 32);
}

std::size_t offset_of(std::align_val_t alignment) {
    return std::max<std::size_t>(static_cast<std::size_t>(alignment), kLabelBytes);
}

void* allocate(std::size_t bytes, std::align_val_t alignment) {
    const std::size_t offset = offset_of(alignment);
    const std::size_t whole = (offset + bytes + offset - 1) / offset * offset;
    auto* memory = static_cast<unsigned char*>(std::aligned_alloc(offset, whole));
    if (memory == nullptr) {
        std::abort();
    }
    void* const place = memory + offset - sizeof(Label);
    Ledger& all = ledger();
    const std::scoped_lock held(all.lock);
    auto* const label = new (place)
        Label{all.head.before, &all.head, bytes, static_cast<std::size_t>(alignment), ++all.pieces};
    all.head.before->behind = label;
    all.head.before = label;
    all.taken_bytes += taken(bytes);
    return memory + offset;
}

void give_back(void* memory, std::align_val_t alignment) noexcept {
    if (memory == nullptr) {
        return;
    }
    auto* const front = static_cast<unsigned char*>(memory);
    auto* const label = static_cast<Label*>(static_cast<void*>(front - sizeof(Label)));
    {
        Ledger& all = ledger();
        const std::scoped_lock held(all.lock);
        label->before->behind = label->behind;
        label->behind->before = label->before;
        all.taken_bytes -= taken(label->bytes);
    }
    std::free(front - offset_of(alignment));
}

constexpr std::align_val_t kUsual{16};

}  // namespace

std::size_t allocated_bytes() noexcept {
    Ledger& all = ledger();
    const std::scoped_lock held(all.lock);
    return all.taken_bytes;
}

std::uint64_t allocations_so_far() noexcept {
    Ledger& all = ledger();
    const std::scoped_lock held(all.lock);
    return all.pieces;
}

std::vector<Piece> pieces_since(std::uint64_t point) {
    std::vector<Piece> found;
    found.reserve(allocations_so_far() - point);  // it allocates nothing while the list is locked
    Ledger& all = ledger();
    const std::scoped_lock held(all.lock);
    for (const Label* label = all.head.behind; label != &all.head; label = label->behind) {
        const bool is_ours = label + 1 == static_cast<const void*>(found.data());
        if (label->number > point && !is_ours) {
            found.push_back({label + 1, label->bytes, label->alignment, taken(label->bytes)});
        }
    }
    return found;
}

}  // namespace ferry::test

void* operator new(std::size_t bytes) {
    return ferry::test::allocate(bytes, ferry::test::kUsual);
}
void* operator new(std::size_t bytes, std::align_val_t alignment) {
    return ferry::test::allocate(bytes, alignment);
}
void* operator new[](std::size_t bytes) {
    return ferry::test::allocate(bytes, ferry::test::kUsual);
}
void operator delete(void* memory) noexcept {
    ferry::test::give_back(memory, ferry::test::kUsual);
}
void operator delete(void* memory, std::size_t) noexcept {
    ferry::test::give_back(memory, ferry::test::kUsual);
}
void operator delete(void* memory, std::align_val_t alignment) noexcept {
    ferry::test::give_back(memory, alignment);
}
void operator delete(void* memory, std::size_t, std::align_val_t alignment) noexcept {
    ferry::test::give_back(memory, alignment);
}
void operator delete[](void* memory) noexcept {
    ferry::test::give_back(memory, ferry::test::kUsual);
}
void operator delete[](void* memory, std::size_t) noexcept {
    ferry::test::give_back(memory, ferry::test::kUsual);
}
