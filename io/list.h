// Hook and List: doubly linked lists whose links live in the elements, so that joining and leaving
// allocates nothing and an element can leave without knowing which list it is in.
#pragma once

#include <cassert>

namespace ferry::io {

// One place in one list; the tag tells apart the lists that an element may be in at the same time.
//
//   lifetime  an element leaves its list before it dies
template <class Tag>
class Hook {
public:
    Hook() noexcept = default;
    Hook(const Hook&) = delete;
    Hook& operator=(const Hook&) = delete;
    ~Hook() { assert(next_ == nullptr || next_ == this); }

    bool linked() const noexcept { return next_ != nullptr; }

    void unlink() noexcept {
        if (next_ == nullptr) {
            return;
        }
        prev_->next_ = next_;
        next_->prev_ = prev_;
        prev_ = nullptr;
        next_ = nullptr;
    }

private:
    template <class T, class ItsTag>
    friend class List;

    Hook* prev_ = nullptr;
    Hook* next_ = nullptr;
};

// A list of T, which inherits Hook<Tag>. First in, first out.
//
//   lifetime  empty when destroyed
template <class T, class Tag>
class List {
public:
    List() noexcept {
        head_.prev_ = &head_;
        head_.next_ = &head_;
    }

    bool empty() const noexcept { return head_.next_ == &head_; }

    void push_back(T& element) noexcept {
        Hook<Tag>& hook = element;
        assert(!hook.linked());
        hook.prev_ = head_.prev_;
        hook.next_ = &head_;
        head_.prev_->next_ = &hook;
        head_.prev_ = &hook;
    }

    // Takes the first element out; nullptr if there is none.
    T* pop_front() noexcept {
        if (empty()) {
            return nullptr;
        }
        Hook<Tag>* first = head_.next_;
        first->unlink();
        return static_cast<T*>(first);
    }

    // Calls `act` with every element. `act` may take out the element it is given, and no other.
    template <class Act>
    void each(Act act) {
        for (Hook<Tag>* hook = head_.next_; hook != &head_;) {
            Hook<Tag>* const next = hook->next_;
            act(static_cast<T&>(*hook));
            hook = next;
        }
    }

    // Moves every element of `other` behind the elements of this list.
    void take_all(List& other) noexcept {
        if (other.empty()) {
            return;
        }
        other.head_.next_->prev_ = head_.prev_;
        head_.prev_->next_ = other.head_.next_;
        other.head_.prev_->next_ = &head_;
        head_.prev_ = other.head_.prev_;
        other.head_.prev_ = &other.head_;
        other.head_.next_ = &other.head_;
    }

private:
    Hook<Tag> head_;  // closes the circle, so that no link is ever null inside a list
};

}  // namespace ferry::io
