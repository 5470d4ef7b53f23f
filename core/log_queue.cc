#include "core/log_queue.h"

#include <utility>

namespace ferry::core {

LogQueue::LogQueue(std::size_t capacity, Wake wake) : capacity_(capacity), wake_(std::move(wake)) {}

void LogQueue::push(LogRecord record) {
    {
        const std::lock_guard lock(mutex_);
        if (records_.size() >= capacity_) {
            lost_.fetch_add(1, std::memory_order_relaxed);
            return;
        }
        records_.push_back(std::move(record));
    }
    if (wake_) {
        wake_();
    }
}

void LogQueue::take(std::vector<LogRecord>& into) {
    into.clear();
    const std::lock_guard lock(mutex_);
    // The two vectors take turns, so that neither side allocates once both have grown.
    records_.swap(into);
}

}  // namespace ferry::core
