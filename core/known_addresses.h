// KnownAddresses: who has come from where lately.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "core/peer_address.h"

namespace ferry::core {

// The users who have been served last at an address: whoever comes from there is tried as one of
// them first. An address has four places to be in; where they are taken, the one that was served
// there the longest ago goes.
//
// Only proven users get in, so a stranger can neither fill it nor push anybody out. A user who is
// in it is found sooner than others, which tells an observer that a user comes from where users
// have come from before; not which one, as 64 are tried whoever it is.
//
//   thread  its core's
//   memory  32 bytes per entry; it grows with what is in it, to `most` entries
class KnownAddresses {
public:
    // Behind one address there may be a family, or an office; beyond so many the oldest goes.
    static constexpr std::size_t kUsersPerAddress = 4;

    // What somebody is known for: a place in the snapshot's list of inbounds.
    struct Key {
        PeerAddress address;
        std::uint16_t inbound = 0;
        friend bool operator==(const Key&, const Key&) = default;
    };

    KnownAddresses(std::uint64_t seed, std::size_t most) noexcept : seed_(seed), most_(most) {}

    // Their places in the table of users, the latest first. Valid until the next insert.
    std::span<const std::uint32_t> find(const Key& key) const noexcept;
    void insert(const Key& key, std::uint32_t place);

    std::size_t size() const noexcept { return used_; }

private:
    struct Entry {
        PeerAddress address;
        std::array<std::uint32_t, kUsersPerAddress> places{};
        std::uint16_t inbound = 0;
        std::uint16_t count = 0;  // of the users; 0: free

        Key key() const noexcept { return {address, inbound}; }
    };

    // Entries that an address may be in: the latest first, free ones last.
    static constexpr std::size_t kWays = 4;
    using Set = std::span<Entry, kWays>;
    using ConstSet = std::span<const Entry, kWays>;

    std::size_t first_of(const Key& key) const noexcept;  // the place of its set
    Entry& entry_for(const Key& key) noexcept;
    void grow();

    std::uint64_t seed_;
    std::size_t most_;
    std::size_t used_ = 0;
    std::vector<Entry> entries_;  // a power of two of them, or none
};

}  // namespace ferry::core
