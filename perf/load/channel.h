// Channel: one connection of ours, on which payload goes in and comes out, plain or over VMess.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "core/users.h"
#include "crypto/dispatch.h"
#include "crypto/random.h"
#include "io/buffer.h"
#include "io/loop.h"
#include "io/socket.h"
#include "io/task.h"
#include "proto/codec.h"
#include "proto/vmess/request.h"

namespace ferry::load {

// What all channels use: one core's.
struct Rig {
    io::Loop& loop;
    io::BufferPool& out;
    const crypto::Dispatch& dispatch;
    crypto::Random& random;
};

// Room for one VMess chunk of any peer and for what comes with it, or for many of ours.
inline constexpr std::size_t kSlotBytes = 128 * 1024;
// As much payload as one send of ours takes at most.
inline constexpr std::size_t kBurstBytes = 64 * 1024;

// Is the payload that comes in looked at? All that a load sends is the same byte.
enum class Check : std::uint8_t { off, on };

// One connection. What it sends is made up, what it receives is counted.
//
//   at once    at most one receive, and at most one send or end
//   lifetime   the rig outlives it
//   errors     the socket's, and bad_message for bytes that do not open, or are not what was sent
class Channel {
public:
    Channel(Rig& rig, io::Socket socket) noexcept : rig_(rig), socket_(std::move(socket)) {}

    // Client: from here on it speaks VMess. The header travels with the first payload.
    void speak(const proto::vmess::UserId& id, proto::vmess::BodyChoice security,
               const proto::Address& target);

    // Server: understands a request and speaks VMess from here on. Nothing is looked at that is not
    // needed for that: neither the time nor whether it was heard before.
    io::Task<io::Result<void>> understand(const core::UserTable& users);

    // Sends `count` bytes of payload, each chunk of which has at most `chunk_bytes`.
    io::Task<io::Result<void>> send(std::size_t count, std::size_t chunk_bytes);

    // Waits for payload.
    //
    //   gives  how many bytes; 0 at the end of the stream
    io::Task<io::Result<std::size_t>> receive(Check check);

    // Its operations belong to another scope from now on. None is in flight.
    void move_to(io::Scope& scope) noexcept { socket_ = io::Socket(scope, std::move(socket_)); }

    // From here on what is received is counted as it is on the wire.
    void stop_opening() noexcept { opener_.reset(); }

    // Says that no more will be sent.
    io::Task<io::Result<void>> end();

private:
    io::Result<std::size_t> take(Check check);
    io::Task<io::Result<void>> fetch(std::size_t count);
    std::size_t fill(io::Buffer& out, std::size_t count, std::size_t chunk_bytes);

    Rig& rig_;
    io::Socket socket_;
    io::Buffer in_;
    bool ended_ = false;  // the peer's end mark has come
    std::unique_ptr<proto::Opener> opener_;
    std::unique_ptr<proto::Sealer> sealer_;
};

}  // namespace ferry::load
