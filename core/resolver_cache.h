// ResolverCache: answers that are still good.
#pragma once

#include <cstddef>
#include <list>
#include <string>
#include <unordered_map>

#include "core/resolver.h"
#include "io/result.h"

namespace ferry::core {

// A bounded memory of answers, good and bad, each until its own time; the one that was not used for
// longest makes room.
//
//   thread  one core's
//   cost    find and put: one look into a hash table; put allocates
class ResolverCache {
public:
    explicit ResolverCache(std::size_t capacity) : capacity_(capacity) {}
    ResolverCache(const ResolverCache&) = delete;

    // What is known now, or null.
    //
    //   lifetime  of the answer: until the next call that is not const
    const io::Result<Endpoints>* find(const std::string& key, io::TimePoint now);

    // Remembers an answer until a time, in place of an older one.
    void put(const std::string& key, io::Result<Endpoints> answer, io::TimePoint until);

    void clear() noexcept;
    std::size_t size() const noexcept { return entries_.size(); }

private:
    struct Entry {
        std::string key;
        io::Result<Endpoints> answer;
        io::TimePoint until;
    };
    using Entries = std::list<Entry>;

    void erase(Entries::iterator entry);

    const std::size_t capacity_;
    Entries entries_;  // the one that was used last comes first
    std::unordered_map<std::string, Entries::iterator> places_;
};

}  // namespace ferry::core
