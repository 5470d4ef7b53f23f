// Frames of a Mux.Cool connection, with the addresses and the global id that XUDP adds to them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "crypto/bytes.h"
#include "proto/address.h"
#include "proto/fault.h"
#include "proto/vmess/limits.h"
#include "proto/vmess/wire_address.h"

namespace ferry::proto::mux {

// Frame: | m 2 | session 2 | status 1 | option 1 | rest, m - 4 | data length 2 | data |, the last
// two only if the option says so. m counts from the session to the end of the rest: the metadata.
inline constexpr std::size_t kMetadataBytesMin = 4;
inline constexpr std::size_t kMetadataBytesMax = 512;  // peers end the connection on more
inline constexpr std::size_t kGlobalIdBytes = 8;

// What stands in front of the data of a frame that we send, at most: 276. That is a `new` with a
// name of 255 bytes and a global id; a `keep` without an address has 8.
inline constexpr std::size_t kHeadBytesMax =
    2 + kMetadataBytesMin + 1 + vmess::kAddressBytesMax + kGlobalIdBytes + 2;

// The data of any frame that we receive: its length has two bytes, and peers may use them.
inline constexpr std::size_t kDataBytesMax = 65'535;

// The data of a frame of a stream that we send. Every peer takes any length here (vmess.md 13; the
// 8192 bytes that they write are the size of their own buffers). What bounds it is us: with its
// head a frame is one chunk of the body below, so that streams take turns by the chunk. A larger
// one would be two chunks, and save nothing.
inline constexpr std::size_t kStreamDataBytesMax = vmess::kPayloadBytesMax - kHeadBytesMax;

// A datagram is one frame. Some peers end the whole connection on one that their buffer does not
// hold: of 2049 bytes, or of 8193 (vmess.md 13). The first is what every peer takes; those that
// speak XUDP send no more than the second, and take it. What comes in is read up to 65 535 bytes.
inline constexpr std::size_t kDatagramBytesSafe = 2048;
inline constexpr std::size_t kXudpDatagramBytesMax = 8192 - 666;

enum class Status : std::uint8_t {
    open = 1,        // a new session, with its target
    keep = 2,        // more data of one
    end = 3,         // the sender has no more; with the error flag nobody has
    keep_alive = 4,  // nothing: ignored, data and all, whatever its session
};

enum class Network : std::uint8_t { tcp = 1, udp = 2 };

// Names the local source of an association, so that its socket at the server can go with it from
// one connection to the next. To the server it is opaque. All zero names nobody; but whoever writes
// it speaks XUDP.
using GlobalId = std::array<std::uint8_t, kGlobalIdBytes>;

// All of a frame but its data.
struct Frame {
    std::uint16_t session = 0;  // counted from 1 by the client; 0 is XUDP's
    Status status = Status::keep;
    bool error = false;  // with `end`: both directions are over
    // open: what is wanted. keep: udp if the datagram has an address of its own, otherwise none.
    std::optional<Network> network = std::nullopt;
    // Where there is a network: the destination, or from the server the source of the datagram.
    std::optional<Address> target = std::nullopt;
    std::optional<GlobalId> global_id = std::nullopt;  // of an `open` to udp only
    // Size of the data; none if the frame has no place for it. As to what follows, 0 is the same.
    std::optional<std::uint16_t> data_bytes = std::nullopt;

    friend bool operator==(const Frame&, const Frame&) = default;
};

// What one call of FrameReader::next() found at the front of its input.
struct FrameStep {
    enum class Kind : std::uint8_t {
        need,  // all of the input is finished with, and more is wanted
        head,  // frame() is the next one's
        data,  // a piece of the data of frame()
    };
    Kind kind;
    std::size_t
        count;      // input bytes finished with; of `need` all of them, of the others at least 1
    ByteView data;  // a part of the input; never empty with `data`
    bool last;      // this step completes its frame: no data of it follows
};

// The frames of one direction of a connection, read from a byte stream.
//
//   cut     any split of the stream into inputs gives the same frames, the same data and the same
//           fault at the same place; only the pieces of the data differ
//   copies  of heads only: data is seen where it is. A datagram that did not come in one piece is
//           put together by the caller, who learns its size first, from frame().data_bytes
//   cost    nothing is allocated but for a name in a head
//   fault   final: the reader is not called again; the connection is over
class FrameReader {
public:
    // Takes the next step. Bytes that were counted are not passed again.
    //
    //   faults  bad_length: metadata that is too short, for what it has to hold, or too long.
    //           bad_frame: a status, or a network in an `open`, that does not exist.
    //           bad_address
    Parsed<FrameStep> next(ByteView in);

    // The frame whose head was found last. Valid until the next `head`.
    const Frame& frame() const noexcept { return frame_; }

    // Bytes of its data that have not come yet.
    std::size_t data_left() const noexcept { return data_left_; }

    // Is this a place between two frames, where the stream may end?
    bool may_end() const noexcept { return stored_bytes_ == 0 && data_left_ == 0; }

private:
    bool gather(ByteView& in, std::size_t bytes) noexcept;
    Parsed<void> understand(ByteView metadata);

    std::array<std::uint8_t, 2 + kMetadataBytesMax + 2> stored_;  // a head, as far as it has come
    std::size_t stored_bytes_ = 0;
    bool is_understood_ = false;  // the metadata is in frame_; a data length is still to come
    std::size_t data_left_ = 0;
    Frame frame_;
};

// Writes what stands in front of the data of a frame, its length included.
//
//   frame  open: with network and target. keep: with both or neither. A name must pass
//          is_wire_name()
//   to     kHeadBytesMax always suffice
//   gives  bytes written; frame.data_bytes of data belong behind them
std::size_t write_frame_head(const Frame& frame, ByteSpan to);

}  // namespace ferry::proto::mux
