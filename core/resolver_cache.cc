#include "core/resolver_cache.h"

#include <cassert>
#include <iterator>
#include <utility>

namespace ferry::core {

const io::Result<Endpoints>* ResolverCache::find(const std::string& key, io::TimePoint now) {
    const auto place = places_.find(key);
    if (place == places_.end()) {
        return nullptr;
    }
    const Entries::iterator entry = place->second;
    if (now >= entry->until) {
        erase(entry);
        return nullptr;
    }
    entries_.splice(entries_.begin(), entries_, entry);
    return &entry->answer;
}

void ResolverCache::put(const std::string& key, io::Result<Endpoints> answer, io::TimePoint until) {
    const auto place = places_.find(key);
    if (place != places_.end()) {
        erase(place->second);
    }
    if (capacity_ == 0) {
        return;
    }
    if (entries_.size() >= capacity_) {
        erase(std::prev(entries_.end()));
    }
    entries_.push_front({key, std::move(answer), until});
    places_.emplace(key, entries_.begin());
    assert(places_.size() == entries_.size());
}

void ResolverCache::clear() noexcept {
    places_.clear();
    entries_.clear();
}

void ResolverCache::erase(Entries::iterator entry) {
    places_.erase(entry->key);
    entries_.erase(entry);
}

}  // namespace ferry::core
