#include "core/known_addresses.h"

#include <algorithm>
#include <utility>

namespace ferry::core {
namespace {

constexpr std::size_t kFirstEntries = 256;

}  // namespace

std::size_t KnownAddresses::slot_of(const Key& key, std::size_t slots) const noexcept {
    return key.address.hash(seed_ + key.inbound) & (slots - 1);
}

std::span<const std::uint32_t> KnownAddresses::find(const Key& key) const noexcept {
    if (entries_.empty()) {
        return {};
    }
    const Entry& entry = entries_[slot_of(key, entries_.size())];
    if (entry.count == 0 || entry.key() != key) {
        return {};
    }
    return std::span(entry.places).first(entry.count);
}

void KnownAddresses::insert(const Key& key, std::uint32_t place) {
    if (2 * used_ >= entries_.size() && 2 * entries_.size() <= std::max(most_, kFirstEntries)) {
        grow();  // half full: every second newcomer would push somebody out
    }
    Entry& entry = entries_[slot_of(key, entries_.size())];
    if (entry.count == 0) {
        ++used_;
    }
    if (entry.key() != key) {
        entry = Entry{key.address, {}, key.inbound, 0};
    }
    const auto known = std::span(entry.places).first(entry.count);
    auto at = static_cast<std::size_t>(std::ranges::find(known, place) - known.begin());
    if (at == kUsersPerAddress) {
        --at;  // the oldest one goes
    } else if (at == entry.count) {
        ++entry.count;
    }
    entry.places[at] = place;
    std::rotate(entry.places.begin(), entry.places.begin() + static_cast<std::ptrdiff_t>(at),
                entry.places.begin() + static_cast<std::ptrdiff_t>(at) + 1);
}

void KnownAddresses::grow() {
    const std::size_t slots = entries_.empty() ? kFirstEntries : 2 * entries_.size();
    std::vector<Entry> before = std::exchange(entries_, std::vector<Entry>(slots));
    used_ = 0;
    for (const Entry& entry : before) {
        if (entry.count != 0) {
            Entry& to = entries_[slot_of(entry.key(), slots)];  // two never meet: one bit is added
            to = entry;
            ++used_;
        }
    }
}

}  // namespace ferry::core
