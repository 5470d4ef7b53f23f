// ChunkPackets: datagrams in the chunks of a VMess connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "core/packets.h"
#include "core/session.h"
#include "io/buffer.h"

namespace ferry::core {

// How datagrams stand in the body of a request.
enum class PacketFraming : std::uint8_t {
    chunks,     // one chunk is one datagram with the one target
    addressed,  // the same, each with an address in front (vmess.md 15)
    // No chunks at all: boundaries are lost. What one receive brings is taken for a datagram, and
    // each is sent alone, which does for questions and answers. V2Ray's `zero` sends UDP so.
    raw,
};

// An end of an association that is a VMess connection of command 2, seen from either side of it.
//
//   memory  as a direction of a stream: nothing while quiet, a slot when something comes, a run
//           buffer for a burst or a large chunk
//   counts  what is too large, or goes to a name where only addresses can be written, is dropped as
//           datagrams_unsent, before anything of its chunk is drawn
class ChunkPackets final : public PacketEnd {
public:
    // The client's end of a session: its codecs, and what came behind the request.
    ChunkPackets(Session& session, PacketFraming framing);
    // The server's end; owns the connection.
    ChunkPackets(Session& session, End far, PacketFraming framing);

    io::Task<Step<void>> receive(Packets& into) override;
    io::Task<Step<void>> send(std::span<const Packet> all) override;
    io::Task<void> end() override;
    void rest() noexcept override;
    bool addressed() const noexcept override { return framing_ == PacketFraming::addressed; }

private:
    proto::Parsed<void> open(Packets& into);
    void add(ByteSpan datagram, Packets& into);
    io::Task<Step<void>> receive_more();
    io::Task<Step<void>> prepare();
    io::Task<io::Result<std::size_t>> receive_into();

    io::Task<Step<io::Buffer>> provide_out(std::span<const Packet> all);
    std::size_t seal(std::span<const Packet> all, io::Buffer& out);
    bool seal_one(const Packet& packet, io::Buffer& out);
    std::size_t needed(const Packet& packet) const noexcept;
    bool can_carry(const Packet& packet) const noexcept;
    Outcome lost(std::errc error) const;

    Session& session_;
    std::optional<End> own_;
    End& end_;
    const PacketFraming framing_;
    io::Buffer in_;
    std::size_t done_ = 0;  // of `in_`: views may still lie there
    std::size_t need_ = 1;  // of `in_` behind that: what the opener wants
    bool ended_ = false;
    bool busy_ = false;        // receives into run buffers
    std::uint8_t meagre_ = 0;  // receives in a row that left most of one empty
};

}  // namespace ferry::core
