#include "proto/mux/frame.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "proto/cursor.h"

namespace ferry::proto::mux {
namespace {

// Bits of the option. The others are ignored, as peers do.
constexpr std::uint8_t kOptionData = 0x01;
constexpr std::uint8_t kOptionError = 0x02;

constexpr std::size_t kLengthBytes = 2;

static_assert(kHeadBytesMax == 276);
static_assert(kHeadBytesMax - 2 * kLengthBytes <= kMetadataBytesMax);

Parsed<Network> network_of(std::uint8_t byte) {
    switch (byte) {
        case static_cast<std::uint8_t>(Network::tcp):
        case static_cast<std::uint8_t>(Network::udp):
            return static_cast<Network>(byte);
        default:
            return std::unexpected(Fault::bad_frame);
    }
}

// Reads network and target from the rest of the metadata.
Parsed<void> read_target(Reader& rest, Frame& frame) {
    const auto network = network_of(rest.u8());
    auto target = vmess::read_address(rest);
    if (!rest.ok()) {
        return std::unexpected(Fault::bad_length);
    }
    if (!network) {
        return std::unexpected(network.error());
    }
    if (!target) {
        return std::unexpected(target.error());
    }
    frame.network = *network;
    frame.target = std::move(*target);
    return {};
}

// Behind the target of an association; what is too short for one means nothing.
std::optional<GlobalId> read_global_id(Reader& rest) {
    if (rest.left() < kGlobalIdBytes) {
        return std::nullopt;
    }
    return rest.array<kGlobalIdBytes>();
}

}  // namespace

Parsed<FrameStep> FrameReader::next(ByteView in) {
    if (data_left_ > 0) {
        const ByteView data = in.first(std::min(in.size(), data_left_));
        if (data.empty()) {
            return FrameStep{.kind = FrameStep::Kind::need, .count = 0, .data = {}, .last = false};
        }
        data_left_ -= data.size();
        return FrameStep{.kind = FrameStep::Kind::data,
                         .count = data.size(),
                         .data = data,
                         .last = data_left_ == 0};
    }

    const std::size_t in_bytes = in.size();
    const FrameStep need{
        .kind = FrameStep::Kind::need, .count = in_bytes, .data = {}, .last = false};
    if (!gather(in, kLengthBytes)) {
        return need;
    }
    const std::size_t metadata_bytes = crypto::load_be<std::uint16_t>(stored_.data());
    if (metadata_bytes < kMetadataBytesMin || metadata_bytes > kMetadataBytesMax) {
        return std::unexpected(Fault::bad_length);
    }
    const std::size_t data_length_at = kLengthBytes + metadata_bytes;
    if (!gather(in, data_length_at)) {
        return need;
    }
    if (!is_understood_) {
        const auto understood = understand(ByteView(stored_).subspan(kLengthBytes, metadata_bytes));
        if (!understood) {
            return std::unexpected(understood.error());
        }
        is_understood_ = true;
    }
    if (frame_.data_bytes) {
        if (!gather(in, data_length_at + kLengthBytes)) {
            return need;
        }
        frame_.data_bytes = crypto::load_be<std::uint16_t>(stored_.data() + data_length_at);
        data_left_ = *frame_.data_bytes;
    }
    stored_bytes_ = 0;
    is_understood_ = false;
    return FrameStep{.kind = FrameStep::Kind::head,
                     .count = in_bytes - in.size(),
                     .data = {},
                     .last = data_left_ == 0};
}

// Moves bytes from the front of `in` until so many are stored; says whether they are.
bool FrameReader::gather(ByteView& in, std::size_t bytes) noexcept {
    if (stored_bytes_ < bytes) {
        const ByteView more = in.first(std::min(in.size(), bytes - stored_bytes_));
        std::ranges::copy(more, ByteSpan(stored_).subspan(stored_bytes_).begin());
        stored_bytes_ += more.size();
        in = in.subspan(more.size());
    }
    return stored_bytes_ >= bytes;
}

// Bytes behind what is understood are ignored, as peers do.
Parsed<void> FrameReader::understand(ByteView metadata) {
    Reader rest(metadata);
    frame_ = Frame{};
    frame_.session = rest.u16();
    const std::uint8_t status = rest.u8();
    const std::uint8_t option = rest.u8();
    frame_.error = (option & kOptionError) != 0;
    if ((option & kOptionData) != 0) {
        frame_.data_bytes = 0;  // it has one; how much follows behind the metadata
    }
    switch (status) {
        case static_cast<std::uint8_t>(Status::open): {
            frame_.status = Status::open;
            auto read = read_target(rest, frame_);
            if (read && frame_.network == Network::udp) {
                frame_.global_id = read_global_id(rest);
            }
            return read;
        }
        case static_cast<std::uint8_t>(Status::keep): {
            frame_.status = Status::keep;
            // Anything but this byte is none of an address: what else a peer adds means nothing.
            const ByteView behind = rest.rest();
            const bool has_address =
                !behind.empty() && behind[0] == static_cast<std::uint8_t>(Network::udp);
            return has_address ? read_target(rest, frame_) : Parsed<void>();
        }
        case static_cast<std::uint8_t>(Status::end):
        case static_cast<std::uint8_t>(Status::keep_alive):
            frame_.status = static_cast<Status>(status);
            return {};
        default:
            return std::unexpected(Fault::bad_frame);
    }
}

std::size_t write_frame_head(const Frame& frame, ByteSpan to) {
    assert(frame.network.has_value() == frame.target.has_value());
    assert(frame.status != Status::open || frame.network);
    assert(frame.status != Status::keep || frame.network != Network::tcp);
    Writer metadata(to.subspan(kLengthBytes));
    metadata.u16(frame.session);
    metadata.u8(static_cast<std::uint8_t>(frame.status));
    const unsigned data = frame.data_bytes ? kOptionData : 0;
    const unsigned error = frame.error ? kOptionError : 0;
    metadata.u8(static_cast<std::uint8_t>(data | error));
    if (frame.network && frame.target) {
        metadata.u8(static_cast<std::uint8_t>(*frame.network));
        vmess::write_address(*frame.target, metadata);
    }
    if (frame.global_id) {
        assert(frame.status == Status::open && frame.network == Network::udp);
        metadata.bytes(*frame.global_id);
    }
    crypto::store_be(to.data(), static_cast<std::uint16_t>(metadata.at()));
    Writer behind(to.subspan(kLengthBytes + metadata.at()));
    if (frame.data_bytes) {
        behind.u16(*frame.data_bytes);
    }
    return kLengthBytes + metadata.at() + behind.at();
}

}  // namespace ferry::proto::mux
