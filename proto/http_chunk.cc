#include "proto/http_chunk.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "proto/http_field.h"

namespace ferry::proto {
namespace {

std::optional<std::uint8_t> hex_digit(char c) noexcept {
    if (c >= '0' && c <= '9') {
        return static_cast<std::uint8_t>(c - '0');
    }
    if (c >= 'a' && c <= 'f') {
        return static_cast<std::uint8_t>(c - 'a' + 10);
    }
    if (c >= 'A' && c <= 'F') {
        return static_cast<std::uint8_t>(c - 'A' + 10);
    }
    return std::nullopt;
}

}  // namespace

std::size_t HttpChunkWalker::walk(ByteView in) noexcept {
    std::size_t count = 0;
    while (count < in.size()) {
        if (state_ == State::data) {
            const std::uint64_t here = std::min<std::uint64_t>(left_, in.size() - count);
            count += static_cast<std::size_t>(here);
            left_ -= here;
            state_ = left_ == 0 ? State::data_cr : State::data;
            continue;
        }
        if (done() || faulty()) {
            break;
        }
        state_ = step(static_cast<char>(in[count]));
        count += faulty() ? 0 : 1;
    }
    return count;
}

HttpChunkWalker::State HttpChunkWalker::step(char c) noexcept {
    switch (state_) {
        case State::size_first:
        case State::size:
        case State::size_blank:
        case State::extension:
        case State::size_lf:
            return size_step(c);
        case State::data_cr:
            return c == '\r' ? State::data_lf : State::faulty;
        case State::data_lf:
            return c == '\n' ? State::size_first : State::faulty;
        case State::trailer_first:
        case State::trailer_name:
        case State::trailer_value:
        case State::trailer_lf:
        case State::end_lf:
            return trailer_step(c);
        case State::data:
        case State::done:
        case State::faulty:
            break;  // walk() takes no step in these
    }
    std::unreachable();
}

HttpChunkWalker::State HttpChunkWalker::size_step(char c) noexcept {
    if (state_ == State::size_lf) {
        if (c != '\n') {
            return State::faulty;
        }
        text_bytes_ = 0;
        return left_ == 0 ? State::trailer_first : State::data;
    }
    if (state_ == State::extension) {
        return c == '\r' ? State::size_lf : counted(c, kHttpChunkLineBytesMax);
    }
    const auto digit = hex_digit(c);
    if (digit && state_ != State::size_blank) {
        if (state_ == State::size_first) {
            left_ = 0;
        }
        // The shift below loses nothing: the value is below 2^59 before it.
        if (left_ > kHttpLengthMax >> 4 || ++text_bytes_ > kHttpChunkDigitsMax) {
            return State::faulty;
        }
        left_ = left_ << 4 | *digit;
        return State::size;
    }
    if (state_ == State::size_first) {
        return State::faulty;
    }
    if (c == '\r') {
        return State::size_lf;
    }
    if (c == ';') {
        state_ = State::extension;
    } else if (c == ' ' || c == '\t') {
        state_ = State::size_blank;
    } else {
        return State::faulty;
    }
    return counted(c, kHttpChunkLineBytesMax);
}

HttpChunkWalker::State HttpChunkWalker::trailer_step(char c) noexcept {
    if (state_ == State::end_lf) {
        return c == '\n' ? State::done : State::faulty;
    }
    if (state_ == State::trailer_lf) {
        return c == '\n' ? State::trailer_first : State::faulty;
    }
    if (state_ == State::trailer_value) {
        return c == '\r' ? State::trailer_lf : counted(c, kHttpTrailerBytesMax);
    }
    if (state_ == State::trailer_first && c == '\r') {
        return State::end_lf;
    }
    // A name has at least one character, and a colon right behind the last.
    if (state_ == State::trailer_name && c == ':') {
        state_ = State::trailer_value;
    } else if (is_token(c)) {
        state_ = State::trailer_name;
    } else {
        return State::faulty;
    }
    return counted(c, kHttpTrailerBytesMax);
}

// One more byte of text in the state we are in, up to a limit.
HttpChunkWalker::State HttpChunkWalker::counted(char c, std::size_t bytes_max) noexcept {
    const bool is_text = is_field_text(c) || c == '\t';
    return is_text && ++text_bytes_ <= bytes_max ? state_ : State::faulty;
}

}  // namespace ferry::proto
