// TrialBudget: how much of a core's time goes into searching the users for strangers.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/peer_address.h"
#include "crypto/trial.h"
#include "io/result.h"

namespace ferry::core {

// What strangers may cost, counted in trials: AES blocks, one for each user that is tried.
struct TrialRates {
    std::uint64_t per_second = 20'000'000;  // of one core, for all addresses together
    std::uint64_t per_second_per_address = 4'000'000;
    // Connections that may wait for their search. Each holds a slot for what it has sent, so these
    // are a quarter of the slots (Limits::in_slots): users need the others.
    std::uint32_t waiting = 1024;
};

// A quarter of this machine's core, measured in a millisecond or so; of that a fifth per address.
TrialRates rates_for(const crypto::TrialRow& row);

// Whose turn it is to be searched for, and when.
//
// Whoever is not known at an address costs one pass over all users, and strangers can ask for as
// many as they like. So a search is booked first, and paid for in time:
//
//   - with the address, so that one that knocks quickly waits for itself, and one that is new for
//     what its first search brings;
//   - then in one of two lanes. Addresses that have failed lately have a quarter of the rate,
//     all others have the rest, and so an honest newcomer never waits behind those that fail.
//
// A search that finds a user who is proven then is taken back: only failures use the budget up.
// A booking whose turn would come too late is refused: nobody could be served in it any more.
//
//   thread  its core's; the time is an argument
//   memory  128 KiB, from the first booking on
class TrialBudget {
public:
    // The share of a second that may be used at once after a quiet time: of a lane little, as the
    // searches of one turn delay everybody on the core; of an address enough for a page of a
    // browser.
    static constexpr io::Duration kLaneBurst = std::chrono::milliseconds(100);
    static constexpr io::Duration kAddressBurst = std::chrono::seconds(1);
    // A sixth of the default time for a handshake; somebody who has waited so long tries again.
    static constexpr io::Duration kWaitMost = std::chrono::seconds(10);
    // How long an address counts as one that fails.
    static constexpr io::Duration kFailureMemory = std::chrono::seconds(60);

    enum class Lane : std::uint8_t { fresh, failed };

    // What has been booked for one connection.
    struct Booking {
        Booking(const PeerAddress& its_address, std::size_t its_trials) noexcept
            : address(its_address), trials(its_trials) {}

        PeerAddress address;
        std::size_t trials;
        bool with_address = false;
        std::optional<Lane> lane = {};
    };

    TrialBudget(std::uint64_t seed, const TrialRates& rates) noexcept
        : seed_(seed), rates_(rates) {}

    // Books with the address: the first step.
    //
    //   gives   how long to wait before the second; nothing: it is refused
    std::optional<io::Duration> book(Booking& booking, io::TimePoint now);
    // Books in the lane in which the address is now: the second step.
    std::optional<io::Duration> book_lane(Booking& booking, io::TimePoint now);
    // The search has found somebody who is proven, or has not been made.
    void take_back(const Booking& booking) noexcept;
    // The search was in vain, or has found nobody who could prove it.
    void failed(const PeerAddress& address, io::TimePoint now);

    // Counts those who wait. A quarter of the places is for addresses that have failed.
    //
    //   gives  false: there is no place
    bool enter(Lane lane) noexcept;
    void leave(Lane lane) noexcept { --waiting_[static_cast<std::size_t>(lane)]; }

    Lane lane_of(const PeerAddress& address, io::TimePoint now) noexcept;

private:
    // Work in the order of its booking, at a rate; what has not been used for a while can be made
    // up for.
    class Meter {
    public:
        std::optional<io::Duration> book(io::Duration cost, io::TimePoint now,
                                         io::Duration burst) noexcept;
        void take_back(io::Duration cost) noexcept { next_ -= cost; }
        io::TimePoint next() const noexcept { return next_; }

    private:
        io::TimePoint next_{};  // when everything booked has been worked off
    };

    struct Entry {
        PeerAddress address;
        Meter meter;
        io::TimePoint failed_until{};
        io::TimePoint settles_at{};  // when it is searched for as a newcomer
    };
    static constexpr std::size_t kWays = 4;
    static constexpr std::size_t kSets = 1024;

    std::span<Entry> set_of(const PeerAddress& address) noexcept;
    Entry* find(const PeerAddress& address) noexcept;
    Entry& place(const PeerAddress& address);
    std::uint64_t rate_of(Lane lane) const noexcept;

    std::uint64_t seed_;
    TrialRates rates_;
    std::array<Meter, 2> lanes_;
    std::array<std::uint32_t, 2> waiting_{};
    std::vector<Entry> entries_;  // kSets times kWays, or none yet
};

}  // namespace ferry::core
