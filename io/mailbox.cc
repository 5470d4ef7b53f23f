#include "io/mailbox.h"

#include <cassert>
#include <utility>

#include "io/loop.h"

namespace ferry::io {

Mailbox::Mailbox(Loop& loop, std::size_t capacity) : loop_(loop), capacity_(capacity) {
    assert(capacity > 0);
    assert(loop.mailbox_ == nullptr);
    loop.mailbox_ = this;
}

Mailbox::~Mailbox() {
    loop_.mailbox_ = nullptr;
}

bool Mailbox::send(Message& message) {
    {
        const std::lock_guard lock(mutex_);
        if (messages_.size() == capacity_) {
            return false;
        }
        messages_.push_back(std::move(message));
        filled_.store(true, std::memory_order_release);
    }
    // After the lock: the receiver should find it free.
    loop_.backend().wake();
    return true;
}

void Mailbox::deliver() {
    if (!filled_.load(std::memory_order_acquire)) {
        return;
    }
    {
        const std::lock_guard lock(mutex_);
        delivering_.swap(messages_);
        filled_.store(false, std::memory_order_relaxed);
    }
    for (Message& message : delivering_) {
        message();
    }
    delivering_.clear();
}

}  // namespace ferry::io
