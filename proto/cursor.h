// Reader and Writer: bounds-checked walks over a span of bytes.
#pragma once

#include <array>
#include <cassert>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "crypto/bytes.h"

namespace ferry::proto {

// Walks over bytes that came from outside, in network byte order.
//
//   short   a read beyond the end gives zeros (or an empty view), moves nothing, and makes ok()
//           false for good: read a whole group of fields first, then ask once
class Reader {
public:
    explicit Reader(ByteView from) noexcept : from_(from) {}

    bool ok() const noexcept { return ok_; }
    std::size_t at() const noexcept { return at_; }                   // bytes behind the cursor
    std::size_t left() const noexcept { return from_.size() - at_; }  // bytes before its end
    ByteView rest() const noexcept { return from_.subspan(at_); }

    std::uint8_t u8() noexcept { return number<std::uint8_t>(); }
    std::uint16_t u16() noexcept { return number<std::uint16_t>(); }
    std::uint32_t u32() noexcept { return number<std::uint32_t>(); }
    std::uint64_t u64() noexcept { return number<std::uint64_t>(); }

    ByteView bytes(std::size_t count) noexcept {
        if (!ok_ || count > left()) {
            ok_ = false;
            return {};
        }
        const ByteView taken = from_.subspan(at_, count);
        at_ += count;
        return taken;
    }

    template <std::size_t N>
    std::array<std::uint8_t, N> array() noexcept {
        std::array<std::uint8_t, N> taken{};
        const ByteView view = bytes(N);
        if (!view.empty()) {
            std::memcpy(taken.data(), view.data(), N);
        }
        return taken;
    }

private:
    template <std::unsigned_integral T>
    T number() noexcept {
        const ByteView view = bytes(sizeof(T));
        return view.empty() ? T{0} : crypto::load_be<T>(view.data());
    }

    ByteView from_;
    std::size_t at_ = 0;
    bool ok_ = true;
};

// Fills a span from its front, in network byte order. What is written is ours and so is its size:
// running out of room is a mistake of the program, not of the wire.
class Writer {
public:
    explicit Writer(ByteSpan to) noexcept : to_(to) {}

    std::size_t at() const noexcept { return at_; }                 // bytes written
    std::size_t left() const noexcept { return to_.size() - at_; }  // bytes of room
    ByteView written() const noexcept { return to_.first(at_); }

    void u8(std::uint8_t value) noexcept { number(value); }
    void u16(std::uint16_t value) noexcept { number(value); }
    void u32(std::uint32_t value) noexcept { number(value); }
    void u64(std::uint64_t value) noexcept { number(value); }

    void bytes(ByteView from) noexcept {
        const ByteSpan to = room(from.size());
        if (!from.empty()) {
            std::memcpy(to.data(), from.data(), from.size());
        }
    }

    // The next `count` bytes count as written; the caller fills them.
    ByteSpan room(std::size_t count) noexcept {
        assert(count <= left());
        const ByteSpan to = to_.subspan(at_, count);
        at_ += count;
        return to;
    }

private:
    template <std::unsigned_integral T>
    void number(T value) noexcept {
        crypto::store_be(room(sizeof value).data(), value);
    }

    ByteSpan to_;
    std::size_t at_ = 0;
};

}  // namespace ferry::proto
