#include "core/known_addresses.h"

#include <algorithm>
#include <iterator>
#include <ranges>
#include <utility>

namespace ferry::core {
namespace {

constexpr std::size_t kFirstEntries = 256;

}  // namespace

std::size_t KnownAddresses::first_of(const Key& key) const noexcept {
    return kWays * (key.address.hash(seed_ + key.inbound) & (entries_.size() / kWays - 1));
}

std::span<const std::uint32_t> KnownAddresses::find(const Key& key) const noexcept {
    if (entries_.empty()) {
        return {};
    }
    for (const Entry& entry : ConstSet(&entries_[first_of(key)], kWays)) {
        if (entry.count != 0 && entry.key() == key) {
            return std::span(entry.places).first(entry.count);
        }
    }
    return {};
}

// The entry of an address, in front of its set: a new one if it had none.
KnownAddresses::Entry& KnownAddresses::entry_for(const Key& key) noexcept {
    const Set set(&entries_[first_of(key)], kWays);
    auto at = std::ranges::find_if(
        set, [&](const Entry& entry) { return entry.count == 0 || entry.key() == key; });
    if (at == set.end()) {
        --at;
        *at = Entry{key.address, {}, key.inbound, 0};
    } else if (at->count == 0) {
        ++used_;
        *at = Entry{key.address, {}, key.inbound, 0};
    }
    std::rotate(set.begin(), at, std::next(at));
    return set.front();
}

void KnownAddresses::insert(const Key& key, std::uint32_t place) {
    if (2 * used_ >= entries_.size() && 2 * entries_.size() <= std::max(most_, kFirstEntries)) {
        grow();  // half full: newcomers would begin to push others out
    }
    Entry& entry = entry_for(key);
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
    // From the back, so that the latest is in front again. Each set becomes two, with room for all.
    for (const Entry& entry : std::views::reverse(before)) {
        if (entry.count != 0) {
            entry_for(entry.key()) = entry;
        }
    }
}

}  // namespace ferry::core
