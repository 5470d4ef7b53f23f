// KeptSockets: the sockets of associations with which a client may go on in another connection.
#pragma once

#include <array>
#include <atomic>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "io/endpoint.h"
#include "io/result.h"
#include "proto/mux/frame.h"

namespace ferry::core {

// XUDP names the client's local source by a global id. Whoever comes back with it, in another
// connection and on whatever core, goes on with the socket of before: to its targets it is the same
// peer, and what they have sent meanwhile waits there.
//
//   thread  any; a lock, taken when an association begins and ends
class KeptSockets {
public:
    // A global id means something under one user only.
    struct Key {
        std::array<std::uint8_t, 16> user;
        proto::mux::GlobalId id;
        friend auto operator<=>(const Key&, const Key&) = default;
    };
    // Shared by an association and the table.
    struct Claim {
        // Asks the association to end, as somebody else goes on with its socket. Called once, on
        // any thread.
        std::function<void()> stop;
    };
    struct Socket {
        int fd = -1;
        io::Endpoint local;  // what it was bound to
    };

    // How long a socket waits for its client to come back, and how many may wait.
    static constexpr io::Duration kPatience = std::chrono::seconds(90);
    static constexpr std::size_t kWaitingMax = 4096;

    // The socket of a key; the caller owns the descriptor. One that an association still uses is
    // taken from it: it is asked to stop, and `duplicate` makes a descriptor of our own.
    using Duplicate = std::function<io::Result<int>(int fd)>;
    std::optional<Socket> take(const Key& key, const Duplicate& duplicate);

    // An association uses a socket from now on, until it leaves or forgets it.
    void claim(const Key& key, const Socket& socket, std::shared_ptr<Claim> claim);

    // It does so no more, and leaves the socket to whoever comes back.
    //
    //   gives  false if the socket is still the caller's to close: it was taken over, or too many
    //          wait already
    bool leave(const Key& key, const std::shared_ptr<Claim>& claim, io::TimePoint now);
    // Likewise, for good; the socket is the caller's to close.
    void forget(const Key& key, const std::shared_ptr<Claim>& claim);

    // Gives `close` what has waited for too long at `now`; kNever: everything that waits.
    void sweep(io::TimePoint now, const std::function<void(int fd)>& close);
    // When there is something to sweep; kNever: nothing waits.
    io::TimePoint next_sweep() const;

    std::size_t waiting() const;
    std::uint64_t returned() const noexcept { return returned_; }  // how often a socket was taken
    std::uint64_t refused() const noexcept { return refused_; }    // how often too many waited

private:
    struct Entry {
        Socket socket;
        std::shared_ptr<Claim> claim;      // of the association that uses it; null: it waits
        io::TimePoint until = io::kNever;  // waiting only
    };

    mutable std::mutex lock_;
    std::map<Key, Entry> sockets_;
    std::size_t waiting_ = 0;
    std::atomic<std::uint64_t> returned_ = 0;
    std::atomic<std::uint64_t> refused_ = 0;
};

}  // namespace ferry::core
