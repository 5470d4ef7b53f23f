// What fuzz targets share: taking choices off the front of an input, and playing the pump.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "crypto/bytes.h"
#include "proto/codec.h"
#include "proto/vmess/limits.h"

namespace ferry::fuzz {

using Bytes = std::vector<std::uint8_t>;

// Walks over a fuzzer's input. Behind its end there are zeros, so that every input means something.
class Input {
public:
    Input(const std::uint8_t* data, std::size_t bytes) : left_(data, bytes) {}

    bool empty() const { return left_.empty(); }
    std::uint8_t u8() {
        const ByteView byte = bytes(1);
        return byte.empty() ? 0 : byte[0];
    }
    std::uint16_t u16() { return static_cast<std::uint16_t>(u8() << 8 | u8()); }
    ByteView bytes(std::size_t count) {
        const ByteView taken = left_.first(std::min(count, left_.size()));
        left_ = left_.subspan(taken.size());
        return taken;
    }
    ByteView rest() { return bytes(left_.size()); }

private:
    ByteView left_;
};

// Memory of exactly this size: a sanitizer sees a read of one byte too many.
class ExactBytes {
public:
    explicit ExactBytes(ByteView from)
        : memory_(std::make_unique<std::uint8_t[]>(from.size())), bytes_(from.size()) {
        std::ranges::copy(from, memory_.get());
    }
    ByteSpan span() { return {memory_.get(), bytes_}; }

private:
    std::unique_ptr<std::uint8_t[]> memory_;
    std::size_t bytes_;
};

inline void append(Bytes& to, ByteView more) {
    to.insert(to.end(), more.begin(), more.end());
}

// What an opener made of a stream.
struct Heard {
    Bytes plaintext;
    std::size_t counted = 0;
    int doubtful_ends = 0;
    bool ended = false;
    std::optional<proto::Fault> fault;

    friend bool operator==(const Heard&, const Heard&) = default;
};

// One call, with the promises of Opener checked. Gives the bytes counted; none if more are wanted.
inline std::size_t step(proto::Opener& opener, ByteView pending, Heard& heard) {
    using Kind = proto::Opened::Kind;
    ExactBytes in(pending);
    const auto opened = opener.open(in.span());
    if (!opened) {
        heard.fault = opened.error();
        return 0;
    }
    if (opened->kind == Kind::need) {
        assert(opened->count > pending.size());
        assert(opened->count <= proto::vmess::kChunkBytesMax);
        assert(std::ranges::equal(in.span(), pending));
        return 0;
    }
    assert(opened->count > 0);
    assert(opened->count <= pending.size());
    assert(!heard.ended);
    heard.ended = opened->kind == Kind::end;
    heard.doubtful_ends += opened->kind == Kind::maybe_end ? 1 : 0;
    append(heard.plaintext, opened->data);
    heard.counted += opened->count;
    return opened->count;
}

// Gives a stream to an opener in pieces of these sizes, over and over; 0 is all of the rest.
inline Heard listen(proto::Opener& opener, ByteView wire, ByteView piece_sizes) {
    Heard heard;
    Bytes pending;
    std::size_t piece = 0;
    while (!wire.empty() && !heard.fault) {
        std::size_t bytes = piece_sizes.empty() ? 0 : piece_sizes[piece % piece_sizes.size()];
        bytes = bytes == 0 ? wire.size() : std::min(bytes, wire.size());
        ++piece;
        append(pending, wire.first(bytes));
        wire = wire.subspan(bytes);
        std::size_t counted = 1;
        while (counted > 0 && !pending.empty()) {
            counted = step(opener, pending, heard);
            pending.erase(pending.begin(), pending.begin() + static_cast<std::ptrdiff_t>(counted));
        }
    }
    return heard;
}

}  // namespace ferry::fuzz
