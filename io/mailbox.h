// Mailbox: the one way onto another core.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <mutex>
#include <vector>

namespace ferry::io {

class Loop;

// Messages for one core, run there between two turns in the order in which they were sent.
//
//   lifetime  made and destroyed by the loop's thread, or while the loop does not run; no sender
//             may be left when it is destroyed
class Mailbox {
public:
    // A message runs on the receiving core and must not wait; it may spawn, stop, notify and post.
    using Message = std::move_only_function<void()>;

    Mailbox(Loop& loop, std::size_t capacity);
    Mailbox(const Mailbox&) = delete;
    Mailbox& operator=(const Mailbox&) = delete;
    ~Mailbox();

    // Sends a message.
    //
    //   gives   false if the box is full; the message is then still the caller's
    //   thread  any
    [[nodiscard]] bool send(Message& message);
    [[nodiscard]] bool send(Message&& message) { return send(message); }

private:
    friend class Loop;
    void deliver();  // called by the loop, once per turn

    Loop& loop_;
    const std::size_t capacity_;
    std::atomic<bool> filled_ = false;  // spares an empty turn the lock
    std::mutex mutex_;
    std::vector<Message> messages_;    // guarded by mutex_
    std::vector<Message> delivering_;  // the loop's own
};

}  // namespace ferry::io
