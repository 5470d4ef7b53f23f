// What comes out of the body of a mux connection, cut anywhere.
//
//   input   four sizes of pieces; the stream
#include <cassert>

#include "proto/mux/frame.h"
#include "tests/fuzz/input.h"

namespace ferry::proto::mux {
namespace {

using fuzz::Bytes;

// All that a reader says, and its data.
struct MuxHeard {
    std::vector<Frame> frames;
    std::vector<std::size_t> data_bytes;  // of each frame, as far as it came
    Bytes data;
    bool may_end = true;
    std::optional<Fault> fault;

    friend bool operator==(const MuxHeard&, const MuxHeard&) = default;
};

// What core relies on.
void check(const Frame& frame) {
    assert(frame.network.has_value() == frame.target.has_value());
    assert(frame.status != Status::open || frame.network);
    assert(frame.status != Status::keep || frame.network != Network::tcp);
    assert(frame.status == Status::open || frame.status == Status::keep || !frame.network);
    if (frame.target) {
        assert(frame.target->kind != Address::Kind::none);
        assert(frame.target->kind != Address::Kind::name || is_wire_name(frame.target->name));
    }
    if (frame.global_id) {
        assert(frame.status == Status::open && frame.network == Network::udp);
    }
    // What was read can be written, and says the same then.
    std::array<std::uint8_t, kHeadBytesMax> head;
    const std::size_t bytes = write_frame_head(frame, head);
    FrameReader again;
    const auto step = again.next(ByteView(head).first(bytes));
    assert(step && step->kind == FrameStep::Kind::head && step->count == bytes);
    assert(again.frame() == frame);
}

// One call, with the promises of FrameReader checked; gives the bytes counted.
std::size_t step(FrameReader& reader, ByteView there, MuxHeard& heard) {
    fuzz::ExactBytes in(there);
    const std::size_t left = reader.data_left();
    const auto step = reader.next(in.span());
    if (!step) {
        heard.fault = step.error();
        return there.size();
    }
    assert(step->count > 0 && step->count <= there.size());
    switch (step->kind) {
        case FrameStep::Kind::need:
            assert(step->count == there.size() && left == 0 && !step->last);
            break;
        case FrameStep::Kind::head:
            assert(left == 0 && reader.data_left() == reader.frame().data_bytes.value_or(0));
            check(reader.frame());
            heard.frames.push_back(reader.frame());
            heard.data_bytes.push_back(0);
            break;
        case FrameStep::Kind::data:
            assert(step->data.size() == step->count);
            assert(reader.data_left() + step->count == left);
            fuzz::append(heard.data, step->data);
            heard.data_bytes.back() += step->count;
            break;
    }
    assert(step->kind == FrameStep::Kind::need || step->last == (reader.data_left() == 0));
    return step->count;
}

// The stream comes in pieces of these sizes, over and over; 0 is all of the rest.
MuxHeard listened(ByteView wire, ByteView piece_sizes) {
    FrameReader reader;
    MuxHeard heard;
    for (std::size_t piece = 0; !wire.empty() && !heard.fault; ++piece) {
        const std::size_t wanted =
            piece_sizes.empty() ? 0 : piece_sizes[piece % piece_sizes.size()];
        ByteView in = wire.first(wanted == 0 ? wire.size() : std::min(wanted, wire.size()));
        wire = wire.subspan(in.size());
        while (!in.empty() && !heard.fault) {
            in = in.subspan(step(reader, in, heard));
        }
    }
    heard.may_end = !heard.fault && reader.may_end();
    return heard;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    fuzz::Input input(data, bytes);
    const ByteView pieces = input.bytes(4);
    const ByteView wire = input.rest();
    const MuxHeard whole = listened(wire, {});
    assert(whole == listened(wire, pieces));
    return 0;
}

}  // namespace ferry::proto::mux
